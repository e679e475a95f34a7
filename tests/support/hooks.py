"""A web app with hooks that are kept in memory, and those who send it messages."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx

from orchestrator.model.errors import ParameterError
from orchestrator.starters.trigger import Trigger

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
KEY = base64.b64decode(SECRET.removeprefix("whsec_"))
TOKEN = "t0ken-of-the-shop"


@dataclass
class Known:
    """A hook, and what came of a message: as the client's own."""

    trigger: Trigger


@dataclass
class Result:
    status: Literal["accepted", "ignored", "duplicate"]
    runs: list[str]


@dataclass
class Memory:
    """Hooks that are kept in memory, with the rules that the store has."""

    hooks: dict[str, Known]
    taken: dict[str, list[str]] = field(default_factory=dict)
    messages: list[tuple[Any, Mapping[str, str], int]] = field(default_factory=list)
    error: Exception | None = None

    async def find(self, token: str) -> Known | None:
        if self.error:
            raise self.error
        return self.hooks.get(token)

    async def deliver(
        self, hook: Known, delivery: str, payload: Any, headers: Mapping[str, str], received_ms: int
    ) -> Result:
        if delivery in self.taken:
            return Result("duplicate", self.taken[delivery])
        if isinstance(payload, dict) and payload.get("total") == "much":
            raise ParameterError("2 things are wrong:\n  total: is no number\n  day: is missing", where="workflow 'w'")
        self.messages.append((payload, headers, received_ms))
        if isinstance(payload, dict) and payload.get("total") == 0:
            return Result("ignored", [])
        self.taken[delivery] = [f"run{len(self.taken) + 1}"]
        return Result("accepted", self.taken[delivery])


def signed(content: bytes, *, delivery: str = "msg_1", at: float | None = None, key: bytes = KEY) -> dict[str, str]:
    stamp = str(int(time.time() if at is None else at))
    digest = hmac.digest(key, f"{delivery}.{stamp}.".encode() + content, hashlib.sha256)
    return {
        "content-type": "application/json",
        "webhook-id": delivery,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert found["status"] == status
    assert found["request_id"] == answer.headers["x-request-id"]
    assert TOKEN not in answer.text
    assert "\n" not in found["detail"]
    return found
