"""The worker side: what makes a Celery worker take turns, run attempts and report them."""

from __future__ import annotations

from orchestrator.runtime.context import current
from orchestrator.runtime.installation import install

__all__ = ["current", "install"]
