"""The transitions of events: kept once, and offered to the triggers that they concern."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from orchestrator.state.transitions.base import Reply, Transition
from orchestrator.state.transitions.replies import Missing, Outdated, Recent, Skipped, Waits


@dataclass(frozen=True, slots=True)
class Delivered(Reply):
    """The delivery is kept."""

    tag: ClassVar[str] = "delivered"


@dataclass(frozen=True, slots=True)
class Duplicate(Reply):
    """A delivery of that id came before: nothing was changed."""

    tag: ClassVar[str] = "duplicate"


@dataclass(frozen=True, slots=True)
class Known(Reply):
    """The trigger had the delivery before: nothing was changed."""

    tag: ClassVar[str] = "known"


@dataclass(frozen=True, slots=True)
class Deliver(Transition[Delivered | Duplicate]):
    """Keep an event from outside, once by its id.

    Triggers listen for its `topic` (`event:<name>`, `hook:<trigger>`, `run:<workflow>`, `dataset:<name>` …). `source`
    tells people where it came from. `body` is its JSON, `headers` are those of its message (JSON, or empty).
    """

    script: ClassVar[str] = "deliver"
    delivery: str
    topic: str
    source: str
    body: bytes
    headers: bytes = b""


@dataclass(frozen=True, slots=True)
class Offer(Transition[Waits | Skipped | Known | Outdated | Missing]):
    """Let a delivery wait at a trigger for its run, or record `why` it makes none.

    `name` is the name of its dataset, for a trigger that waits for several datasets.
    """

    script: ClassVar[str] = "offer"
    id: str
    generation: int
    delivery: str
    name: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class DeliveryForgotten(Reply):
    """The delivery is deleted."""

    tag: ClassVar[str] = "forgotten"


@dataclass(frozen=True, slots=True)
class ForgetDelivery(Transition[DeliveryForgotten | Waits | Recent]):
    """Delete a delivery that came more than `age_ms` ago, unless it waits at a trigger for its run."""

    script: ClassVar[str] = "forget_delivery"
    delivery: str
    age_ms: int
