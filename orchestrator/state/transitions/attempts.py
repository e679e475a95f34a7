"""The transitions of attempts: a slot claims one, reports its end, or its node does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from orchestrator.model.outcomes import OutcomeKind
from orchestrator.model.states import JobState
from orchestrator.state.transitions.base import Reply, Transition
from orchestrator.state.transitions.replies import Gone, Missing
from orchestrator.state.transitions.values import Claimed, Permit, Permits, Subscription


@dataclass(frozen=True, slots=True)
class Took(Reply):
    """The slot holds an attempt now."""

    tag: ClassVar[str] = "took"
    claimed: Claimed
    permits: tuple[Permits, ...]


@dataclass(frozen=True, slots=True)
class Nothing(Reply):
    """There is nothing to take. `permits` pass the permit on to a class that has work."""

    tag: ClassVar[str] = "nothing"
    permits: tuple[Permits, ...]


@dataclass(frozen=True, slots=True)
class Done(Reply):
    """The attempt's end is recorded. `claimed` is this slot's next attempt, if it asked for one and there was one.

    `todo` tells that the run has work left over for `advance`; the caller carries it on at once.
    """

    tag: ClassVar[str] = "done"
    claimed: Claimed | None
    permits: tuple[Permits, ...]
    todo: bool


@dataclass(frozen=True, slots=True)
class Stale(Reply):
    """The attempt is no longer this slot's: nothing was changed. `state` is the job run's state, for the log."""

    tag: ClassVar[str] = "stale"
    state: JobState


@dataclass(frozen=True, slots=True)
class Settled(Reply):
    """The end of the attempt is recorded."""

    tag: ClassVar[str] = "settled"
    permits: tuple[Permits, ...]
    todo: bool


@dataclass(frozen=True, slots=True)
class Claim(Transition[Took | Nothing | Stale | Gone]):
    """A slot takes the head of its routes.

    `op` counts the slot's operations from 1: the same number again gives the same reply. `permit` is the (route,
    class) of the message that opened the turn, None for a claim without one.
    """

    script: ClassVar[str] = "claim"
    node: str
    incarnation: int
    slot_name: str
    op: int
    subscriptions: tuple[Subscription, ...]
    permit: Permit | None = None


@dataclass(frozen=True, slots=True)
class Finish(Transition[Done | Stale | Missing | Gone]):
    """A slot reports the end of its attempt and takes the next.

    `payload` is the output or the error, as JSON bytes. `delay_ms` counts for `retry`, `unknown`, `returned` and
    `lost`. Without `subscriptions` nothing is claimed. `leave`, the subscriptions of a turn that ends, asks for one
    permit if work is left.
    """

    script: ClassVar[str] = "finish"
    node: str
    incarnation: int
    slot_name: str
    op: int
    ref: str
    outcome: OutcomeKind
    payload: bytes = b""
    delay_ms: int = 0
    subscriptions: tuple[Subscription, ...] = ()
    leave: tuple[Subscription, ...] = ()


@dataclass(frozen=True, slots=True)
class Settle(Transition[Settled | Stale | Missing | Gone]):
    """A node reports the end of an attempt whose slot cannot: its process died or was killed.

    The outcomes are those of `Finish` (no `ok`) and `lost`. The slot is closed with it. `ref` is the attempt that the
    slot began last, empty for none; one that it was given after that, and never began, is handed back without a loss.
    """

    script: ClassVar[str] = "settle"
    node: str
    incarnation: int
    slot_name: str
    ref: str
    outcome: OutcomeKind
    payload: bytes = b""
    delay_ms: int = 0
