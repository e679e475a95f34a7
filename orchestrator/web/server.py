"""The process of the web app: uvicorn, with our limits, our log and our way of ending."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Iterator

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from orchestrator.model.errors import SettingsError
from orchestrator.web import problems
from orchestrator.web.guard import MAX_HEAD_BYTES

HEAD_PATIENCE_S = 10.0
GRACE_S = 10
"""Seconds for requests in progress after the signal to end."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 takes a free one.

    Raises:
        SettingsError: nobody can listen on this address and port.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, address = found[0][0], found[0][4]
        return socket.create_server((str(address[0]), port), family=family, backlog=1024)
    except OSError as error:
        what = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        remedy = "choose another with --host and --port, or ORCHESTRATOR_WEB_HOST and ORCHESTRATOR_WEB_PORT"
        raise SettingsError(f"cannot listen on {host}, port {port}: {what}", remedy=remedy) from None


def server(app: ASGIApp) -> uvicorn.Server:
    """Return a server that serves an app until SIGTERM, SIGINT or SIGHUP, and then lets requests in progress end."""
    config = uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,  # ours hides tokens
        server_header=False,
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        timeout_graceful_shutdown=GRACE_S,
    )
    return _Server(config)


class _Server(uvicorn.Server):
    """Uvicorn that ends as our other processes do: with code 0 after a signal. By itself it raises the signal again."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, self.handle_exit) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class _Protocol(H11Protocol):
    """Uvicorn's protocol, with a deadline for the head of a request, and a problem as the answer to what is no HTTP.

    The app has a deadline of its own for the body.
    """

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        if self._late is None and self._idle:
            self._await_head()
        super().data_received(data)
        if not self._idle:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):  # in the middle of an answer
            self.transport.close()
            return
        body = problems.document(400, f"the request is not valid HTTP, or its head is over {MAX_HEAD_BYTES >> 10} KiB")
        headers = [("content-type", problems.MEDIA_TYPE), ("connection", "close")]
        for event in (h11.Response(status_code=400, headers=headers), h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    @property
    def _idle(self) -> bool:
        """Whether no request is in progress."""
        return self.cycle is None or self.cycle.response_complete

    def _await_head(self) -> None:
        self._late = self.loop.call_later(HEAD_PATIENCE_S, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
