"""The one safe language for conditions and values: CEL, read, bounded in cost, and run."""
