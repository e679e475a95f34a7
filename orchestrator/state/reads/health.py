"""Reads that tell whether the store answers, and whether schedulers work on it."""

from __future__ import annotations

from orchestrator.state.keys import Keys
from orchestrator.state.reads.base import Read, now_ms


def answers(keys: Keys) -> Read[None]:
    """Read one field, to see that the store answers. Driving the read raises `StoreUnavailable` if it does not."""
    yield [("HGET", keys.meta, "schema")]


def since_tick(keys: Keys) -> Read[int | None]:
    """Read how many ms ago a scheduler ticked last; None if none ever has."""
    tick, time = yield [("HGET", keys.meta, "tick"), ("TIME",)]
    return now_ms(time) - int(tick) if tick else None
