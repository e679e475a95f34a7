"""The scheduler process: what time brings about. Any number run side by side, without a leader."""
