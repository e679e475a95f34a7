"""Celery's consumer, kept alive through a Redis broker that dies or becomes a replica, and quick to come back.

Celery closes a lost connection twice. Where the first try stops half-way, since Redis refuses connections, kombu 5.7
has taken the transport away by the second, which then fails with an `AttributeError`: to Celery that is
"unrecoverable", and the worker ends. Under load this met one restart of Redis in four. After a failover the old master
answers `READONLY` or `UNBLOCKED`: to Celery no error of the connection either. And Celery pauses for up to 30 s between
two tries to connect, each pause 2 s longer: here it is `RECONNECT_S` at most.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from celery.utils.imports import symbol_by_name
from redis.exceptions import ResponseError

from orchestrator.state.connections import NoLongerMaster, is_no_longer_master

logger = logging.getLogger(__name__)

FIRST_S, RECONNECT_S = 0.5, 2.0
"""The first and the longest pause between two tries to connect to a broker that is away."""
CELERYS_PAUSE_S = 30.0
"""Celery's own longest pause, for which people have chosen `broker_connection_max_retries`."""


def hardened(
    consumer: Any,
    on_shutdown: Callable[[], None],
    added: Callable[[], list[Any]],
    cancelled: Callable[[str], list[str]],
) -> type[Any]:
    """Return a consumer class (or its name) as one that a lost connection doesn't end.

    `on_shutdown` is called when the worker has ended its pool, in whichever way it ends. `added` is called when a queue
    was added at run time, and returns the queues to be consumed beside it; `cancelled` when one was cancelled, with its
    name, and returns the names of the queues that go with it.
    """
    base: Any = symbol_by_name(consumer)

    class Blueprint(base.Blueprint):  # type: ignore[misc]
        def start(self, parent: Any) -> None:
            try:
                super().start(parent)
            except ResponseError as error:
                if is_no_longer_master(error):
                    raise NoLongerMaster(str(error)) from error
                raise

    class Consumer(base):  # type: ignore[misc]
        def ensure_connected(self, conn: Any) -> Any:
            conn.ensure_connection = _often(conn.ensure_connection)
            return super().ensure_connected(conn)

        def shutdown(self) -> None:
            super().shutdown()
            on_shutdown()

        def add_task_queue(self, queue: str, *args: Any, **options: Any) -> None:
            super().add_task_queue(queue, *args, **options)
            for each in added():
                if not self.task_consumer.consuming_from(each.name):
                    self.task_consumer.add_queue(each)
            self.task_consumer.consume()

        def cancel_task_queue(self, queue: str) -> None:
            super().cancel_task_queue(queue)
            for each in cancelled(queue):
                self.task_consumer.cancel_by_queue(each)

        def on_connection_error_after_connected(self, exc: Exception) -> None:
            if self.connection is not None:
                self.connection.close = _forgiving(self.connection.close)
            super().on_connection_error_after_connected(exc)

    Consumer.Blueprint = Blueprint
    return Consumer


def _often(ensure: Callable[..., Any]) -> Callable[..., Any]:
    """Make what connects pause less, and try so much more often that it gives up no sooner."""

    def ensure_connection(errback: Any = None, max_retries: int | None = None, **options: Any) -> Any:
        more = max_retries and int(max_retries * CELERYS_PAUSE_S / RECONNECT_S)
        return ensure(errback, more, interval_start=FIRST_S, interval_max=RECONNECT_S, **options)

    return ensure_connection


def _forgiving(close: Callable[[], None]) -> Callable[[], None]:
    def close_what_is_left() -> None:
        try:
            close()
        except AttributeError as error:
            logger.debug("closing a lost connection to the broker: %s", error)

    return close_what_is_left
