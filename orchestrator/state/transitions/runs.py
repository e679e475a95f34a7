"""The transitions of runs: created, advanced, cancelled, forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from orchestrator.model.states import RunState
from orchestrator.state.transitions.base import Reply, Transition
from orchestrator.state.transitions.replies import Dropped, Missing, NoPlan
from orchestrator.state.transitions.values import Permits


@dataclass(frozen=True, slots=True)
class Created(Reply):
    """The run is stored. `todo` tells that `advance` has work left to do for it."""

    tag: ClassVar[str] = "created"
    permits: tuple[Permits, ...]
    todo: bool


@dataclass(frozen=True, slots=True)
class Exists(Reply):
    """The same run was created before, by this id or by this idempotency key."""

    tag: ClassVar[str] = "exists"
    run_id: str


@dataclass(frozen=True, slots=True)
class KeyConflict(Reply):
    """The idempotency key belongs to a run with another workflow or other parameters."""

    tag: ClassVar[str] = "conflict"
    run_id: str


@dataclass(frozen=True, slots=True)
class Advanced(Reply):
    """Some of the run's `todo` was carried out; `more` tells that lines are left."""

    tag: ClassVar[str] = "advanced"
    more: bool
    permits: tuple[Permits, ...]


@dataclass(frozen=True, slots=True)
class Marked(Reply):
    """The end of the run is requested; `advance` carries it out where `todo` says so."""

    tag: ClassVar[str] = "marked"
    todo: bool


@dataclass(frozen=True, slots=True)
class Ended(Reply):
    """The run was over before: nothing was changed."""

    tag: ClassVar[str] = "ended"
    state: RunState


@dataclass(frozen=True, slots=True)
class Forgotten(Reply):
    """A slice of an ended run was deleted; `more` tells that some is left."""

    tag: ClassVar[str] = "forgotten"
    more: bool


@dataclass(frozen=True, slots=True)
class Live(Reply):
    """The run is there and not over: nothing was deleted."""

    tag: ClassVar[str] = "live"


@dataclass(frozen=True, slots=True)
class CreateRun(Transition[Created | Exists | KeyConflict | NoPlan]):
    """Create a run of a stored plan and make its first jobs ready.

    `priority` is the run's priority class, `key` an idempotency key or empty, `request` a digest of workflow and
    parameters that guards the key, `facts` describe its start (JSON, or empty).
    """

    script: ClassVar[str] = "create_run"
    run_id: str
    plan: str
    params: bytes
    priority: int
    key: str = ""
    request: str = ""
    facts: bytes = b""


@dataclass(frozen=True, slots=True)
class Advance(Transition[Advanced | Missing]):
    """Carry on with what a run's other scripts left in its `todo`, at most a slice of jobs."""

    script: ClassVar[str] = "advance"
    run_id: str


@dataclass(frozen=True, slots=True)
class Cancel(Transition[Marked | Ended | Missing]):
    """Request a run's end. `who` and `why` are kept with the run and its transition."""

    script: ClassVar[str] = "cancel"
    run_id: str
    who: str
    why: str


@dataclass(frozen=True, slots=True)
class Forget(Transition[Forgotten | Live | Missing]):
    """Delete an ended run, a slice of its keys a call, the run's record last."""

    script: ClassVar[str] = "forget"
    run_id: str


@dataclass(frozen=True, slots=True)
class DropTodo(Transition[Dropped | Live]):
    """Take a run that is missing from the list of runs with something to do."""

    script: ClassVar[str] = "drop_todo"
    run_id: str


@dataclass(frozen=True, slots=True)
class Trimmed(Reply):
    """So many of the oldest transitions are deleted from the stream."""

    tag: ClassVar[str] = "trimmed"
    count: int


@dataclass(frozen=True, slots=True)
class TrimTransitions(Transition[Trimmed]):
    """Keep about `most` entries of the stream of transitions, the newest."""

    script: ClassVar[str] = "trim_transitions"
    most: int
