"""`orchestrator.noop`: returns its argument. It joins branches, and stands for a task in a replay."""

from __future__ import annotations

from typing import Any

from celery import shared_task


@shared_task(name="orchestrator.noop")
def noop(value: Any = None) -> Any:
    """Return `value`."""
    return value
