"""The Celery task behind every permit, and how Celery's worker handles its messages.

It is a plain Celery task with three seams. Its tracer is ours (no result, no event, no log line a turn). Its request is
acknowledged when a slot takes it, whatever the app says of late acknowledgement. `inspect active` shows the attempt
that the turn runs. Nobody hears a signal of a turn: what happens to an attempt is told under the name of its own task.
"""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any

from celery.app.task import Task
from celery.app.trace import trace_ok_t
from celery.exceptions import InvalidTaskError
from celery.worker import state as worker_state
from celery.worker.request import Request, create_request_cls  # type: ignore[attr-defined]

from orchestrator.model.states import PriorityClass
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
        priority = PriorityClass(int(priority))
    except (TypeError, ValueError):
        logger.error("a permit that is none was dropped: %.200r", args)
        return trace_ok_t(None, None, time.monotonic() - start, "None")
    try:
        process.take_turn(uuid, str(namespace), str(route), priority, kwargs.get("subscriptions"))
    except Exception:
        logger.exception("a turn of %.200r broke off", args)
    return trace_ok_t(None, None, time.monotonic() - start, "None")


def strategy(task: Any, app: Any, consumer: Any, **_: Any) -> Any:
    """Return what hands a permit to the pool: at once, whatever rate limits the app has, and without a signal."""
    request = create_request_cls(
        TurnRequest, task, consumer.pool, consumer.hostname, consumer.event_dispatcher, app=app
    )

    def take(message: Any, body: Any, ack: Any, reject: Any, callbacks: Any, **_: Any) -> None:
        subscriptions = mine.resources.subscriptions if (mine := process.current()) else ()
        body = (_permit(message), {"subscriptions": subscriptions}, {})
        turn = request(
            message, body=body, decoded=True, on_ack=ack, on_reject=reject, app=app, hostname=consumer.hostname,
            task=task, connection_errors=consumer.connection_errors, headers=message.headers,
        )  # fmt: skip
        worker_state.task_reserved(turn)
        for callback in callbacks or ():
            callback(turn)
        consumer.on_task_request(turn)

    return take


def _permit(message: Any) -> Any:
    """Read a permit, which is JSON whatever the app itself accepts: it is ours, and names a route and a class."""
    try:
        (args, _, _) = json.loads(message.body)
    except (TypeError, ValueError) as error:
        raise InvalidTaskError(f"a permit that is none: {error}") from None
    return args


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

    def on_failure(self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False) -> None:
        """Forget a turn whose process is gone. The node reports its attempt."""
        worker_state.task_ready(self)
        self.acknowledge()

    def _announce_revoked(self, *_: Any) -> None:
        self._already_revoked = True
        self.on_failure(None)

    def _announce_cancelled(self, emit_retry: bool = True) -> None:
        self._already_cancelled = True
        worker_state.task_ready(self)


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

    @classmethod
    def annotate(cls) -> None:
        """Take nothing from `task_annotations`: what an app says of all its tasks (`"*"`) is not meant for turns."""

    @property
    def __trace__(self) -> Any:
        """The tracer, which Celery builds anew at several times: ours stays."""
        return trace_turn

    @__trace__.setter
    def __trace__(self, tracer: Any) -> None:
        pass
