"""The transitions of timers: applied, or ended by the scheduler that has done their work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from orchestrator.state.transitions.base import Reply, Transition
from orchestrator.state.transitions.values import Permits


@dataclass(frozen=True, slots=True)
class Fired(Reply):
    """Due timers were applied. `next_due_ms` is when the next one is, by the clock of Redis; `now_ms` that clock.

    `handed` are those that need Python, as (kind, what): whoever dies with them has them handed to another in a while.
    """

    tag: ClassVar[str] = "fired"
    count: int
    permits: tuple[Permits, ...]
    now_ms: int
    next_due_ms: int | None
    handed: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Fire(Transition[Fired]):
    """Apply the timers that are due, at most 100, and take those that need Python."""

    script: ClassVar[str] = "fire"


@dataclass(frozen=True, slots=True)
class Removed(Reply):
    """So many of the timers stood, and are removed."""

    tag: ClassVar[str] = "removed"
    count: int


@dataclass(frozen=True, slots=True)
class EndTimers(Transition[Removed]):
    """Remove timers of one kind whose work is done. A scheduler does so last, after the work."""

    script: ClassVar[str] = "end_timers"
    kind: str
    refs: tuple[str, ...]
