"""Apps in Celery's eager mode, `task_always_eager`: plain tasks run in their caller, but workflows run on workers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from celery import Celery

logger = logging.getLogger(__name__)
_told: WeakSet[Celery] = WeakSet()


def tell_of_eager(app: Celery) -> None:
    """Log one warning, once an app, if the app is in eager mode."""
    if app.conf.task_always_eager and app not in _told:
        _told.add(app)
        name = f"the app {app.main!r}" if app.main else "an app"
        logger.warning(
            "task_always_eager is set in %s, and does not hold for workflows: their jobs run on workers", name
        )
