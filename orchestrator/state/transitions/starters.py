"""The transitions of schedules, triggers and backfills: an occasion makes its run, waits, or makes none.

An *occasion* should make one run: a planned time of a schedule (its ms as text) or a delivery to a trigger (its id).
Each call names the generation of the starter and the next occasion that its caller knows. Of several schedulers the
first succeeds, and the others are `Outdated`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from orchestrator.state.transitions.base import Reply, Transition
from orchestrator.state.transitions.replies import Dropped, NoPlan, Outdated, Skipped, Started, Waits

MAX_WHY = 500
"""Characters of a reason that are kept."""


@dataclass(frozen=True, slots=True)
class Full(Reply):
    """There is no room for another run, the starter is paused, or its group is not complete: nothing was changed."""

    tag: ClassVar[str] = "full"


@dataclass(frozen=True, slots=True)
class Passed(Reply):
    """The planned times are passed over and recorded."""

    tag: ClassVar[str] = "passed"


@dataclass(frozen=True, slots=True)
class StartPlanned(Transition[Started | Waits | Skipped | Outdated | NoPlan]):
    """A schedule's planned time makes its run, or waits, or is skipped, by the overlap policy; the next one is set.

    `planned` and `next` are ms as text, `next` empty after the last; `due` is when `next` starts (with its jitter).
    """

    script: ClassVar[str] = "start_planned"
    id: str
    generation: int
    planned: str
    next: str
    due: int
    run_id: str
    plan: str
    params: bytes
    priority: int
    facts: bytes


@dataclass(frozen=True, slots=True)
class PassOver(Transition[Passed | Outdated]):
    """Planned times from `planned` to `last` make no run: they are recorded at `last`, and the next one is set.

    `word` is `missed` (`detail`: how many, and the first's ms) or `failed` (`detail`: why).
    """

    script: ClassVar[str] = "pass_over"
    id: str
    generation: int
    planned: str
    last: str
    word: str
    detail: str
    next: str
    due: int


@dataclass(frozen=True, slots=True)
class StartWaiting(Transition[Started | Full | Outdated | NoPlan]):
    """The occasion that waits longest makes its run if there is room: a planned time, or `count` deliveries together.

    `part` is 1 if the deliveries that wait together are too much for one run.
    """

    script: ClassVar[str] = "start_waiting"
    id: str
    generation: int
    occasion: str
    count: int
    run_id: str
    plan: str
    params: bytes
    priority: int
    facts: bytes
    part: int = 0


@dataclass(frozen=True, slots=True)
class DropWaiting(Transition[Dropped | Outdated]):
    """The occasions that wait longest make no run, because it cannot be made: `detail` says why."""

    script: ClassVar[str] = "drop_waiting"
    id: str
    generation: int
    occasion: str
    count: int
    detail: str
