"""The short way to the store: connections without the layers of a client, for the calls that each job needs.

redis-py's client spends twice as long on a call as its connections do. A `Wire` lends a connection to one caller at a
time, whatever thread or greenlet that is, and leaves a parent's behind after a fork. A call that got no answer is sent
again on a new connection: every script stands that (see the fragment `slots`).
"""

from __future__ import annotations

import os
from collections import deque
from typing import Any

from redis import ConnectionPool
from redis.exceptions import ConnectionError, ResponseError, TimeoutError


class Wire:
    """Connections to one Redis server, made as its client's pool makes them."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._free: deque[Any] = deque()
        self._pid = os.getpid()

    def call(self, *command: Any) -> Any:
        """Send a command and return its reply. Raises the errors that redis-py's client raises."""
        connection = self._take()
        try:
            try:
                connection.send_command(*command)
                reply = connection.read_response()
            except (ConnectionError, TimeoutError, OSError):
                reply = self._again(connection, command)
        except ResponseError:
            raise  # the server's answer: the connection is in step
        except BaseException:
            connection.disconnect()  # an answer may still be on its way; the next call connects anew
            raise
        finally:
            self._free.append(connection)
        return reply

    def close(self) -> None:
        """Close the connections that nobody uses."""
        while self._free:
            self._free.pop().disconnect()

    def _take(self) -> Any:
        if os.getpid() != self._pid:
            self._free, self._pid = deque(), os.getpid()
        try:
            return self._free.pop()
        except IndexError:
            return self._pool.make_connection()

    def _again(self, connection: Any, command: tuple[Any, ...]) -> Any:
        def once() -> Any:
            connection.send_command(*command)
            return connection.read_response()

        connection.disconnect()
        return connection.retry.call_with_retry(once, lambda _error: connection.disconnect())
