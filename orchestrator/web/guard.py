"""Wraps the app: gives each request an id, limits how many run at once, hides tokens, and logs one line for each.

It wraps the whole app, so that everything in the app that records paths (error reports, traces) sees `/hooks/***` and
no token.
"""

from __future__ import annotations

import json
import logging
import re
import time
import uuid
from typing import Any

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orchestrator.web import problems

log = logging.getLogger(__name__)
access = logging.getLogger("orchestrator.web.access")

MAX_AT_ONCE = 512
"""The most requests in progress. Others are asked to come again. Each may hold a body of `body.MAX_BYTES`."""
MAX_HEAD_BYTES = 16 << 10
QUIET = ("/healthz", "/readyz")
"""Monitors ask for these every few seconds. They are logged only if the answer is not 200."""
MAX_LOGGED = 200
"""Characters of a path in the log."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HOOKS = "/hooks/"
_MASKED = _HOOKS + "***"


class Guard:
    """An ASGI app around another."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._at_once = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and complete its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = _Exchange(scope, receive, send)
        self._at_once += 1
        try:
            if self._at_once > MAX_AT_ONCE:
                await exchange.refuse(503, "there are too many requests at once")
            elif exchange.head_bytes > MAX_HEAD_BYTES:
                await exchange.refuse(431, f"the head of the request is over {MAX_HEAD_BYTES >> 10} KiB")
            else:
                await self.app(scope, exchange.receive, exchange.send)
        except Exception:
            log.exception("request %s failed", exchange.id)
            if exchange.status is None:
                await (await problems.unexpected(Request(scope), Exception()))(scope, exchange.receive, exchange.send)
        finally:
            self._at_once -= 1
            exchange.log()


class _Exchange:
    """A request and its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.status: int | None = None
        self._receive = receive
        self._send = send
        self._began = time.perf_counter()
        headers = {name: value for name, value in scope["headers"] if name in _READ}
        asked = headers.get(b"x-request-id", b"").decode("latin-1")
        self.id = asked if _REQUEST_ID.fullmatch(asked) else uuid.uuid4().hex
        self._unread = headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers
        scope.setdefault("state", {})["request_id"] = self.id
        self._hidden = _hide_token(scope)

    @property
    def head_bytes(self) -> int:
        """The size of the request before its body."""
        fields = sum(len(name) + len(value) for name, value in self.scope["headers"])
        return fields + len(self.scope["path"]) + len(self.scope["query_string"]) + self._hidden

    async def refuse(self, status: int, detail: str) -> None:
        """Answer in the app's place."""
        await problems.response(Request(self.scope), status, detail)(self.scope, self.receive, self.send)

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            self._unread = False
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            added = [(b"x-request-id", self.id.encode()), (b"x-content-type-options", b"nosniff")]
            if self._unread:  # nobody reads the rest of the body: without this, the server would go on taking it
                added.append((b"connection", b"close"))
            message = {**message, "headers": [*message.get("headers", ()), *added]}
        await self._send(message)

    def log(self) -> None:
        path = self.scope["path"]
        quiet = path in QUIET and self.status == 200
        client = self.scope.get("client")
        line: dict[str, Any] = {
            "request_id": self.id,
            "client": client[0] if client else None,
            "method": self.scope["method"],
            "path": path[:MAX_LOGGED],
            "status": self.status,
            "ms": round((time.perf_counter() - self._began) * 1000, 1),
        }
        access.log(logging.DEBUG if quiet else logging.INFO, "%s", json.dumps(line))


_READ = (b"content-length", b"transfer-encoding", b"x-request-id")


def _hide_token(scope: Scope) -> int:
    """Move the token behind `/hooks/` from the path to the request's state, as `hook_token`. Return its length."""
    path = scope["path"]
    before, mark, token = path.partition(_HOOKS)
    if not mark:
        return 0
    if not before:
        scope["state"]["hook_token"] = token
    scope["path"] = before + _MASKED
    scope["raw_path"] = scope["path"].encode()
    return len(token)
