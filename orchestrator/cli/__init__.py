"""The command line: one module a noun. A face has no rules: it asks `client` and shows."""
