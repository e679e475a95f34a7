"""Celery's consumer, kept alive through a Redis broker that dies.

Celery closes a lost connection twice. Where the first try stops half-way, since Redis refuses connections, kombu 5.7
has taken the transport away by the second, which then fails with an `AttributeError`: to Celery that is
"unrecoverable", and the worker ends. Under load this met one restart of Redis in four.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from celery.utils.imports import symbol_by_name

logger = logging.getLogger(__name__)


def hardened(consumer: Any) -> type[Any]:
    """Return a consumer class (or its name) as one that a lost connection doesn't end."""
    base: Any = symbol_by_name(consumer)

    class Consumer(base):  # type: ignore[misc]
        def on_connection_error_after_connected(self, exc: Exception) -> None:
            if self.connection is not None:
                self.connection.close = _forgiving(self.connection.close)
            super().on_connection_error_after_connected(exc)

    return Consumer


def _forgiving(close: Callable[[], None]) -> Callable[[], None]:
    def close_what_is_left() -> None:
        try:
            close()
        except AttributeError as error:
            logger.debug("closing a lost connection to the broker: %s", error)

    return close_what_is_left
