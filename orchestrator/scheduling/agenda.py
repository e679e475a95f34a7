"""Which runs schedules will start next, all together and in order: pure, by the same steps as a scheduler's.

What an overlap policy will make of a run cannot be foreseen: it goes by how long the runs before it take.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from orchestrator.scheduling.planning import Planned, Start, steps


class Coming(NamedTuple):
    """A run to come: of a planned time of a schedule, at a moment (ms)."""

    starts: int
    schedule: str
    planned: int


def agenda(schedules: Iterable[tuple[Planned, int | None]], now: int) -> Iterator[Coming]:
    """Yield the runs to come of schedules, each given with its next planned time; without an end if they have none."""
    yield from heapq.merge(*(coming(planned, at, now) for planned, at in schedules))


def coming(planned: Planned, at: int | None, now: int) -> Iterator[Coming]:
    """Yield the runs to come of one schedule, whose next planned time is `at`.

    What is due already starts now, as far as its misfire policy lets it. Planned times start in their order: one whose
    jitter is short waits for those before it.
    """
    times = planned.times
    while at is not None and times.due(at) <= now:
        for step in steps(times, at, now, planned.lateness):
            at = step.next
            if isinstance(step, Start):
                yield Coming(now, times.id, step.planned)
    starts = now
    while at is not None:
        starts = max(starts, times.due(at))
        yield Coming(starts, times.id, at)
        at = times.next(at)
