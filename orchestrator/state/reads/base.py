"""What a read is: a generator that yields batches of commands and is sent their replies; `Store.read` drives it."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, TypeVar

from orchestrator.state.limits import CLOCK_AHEAD_MS

T = TypeVar("T")
Command = tuple[str | bytes | int | float, ...]
Read = Generator[Sequence[Command], list[Any], T]

BATCH = 500
"""Commands or ids of one batch."""


def now_ms(time: Sequence[int]) -> int:
    """Return the reply of TIME in ms."""
    return int(time[0]) * 1000 + int(time[1]) // 1000


def clock_ms(time: Sequence[int], mark: Any) -> int:
    """Return the time of the namespace, given the reply of TIME and its mark. Twin: the fragment `clock`."""
    now, seen = now_ms(time), int(mark or 0)
    return now if seen - now > CLOCK_AHEAD_MS else max(now, seen)


def pairs(reply: Any) -> dict[bytes, bytes]:
    """Read the reply of HGETALL, which is a mapping or a flat list by the protocol that the connection speaks."""
    return reply if isinstance(reply, dict) else dict(zip(reply[::2], reply[1::2], strict=True))
