"""Connections that leave a server which is no longer the one to talk to.

After a failover behind one address the old master, now a replica, keeps its connections and refuses every write. Such
an answer is no error of a command: it ends the connection, as if the server had died. So redis-py drops it, connects
anew, and finds the new master. It holds for every way in which a client sends: calls, pipelines, blocking reads.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from redis.exceptions import ConnectionError, MasterDownError, ReadOnlyError, ResponseError

_WORDS = ("READONLY", "UNBLOCKED")
"""In what a replica answers to a write inside a script, and to who waits in a blocking command."""


class NoLongerMaster(ConnectionError):
    """The server has become a replica."""


def is_no_longer_master(error: ResponseError) -> bool:
    """Tell whether an answer says that the server has become a replica."""
    return isinstance(error, ReadOnlyError | MasterDownError) or any(word in str(error) for word in _WORDS)


def leave_replicas(pool: Any) -> None:
    """Have the connections of a redis-py pool, of threads or of asyncio, end when the server has become a replica."""
    pool.connection_class = (_leaving_async if "asyncio" in pool.connection_class.__module__ else _leaving)(
        pool.connection_class
    )


@cache
def _leaving(base: Any) -> Any:
    class Leaving(base):  # type: ignore[misc]
        def read_response(self, *args: Any, **options: Any) -> Any:
            try:
                return super().read_response(*args, **options)
            except ResponseError as error:
                if is_no_longer_master(error):
                    self.disconnect()
                    raise NoLongerMaster(str(error)) from error
                raise

    return Leaving


@cache
def _leaving_async(base: Any) -> Any:
    class Leaving(base):  # type: ignore[misc]
        async def read_response(self, *args: Any, **options: Any) -> Any:
            try:
                return await super().read_response(*args, **options)
            except ResponseError as error:
                if is_no_longer_master(error):
                    await self.disconnect(nowait=True)
                    raise NoLongerMaster(str(error)) from error
                raise

    return Leaving
