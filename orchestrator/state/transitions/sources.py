"""The transitions of the sources of triggers: when they are polled, and the memory of what was seen of them.

The memory of a trigger is one hash, `Keys.seen`. The reads of it stand in `reads.source_memory`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from orchestrator.state.transitions.base import Reply, Transition
from orchestrator.state.transitions.replies import Missing


@dataclass(frozen=True, slots=True)
class PollPlanned(Reply):
    """The source is polled at that time."""

    tag: ClassVar[str] = "planned"


@dataclass(frozen=True, slots=True)
class PollKept(Reply):
    """The next poll comes earlier anyway: nothing was changed."""

    tag: ClassVar[str] = "kept"


@dataclass(frozen=True, slots=True)
class PollStopped(Reply):
    """The trigger is missing, disabled or paused, or polls no source: it has no timer."""

    tag: ClassVar[str] = "stopped"


@dataclass(frozen=True, slots=True)
class Noted(Reply):
    """The values are kept."""

    tag: ClassVar[str] = "noted"


@dataclass(frozen=True, slots=True)
class SeenForgotten(Reply):
    """So many of the names were known, and are forgotten."""

    tag: ClassVar[str] = "forgotten"
    count: int


@dataclass(frozen=True, slots=True)
class PlanPoll(Transition[PollPlanned | PollKept | PollStopped]):
    """Poll a trigger's source in `wait_ms`, or no more if the trigger polls none.

    With `earlier` = 1 the next poll only moves to an earlier time.
    """

    script: ClassVar[str] = "plan_poll"
    id: str
    wait_ms: int
    earlier: int = 0


@dataclass(frozen=True, slots=True)
class NoteSeen(Transition[Noted | Missing]):
    """Keep values, each under its name, for the next poll of a trigger's source."""

    script: ClassVar[str] = "note_seen"
    id: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ForgetSeen(Transition[SeenForgotten]):
    """Forget names that were seen of a trigger's source. Of several callers one deletes a name."""

    script: ClassVar[str] = "forget_seen"
    id: str
    names: tuple[str, ...]
