"""The servers that an installation stands on: the embedded Redis, addresses, checks."""
