"""The watchdog for a worker that looks healthy and takes nothing.

Celery can wait for ever on a broker connection whose other end is gone without a word. Healing permits that nobody
answers, though this node has idle slots, tell it: after three of them the node breaks its connections to the broker,
and Celery connects again by itself; after three more it ends, and whatever supervises it starts another.
"""

from __future__ import annotations

import logging
import os
import socket
from typing import Any

import psutil
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
                break_connections(getattr(getattr(self._worker, "consumer", None), "connection", None))
        self._last = unanswered
        return self._unanswered >= EXIT_AT


def break_connections(connection: Any) -> None:
    """Break a broker connection of Celery's, and all others of this process to the same server.

    A worker has several (for messages, commands, events), and its main thread may wait on any of them. Where the broker
    is also the store, the node's own are among them, and made again at once.
    """
    if connection is None:
        return  # Celery is connecting already
    peers = {_peer(each) for each in _open_broker_sockets(connection)}
    for each in psutil.Process().net_connections("tcp"):
        if each.fd >= 0 and each.raddr and tuple(each.raddr) in peers:
            with socket.socket(fileno=os.dup(each.fd)) as same:
                try:
                    same.shutdown(socket.SHUT_RDWR)
                except OSError as error:
                    logger.debug("breaking a connection to the broker: %s", error)


def _peer(sock: Any) -> tuple[str, int] | None:
    try:
        host, port, *_ = sock.getpeername()
    except (OSError, ValueError):
        return None  # already broken, or no connection by TCP
    return host, port
