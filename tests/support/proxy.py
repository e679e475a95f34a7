"""A TCP proxy that can go silent without closing anything: the half-open connection of a lost host or firewall."""

from __future__ import annotations

import selectors
import socket
import threading


class Proxy:
    """Forwards connections to a port on loopback. While frozen, old connections stay open and carry nothing."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._peers: dict[socket.socket, socket.socket] = {}
        self._frozen: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Proxy:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        for each in (self._listener, *self._peers, *self._frozen):
            each.close()
        self._selector.close()

    def redirect(self, target: int) -> None:
        """Carry new connections to another port; those of this moment stay where they are."""
        self._target = target

    def freeze(self) -> int:
        """Go silent on all connections of this moment; new ones work. Returns how many there were."""
        with self._lock:
            silent = tuple(self._peers)
            for each in silent:
                self._selector.unregister(each)
            self._frozen.update(silent)
            self._peers.clear()
        return len(silent) // 2

    def _run(self) -> None:
        while not self._stop.is_set():
            for key, _ in self._selector.select(0.05):
                with self._lock:
                    source = key.fileobj
                    assert isinstance(source, socket.socket)
                    if source is self._listener:
                        self._accept()
                    elif source in self._peers:
                        self._forward(source)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        server = socket.create_connection(("127.0.0.1", self._target))
        for one, other in ((client, server), (server, client)):
            self._peers[one] = other
            self._selector.register(one, selectors.EVENT_READ)

    def _forward(self, source: socket.socket) -> None:
        peer = self._peers[source]
        try:
            data = source.recv(65_536)
            if data:
                return peer.sendall(data)
        except OSError:
            pass
        for each in (source, peer):
            self._selector.unregister(each)
            del self._peers[each]
            each.close()
