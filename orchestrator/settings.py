"""Settings: environment variables `ORCHESTRATOR_*`, a `.env` file, or `[tool.orchestrator]` in pyproject.toml."""

from __future__ import annotations
