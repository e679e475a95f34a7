"""The Celery task behind every permit, and how Celery's worker handles its messages.

It is a plain Celery task with three seams: its tracer is ours (no result, no event, no signal, no log line a turn), its
request is acknowledged when a slot takes it, whatever the app says of late acknowledgement, and `inspect active` shows
the attempt that the turn runs.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from celery.app.task import Task
from celery.app.trace import trace_ok_t
from celery.worker.request import Request
from celery.worker.strategy import default

from orchestrator.runtime import process

logger = logging.getLogger(__name__)

if TYPE_CHECKING:
    _Task = Task[Any, Any]
else:
    _Task = Task


def trace_turn(uuid: str, args: Any, kwargs: Any, request: Any = None) -> trace_ok_t:
    """Take a turn. Whatever goes wrong is logged here: for Celery a turn always succeeds."""
    start = time.monotonic()
    try:
        namespace, route, priority = args
        process.take_turn(uuid, str(namespace), str(route), int(priority))
    except (TypeError, ValueError):
        logger.error("a permit that is none was dropped: %.200r", args)
    except Exception:
        logger.exception("a turn of %.200r broke off", args)
    return trace_ok_t(None, None, time.monotonic() - start, "None")


def strategy(task: Any, app: Any, consumer: Any, **options: Any) -> Any:
    """Handle messages as Celery does, without its log line for each."""
    return default(task, app, consumer, info=lambda *_, **__: None, **options)


class TurnRequest(Request):
    """A permit in the main process."""

    def info(self, safe: bool = False) -> Any:
        """Return what `inspect active` shows: the attempt that the turn runs, if it runs one."""
        shown: Any = super().info(safe)
        row = process.row_of_turn(self.id)
        if row is not None and row.ref:
            shown.update(id=row.ref, name=row.task, type=row.task, args=[], kwargs={})
            shown["time_start"] = time.time() - (time.monotonic() - row.started)
        return shown


class TurnTask(_Task):
    """The task `orchestrator.turn`."""

    abstract = True
    Request = "orchestrator.runtime.turn_task:TurnRequest"
    Strategy = "orchestrator.runtime.turn_task:strategy"
    acks_late = False
    ignore_result = True
    store_errors_even_if_ignored = False
    track_started = False
    send_events = False
    rate_limit = "0"
    max_retries = 0

    @property
    def __trace__(self) -> Any:
        """The tracer, which Celery builds anew at several times: ours stays."""
        return trace_turn

    @__trace__.setter
    def __trace__(self, tracer: Any) -> None:
        pass
