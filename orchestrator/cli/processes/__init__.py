"""Child processes that a command keeps running."""
