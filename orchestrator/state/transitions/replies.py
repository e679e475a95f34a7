"""What the state scripts answer, as small frozen values; and the words that requests and replies share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from orchestrator.model.states import RunState


class Ring(NamedTuple):
    """Permits to publish: `permits` messages on the queue of a route and priority class."""

    route: str
    cls: int
    permits: int


class Want(NamedTuple):
    """What a worker may take from one route: the priority classes, most urgent first."""

    route: str
    classes: tuple[int, ...]


class Held(NamedTuple):
    """A hand of a node and the attempt that it holds (None for an idle hand)."""

    hand: str
    ref: str | None


class Kill(NamedTuple):
    """An attempt that a node must end: `why` is `cancelled`, `timed_out` or `stale`."""

    hand: str
    ref: str
    why: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """The hand holds an attempt and must now run it.

    `inputs` are the outputs (JSON bytes, empty for none) of the job's planned inputs by job index; None means that they
    are too large for one reply, and the worker reads them in slices (`Reader.outputs`). `retries` counts the earlier
    attempts that ended in a retry, `losses` those that were lost with a worker.
    """

    ref: str
    name: str
    spec: bytes
    params: bytes
    retries: int
    losses: int
    workflow: str
    plan: str
    inputs: dict[int, bytes] | None


@dataclass(frozen=True, slots=True)
class Nothing:
    """There is nothing to take. `rings` passes the permit on where another class has work."""

    rings: tuple[Ring, ...]


@dataclass(frozen=True, slots=True)
class Took:
    """A claim that was served."""

    claimed: Claimed
    rings: tuple[Ring, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """The attempt's end is recorded. `claimed` is this hand's next attempt, if it wanted one and there was one.

    `todo` tells that the run has work left over for `advance`; the caller carries it on at once.
    """

    claimed: Claimed | None
    rings: tuple[Ring, ...]
    todo: bool


@dataclass(frozen=True, slots=True)
class Stale:
    """The attempt is no longer this hand's: nothing was changed. `state` is the job run's state, for the log."""

    state: int


@dataclass(frozen=True, slots=True)
class Missing:
    """The run is not there (any more): nothing was changed."""


@dataclass(frozen=True, slots=True)
class Gone:
    """This incarnation of the node is closed: it must register again, and what its hands hold is no longer theirs."""


@dataclass(frozen=True, slots=True)
class Created:
    """The run is stored."""

    rings: tuple[Ring, ...]
    todo: bool


@dataclass(frozen=True, slots=True)
class Exists:
    """The same run was created before, by this id or by this idempotency key."""

    run: str


@dataclass(frozen=True, slots=True)
class KeyConflict:
    """The idempotency key belongs to a run with another workflow or other parameters."""

    run: str


@dataclass(frozen=True, slots=True)
class NoPlan:
    """The plan is not stored (or not sealed)."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The plan is sealed. `version` is its number in the workflow, `new` whether it was given just now."""

    version: int
    new: bool


@dataclass(frozen=True, slots=True)
class Dropped:
    """The upload is deleted."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """The upload was sealed after all: only its note is gone."""


@dataclass(frozen=True, slots=True)
class Advanced:
    """Some of the run's `todo` was carried out; `more` tells that lines are left."""

    more: bool
    rings: tuple[Ring, ...]


@dataclass(frozen=True, slots=True)
class Welcome:
    """The node is registered under this incarnation."""

    incarnation: int


@dataclass(frozen=True, slots=True)
class Beaten:
    """The node's leases are renewed.

    `kills` are attempts to end. `deaf` is the highest number of healing rings, on the queues that this idle node
    serves, since any node last took a permit there: 0 where all is well.
    """

    kills: tuple[Kill, ...]
    rings: tuple[Ring, ...]
    deaf: int


@dataclass(frozen=True, slots=True)
class Settled:
    """The end of an attempt whose hand cannot speak is recorded."""

    rings: tuple[Ring, ...]
    todo: bool


@dataclass(frozen=True, slots=True)
class Reaped:
    """Nodes past their lease are closed: `lost` attempts were lost with them."""

    lost: int
    rings: tuple[Ring, ...]


@dataclass(frozen=True, slots=True)
class Fired:
    """Due timers were applied. `next_due_ms` is when the next one is, by the clock of Redis; `now_ms` that clock.

    `handed` are those that need Python, as (kind, what): whoever dies with them has them handed to another in a while.
    """

    count: int
    rings: tuple[Ring, ...]
    now_ms: int
    next_due_ms: int | None
    handed: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Marked:
    """The wish stands; `advance` carries it out where `todo` says so."""

    todo: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """The run was over before: nothing was changed."""

    state: RunState


@dataclass(frozen=True, slots=True)
class Left:
    """The node is closed, and the attempts that it still held are handed back."""

    rings: tuple[Ring, ...]


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A slice of an ended run was deleted; `more` tells that some is left."""

    more: bool


@dataclass(frozen=True, slots=True)
class Live:
    """The run is not over: nothing was deleted."""


@dataclass(frozen=True, slots=True)
class Started:
    """The occasion has its run."""

    rings: tuple[Ring, ...]
    todo: bool


@dataclass(frozen=True, slots=True)
class Waits:
    """The occasion waits until its starter has room for its run."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """The occasion makes no run, by its starter's overlap policy."""


@dataclass(frozen=True, slots=True)
class Outdated:
    """The starter has changed, or somebody else was first: nothing was changed."""


@dataclass(frozen=True, slots=True)
class Full:
    """There is no room for another run, the starter is paused, or it gathers on: nothing was changed."""


@dataclass(frozen=True, slots=True)
class Known:
    """The trigger had the delivery before: nothing was changed."""


@dataclass(frozen=True, slots=True)
class Passed:
    """The planned times are passed over and recorded."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """The delivery is kept."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A delivery of that id came before: nothing was changed."""


@dataclass(frozen=True, slots=True)
class Applied:
    """The definitions are changed. `revision` is their new number, 0 where none was asked for."""

    edits: int
    revision: int


@dataclass(frozen=True, slots=True)
class Changed:
    """Somebody changed definitions meanwhile: nothing was changed."""

    edits: int


@dataclass(frozen=True, slots=True)
class NotUploaded:
    """The plan of that workflow is not there: nothing was changed."""

    workflow: str


@dataclass(frozen=True, slots=True)
class StaleEdit:
    """That starter is not as its editor saw it: nothing was changed."""

    id: str
