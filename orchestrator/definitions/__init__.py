"""Sets of definitions as files: read, compared with those of a namespace, and turned into changes."""
