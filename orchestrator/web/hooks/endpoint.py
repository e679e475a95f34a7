"""`POST /hooks/{token}`: another system's signed message, which starts runs.

In this order: the body, within its limits; the hook, by its token; the signature, and with it the message's age; the
payload. Only then `Hooks` stores anything.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from orchestrator.model.errors import NotFound
from orchestrator.model.secrets import resolve
from orchestrator.starters.trigger import Trigger
from orchestrator.web import problems
from orchestrator.web.hooks.body import parse, parse_json, read
from orchestrator.web.hooks.signatures import SIGNATURE_HEADERS, verify

MAX_TOKEN = 200
NOT_KEPT = SIGNATURE_HEADERS | {"authorization", "cookie", "proxy-authorization", "x-api-key"}
"""Headers that are not passed on: they prove who sent the message, and are no part of it."""


class Hook(Protocol):
    """The part of a hook that this module reads."""

    @property
    def trigger(self) -> Trigger:
        """The trigger of the hook. Its `webhook` says how messages are signed and where the secret is."""
        ...


class Delivered(Protocol):
    """What became of a message."""

    @property
    def status(self) -> Literal["accepted", "ignored", "duplicate"]:
        """Stored with the runs that it starts; refused by the trigger's `when`; or a message that came before."""
        ...

    @property
    def runs(self) -> Sequence[str]:
        """The runs that it started, of a duplicate those of the first message. Empty while it waits for others."""
        ...


H = TypeVar("H", bound=Hook)


class Hooks(Protocol[H]):
    """The owner of the hooks: it finds them and takes their messages."""

    async def find(self, token: str) -> H | None:
        """Return the hook with this token, None if there is none."""
        ...

    async def deliver(
        self, hook: H, delivery: str, payload: Any, headers: Mapping[str, str], received_ms: int
    ) -> Delivered:
        """Take a message whose signature is right. It is stored before this returns, the same `delivery` once.

        `payload` is a value of JSON; `headers` have names in lower case, and none of them is a secret or a signature;
        `received_ms` is Unix time.

        Raises:
            ParameterError: the payload does not fit the trigger or the workflow. Nothing is stored, and a corrected
                message with the same id may come.
        """
        ...


def router(hooks: Hooks[H]) -> APIRouter:
    """Return the route of all hooks."""
    made = APIRouter()

    @made.post("/hooks/{token}")
    async def receive(request: Request) -> Response:
        received_ms = time.time_ns() // 1_000_000
        body = await read(request)
        token: str = request.state.hook_token  # the guard has moved it out of the path
        hook = await hooks.find(token) if len(token) <= MAX_TOKEN else None
        webhook = None if hook is None else hook.trigger.webhook
        if hook is None or webhook is None:
            raise NotFound("there is no such hook")
        headers = {name: ", ".join(request.headers.getlist(name)) for name in request.headers}
        secrets = await asyncio.to_thread(resolve, webhook.secret)
        delivery = verify(webhook.scheme, secrets, headers, body, received_ms / 1000)
        payload = _payload(webhook.scheme, headers.get("content-type", ""), body)
        kept = {name: value for name, value in headers.items() if name not in NOT_KEPT}
        delivered = await hooks.deliver(hook, delivery, payload, kept, received_ms)
        runs = list(delivered.runs)
        if delivered.status == "duplicate":
            return problems.response(request, 409, "this message came before", delivery=delivery, runs=runs)
        status = 202 if delivered.status == "accepted" else 200
        return JSONResponse({"delivery": delivery, "status": delivered.status, "runs": runs}, status)

    return made


def _payload(scheme: str, content_type: str, body: bytes) -> Any:
    """Parse the body. GitHub's default is a form that has the JSON in one field."""
    payload = parse(content_type, body)
    if scheme == "github" and isinstance(payload, dict) and list(payload) == ["payload"]:
        inner = payload["payload"]
        return parse_json(inner) if isinstance(inner, str) else inner
    return payload
