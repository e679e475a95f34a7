"""Two Redis servers behind one address, of which the second becomes the master while clients stay connected."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

from support.proxy import Proxy
from support.redis_server import RedisServer
from support.waiting import wait_until


class Pair:
    """A master and its replica behind a proxy, as an address of a cloud's Redis or of a Kubernetes service is."""

    def __init__(self, first: RedisServer, second: RedisServer) -> None:
        self.first, self.second = first, second
        self._proxy = Proxy(first.port)
        self.url = f"redis://127.0.0.1:{self._proxy.port}/0"

    def __enter__(self) -> Pair:
        self._proxy.__enter__()
        with self.second.client() as client:
            client.replicaof("127.0.0.1", str(self.first.port))
            wait_until(lambda: client.info("replication")["master_link_status"] == "up", 15, "the replica to be linked")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._proxy.__exit__(kind, error, trace)

    def fail_over(self) -> None:
        """Make the second server the master, and the first its replica; no connection is closed."""
        with self.first.client() as first, self.second.client() as second:
            sent = first.info("replication")["master_repl_offset"]
            wait_until(lambda: second.info("replication")["slave_repl_offset"] >= sent, 5, "the replica to have it all")
            second.replicaof("NO", "ONE")
            self._proxy.redirect(self.second.port)
            first.replicaof("127.0.0.1", str(self.second.port))

    def get(self, key: str) -> bytes | None:
        """Read a key of the new master."""
        with self.second.client() as client:
            value: bytes | None = client.get(key)
            return value

    def fail_over_while(self, read: Callable[[], Any]) -> None:
        """Fail over while a blocking read waits, and wait until it has ended, however it does."""
        errors: list[BaseException] = []

        def run() -> None:
            try:
                read()
            except BaseException as error:  # noqa: BLE001 — for the thread that asserts
                errors.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        with self.first.client() as first:
            wait_until(lambda: first.info("clients")["blocked_clients"], 5, "the read to wait")
        self.fail_over()
        thread.join(15)
        assert not thread.is_alive()
        assert errors == []
