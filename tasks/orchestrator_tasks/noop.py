"""`orchestrator.noop`: does nothing, and gives back what it was given. A place to join, a stand-in in a replay."""

from __future__ import annotations

from typing import Any

from celery import shared_task


@shared_task(name="orchestrator.noop")
def noop(value: Any = None) -> Any:
    """Return `value`."""
    return value
