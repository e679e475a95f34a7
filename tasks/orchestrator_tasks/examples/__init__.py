"""Workflows to run and to read: `sales` is what `orchestrator demo` runs."""
