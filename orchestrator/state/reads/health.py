"""Reads that tell whether the store answers, and whether schedulers work on it."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.state.keys import Keys
from orchestrator.state.reads.base import Read, now_ms


def answers(keys: Keys) -> Read[None]:
    """Read one field, to see that the store answers. Driving the read raises `StoreUnavailable` if it does not."""
    yield [("HGET", keys.meta, "schema")]


def since_tick(keys: Keys) -> Read[int | None]:
    """Read how many ms ago a scheduler ticked last; None if none ever has."""
    tick, time = yield [("HGET", keys.meta, "tick"), ("TIME",)]
    return now_ms(time) - int(tick) if tick else None


@dataclass(frozen=True, slots=True)
class ClockState:
    """How the namespace's clock stands to that of Redis, in ms."""

    ahead_ms: int
    """How far it is ahead: so long it stands still."""
    set_back_ms: int
    """By how much it was set back the last time, because the clock of Redis had been wrong; 0 if it never was."""
    set_back_at_ms: int
    ago_ms: int
    """How long ago that was."""


def clock_state(keys: Keys) -> Read[ClockState]:
    """Read how the namespace's clock stands to that of Redis."""
    known, time = yield [("HMGET", keys.meta, "clock", "set_back", "set_back_at"), ("TIME",)]
    mark, set_back, at = (int(value or 0) for value in known)
    now = now_ms(time)
    return ClockState(max(0, mark - now), set_back, at, now - at)
