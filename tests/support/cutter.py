"""A TCP proxy to a Redis that executes a command and swallows its reply: the client must send it again."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from types import TracebackType

CHUNK = 65_536


class Cutter:
    """Forwards connections; of each of `names` that a client sends, every `nth` reply is cut with its connection.

    With `silent`, the connection stays open: the client waits for the reply until its own timeout.
    """

    def __init__(self, target: int, names: dict[str, bytes], nth: int, *, silent: bool = False) -> None:
        self._silent = silent
        self._target = target
        self._names = names
        self._nth = nth
        self._lock = threading.Lock()
        self._seen: Counter[str] = Counter()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.cut: Counter[str] = Counter()
        """How many replies were cut, by name."""

    def __enter__(self) -> Cutter:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """Carry a connection of redis-py, which sends one command or pipeline and awaits the replies."""
        with client, socket.create_connection(("127.0.0.1", self._target)) as server:
            doomed = threading.Event()
            replies = threading.Thread(target=self._replies, args=(server, client, doomed), daemon=True)
            replies.start()
            try:
                while data := client.recv(CHUNK):
                    if name := self._chosen(data):
                        self.cut[name] += 1
                        doomed.set()
                    server.sendall(data)
            except OSError:
                pass
            server.shutdown(socket.SHUT_RDWR)
            replies.join()

    def _chosen(self, data: bytes) -> str | None:
        with self._lock:
            for name, needle in self._names.items():
                if needle in data:
                    self._seen[name] += 1
                    return name if self._seen[name] % self._nth == 0 else None
        return None

    def _replies(self, server: socket.socket, client: socket.socket, doomed: threading.Event) -> None:
        try:
            while data := server.recv(CHUNK):
                if not doomed.is_set():
                    client.sendall(data)
                elif not self._silent:
                    break
            client.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
