"""The watchdog for a worker that looks healthy and takes nothing.

Celery can wait for ever on a broker connection whose other end is gone without a word. Healing permits that nobody
answers, though this node has idle slots, tell it: after three of them the node breaks its connections to the broker,
and Celery connects again by itself; after three more it ends, and whatever supervises it starts another.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from typing import Any

from celery.utils.threads import _open_broker_sockets  # type: ignore[attr-defined]

logger = logging.getLogger(__name__)

RECONNECT_AT = 3
EXIT_AT = 6


class Watchdog:
    """Judges the count of unanswered healing permits that each beat brings."""

    def __init__(self, worker: Any) -> None:
        self._worker = worker
        self._last = 0
        self._unanswered = 0

    def hopeless(self, unanswered: int, *, broker_down: bool) -> bool:
        """Act on the count, and tell whether the node should end.

        A permit that could not be published says nothing of this worker: if the broker is down for all, the node need
        not end.
        """
        if unanswered < self._last:
            self._unanswered = 0
        elif unanswered > self._last and not broker_down:
            self._unanswered += 1
            if self._unanswered >= RECONNECT_AT:
                logger.warning("this worker takes no permits: its connections to the broker are made anew")
                break_connections(getattr(self._worker, "consumer", None))
        self._last = unanswered
        return self._unanswered >= EXIT_AT


def break_connections(consumer: Any) -> None:
    """Break the broker connections of a Celery consumer, so that its main thread connects anew.

    A consumer has several (for messages, commands, events), and the main thread may wait on any of them. Each is shut
    down by its own socket object: a descriptor's number may be another's by the time it is used.
    """
    for connection in _connections(consumer):
        for sock in _sockets(connection):
            try:
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
            except (OSError, TypeError) as error:  # it is closed already, or no socket of this kind
                logger.debug("breaking a connection to the broker: %s", error)


def _connections(consumer: Any) -> Iterator[Any]:
    """Go through a consumer's broker connections. It has none while it is connecting."""
    dispatcher = getattr(consumer, "event_dispatcher", None)
    for owner in (consumer, dispatcher):
        connection = getattr(owner, "connection", None)
        if connection is not None:
            yield connection


def _sockets(connection: Any) -> list[Any]:
    """Return the open sockets of a connection: AMQP's one, or those of each channel's client and pool on Redis."""
    found = list(_open_broker_sockets(connection))
    for channel in list(getattr(connection.transport, "channels", None) or ()):
        for name in ("_pool", "_async_pool"):  # the properties without the underscore would connect
            pool = getattr(channel, name, None)
            for kind in ("_available_connections", "_in_use_connections"):
                found += [sock for each in tuple(getattr(pool, kind, ())) if (sock := getattr(each, "_sock", None))]
    return found
