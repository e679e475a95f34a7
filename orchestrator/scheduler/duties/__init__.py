"""The scheduler's duties, one a file, all of one shape: a name, an interval, and one bounded step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from orchestrator.state.store import Store
from orchestrator.state.transitions.values import Permits


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

    def step(self, tools: Tools) -> float:
        """Do a bounded piece of work and return the seconds until the next is due (0 for at once)."""
        ...


@runtime_checkable
class Closing(Protocol):
    """A duty that has something to end when its scheduler does."""

    def close(self) -> None:
        """End it, within a few seconds."""
        ...
