"""The scheduler's duties, one a file, all of one shape: a name, an interval, and one step of bounded time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from orchestrator.state.store import Store
from orchestrator.state.transitions.values import Permits

STEP_S = 0.5
"""How long a step goes on taking up work; with one call more, leases are looked after in time (`limits.OUTAGE_MS`)."""


class StepLimit:
    """The time that a step has, however slow the store: what it does not get done is left to the duty's next step."""

    def __init__(self) -> None:
        self._until = time.monotonic() + STEP_S

    @property
    def reached(self) -> bool:
        """Whether the step is to end."""
        return time.monotonic() >= self._until


@dataclass(frozen=True)
class Tools:
    """What every duty works with: the store, and a way to publish the permits that its scripts ask for."""

    store: Store
    publish: Callable[[Sequence[Permits]], None]


class Duty(Protocol):
    """Something that the scheduler does again and again."""

    name: str
    interval_s: float
    """Seconds between two steps where a step does not say otherwise."""
    patience_s: float
    """How many seconds a step that is due may wait for those of other duties."""

    def step(self, tools: Tools) -> float:
        """Work until nothing is left or the `StepLimit` is reached; return the seconds until the next (0: at once)."""
        ...


@runtime_checkable
class Closing(Protocol):
    """A duty that has something to end when its scheduler does."""

    def close(self) -> None:
        """End it, within a few seconds."""
        ...
