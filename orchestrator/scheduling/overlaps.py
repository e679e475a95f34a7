"""The overlap policy of a schedule without a store: what a planned time does while earlier runs live or wait.

Twin: the fragments `overlaps` (decision, replace), `starters` (room) and `journal` (last_end), for schedules: what they
plan is never gathered. Simulations use this module. In the store the scripts alone decide.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from orchestrator.model.states import RunState
from orchestrator.state.limits import MOST_WAITING

Decision = Literal["start", "wait", "skip", "replace"]


@dataclass(slots=True)
class Occupancy:
    """The living runs and waiting planned times of a schedule, under its overlap policy.

    `limit` is the number of its runs that may live at once, 0 for any number. With `depends_on_past` each run waits for
    the success of the one planned before it.
    """

    overlap: str
    limit: int
    depends_on_past: bool
    living: set[int] = field(default_factory=set)
    """The planned times of runs that are not over."""
    waiting: deque[int] = field(default_factory=deque)
    last_end: RunState | None = None
    last_end_at: int = 0

    def room(self) -> float:
        """Return how many more of its runs may live."""
        if self.depends_on_past and self.last_end not in (None, RunState.succeeded):
            return 0
        return math.inf if self.limit == 0 else self.limit - len(self.living)

    def decision(self) -> Decision:
        """Return what a new planned time does."""
        waiting, room = len(self.waiting), self.room()
        if room > waiting:
            return "start"
        if self.overlap == "cancel_old":
            return "replace"
        if self.overlap == "queue_one":
            return "wait" if waiting <= max(room, 0) else "skip"  # what there is room for is about to start
        return "wait" if self.overlap == "queue_all" and waiting < MOST_WAITING else "skip"

    def replace(self) -> tuple[list[int], list[int]]:
        """Make room for the newest planned time.

        Return the planned times whose runs are to be cancelled, and those that make no run.
        """
        cancelled, dropped = sorted(self.living), list(self.waiting)
        self.waiting.clear()
        return cancelled, dropped

    def ended(self, planned: int, state: RunState) -> None:
        """Note that a run is over."""
        self.living.discard(planned)
        if self.depends_on_past and planned >= self.last_end_at:
            self.last_end, self.last_end_at = state, planned
