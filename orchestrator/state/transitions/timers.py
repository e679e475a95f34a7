"""The transitions of timers: applied, or ended by the scheduler that has done their work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from orchestrator.state.transitions.base import Reply, Transition
from orchestrator.state.transitions.values import Permits


@dataclass(frozen=True, slots=True)
class Fired(Reply):
    """Due timers were applied. The next timer is due at `next_due_ms` (None: there is none); `now_ms` is the time now.

    `handed` are the timers whose work needs Python, as (kind, ref). If the caller dies, another one gets them later.
    """

    tag: ClassVar[str] = "fired"
    count: int
    permits: tuple[Permits, ...]
    now_ms: int
    next_due_ms: int | None
    handed: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Fire(Transition[Fired]):
    """Apply the due timers, at most `limits.MOST_FIRED`, and take those whose work needs Python."""

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
