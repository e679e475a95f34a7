"""The worker side: what makes a Celery worker take turns, run attempts and report them."""

from __future__ import annotations

from orchestrator.runtime.current import current
from orchestrator.runtime.install import install

__all__ = ["current", "install"]
