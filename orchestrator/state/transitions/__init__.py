"""The transitions: one class a script, by subject."""
