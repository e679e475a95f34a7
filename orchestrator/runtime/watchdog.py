"""The watchdog for a worker that looks healthy and takes nothing.

Celery can wait for ever on a broker connection whose other end is gone without a word. Healing rings that nobody
answers, though this node has idle slots, tell it: after three of them the node breaks its consumer's connection, and
Celery connects again by itself; after three more it ends, and whatever supervises it starts another.
"""

from __future__ import annotations

import logging
import socket
from typing import Any

from celery.utils.threads import _open_broker_sockets  # type: ignore[attr-defined]

logger = logging.getLogger(__name__)

RECONNECT_AT = 3
EXIT_AT = 6


class Watchdog:
    """Judges the count of unanswered healing rings that each beat brings."""

    def __init__(self, worker: Any) -> None:
        self._worker = worker
        self._reconnected = False

    def hopeless(self, deaf: int, *, broker_down: bool) -> bool:
        """Act on the count, and tell whether the node should end. A broker that is down for all is no reason to."""
        if deaf < RECONNECT_AT:
            self._reconnected = False
        elif not self._reconnected:
            self._reconnected = True
            logger.warning("this worker takes no permits: its connection to the broker is made anew")
            self._break_connection()
        return deaf >= EXIT_AT and not broker_down

    def _break_connection(self) -> None:
        connection = getattr(getattr(self._worker, "consumer", None), "connection", None)
        if connection is None:
            return  # it is connecting already
        for sock in _open_broker_sockets(connection):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError as error:
                logger.debug("breaking a connection to the broker: %s", error)
