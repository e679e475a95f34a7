"""The runs that all schedules will start next, in order. A scheduler takes the same steps.

The overlap policy is left out: it depends on how long the earlier runs take.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from orchestrator.scheduling.planning import Planned, Start, steps


class Coming(NamedTuple):
    """A run to come: when it starts, its schedule (`workflow/name`), and its planned time. Times are Unix ms."""

    starts: int
    schedule: str
    planned: int


def agenda(schedules: Iterable[tuple[Planned, int | None]], now: int) -> Iterator[Coming]:
    """Yield the runs to come of schedules, each given with its next planned time (Unix ms).

    This goes on as long as one of the schedules does.
    """
    yield from heapq.merge(*(coming(planned, at, now) for planned, at in schedules))


def coming(planned: Planned, at: int | None, now: int) -> Iterator[Coming]:
    """Yield the runs to come of one schedule, whose next planned time is `at` (Unix ms).

    Planned times that are due already start now, if the misfire policy lets them. Planned times start in their order: a
    planned time with a short jitter waits for the earlier ones.
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
