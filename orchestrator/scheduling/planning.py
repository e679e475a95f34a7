"""Which planned times of a schedule are due, and which of them run: pure, so that a simulation takes the same steps.

A planned time is on time, and runs, until the following one comes, but for at least 10 s and at most a minute:
schedulers share work, and one that dies hands its part on within seconds. A later one was *missed*, and the schedule's
misfire policy decides: under `skip` only what is on time runs; `run_once` makes one run of all that is due then, of the
missed ones and of those that have come on time since. With jitter, planned times keep their order, so one may have to
wait for the start of another: it is late only after the longest jitter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orchestrator.starters.schedule import Misfire, Schedule
from orchestrator.timing.adjust import jitter_ms
from orchestrator.timing.base import Timing
from orchestrator.timing.calendars import Calendar

LEAST_PATIENCE_MS = 10_000
"""A planned time that is no later is on time: a killed scheduler's part is handed on within 2 to 4 s."""
MOST_PATIENCE_MS = 60_000
"""A planned time that is later was missed: all schedulers may be restarted within that."""
MOST_STEPS = 50
"""Runs that one schedule starts at once; what is left of a backlog comes next."""
MOST_MISSED = 1_000
"""Missed times that are walked over at once."""


@dataclass(frozen=True, slots=True)
class Times:
    """A schedule's planned times, and when the runs of each start."""

    timing: Timing
    id: str
    """The schedule, from which its jitter is drawn."""
    jitter_ms: int = 0

    def next(self, planned: int) -> int | None:
        """Return the planned time after another, in ms."""
        return self.timing.next_ms(planned)

    def due(self, planned: int) -> int:
        """Return when the run of a planned time starts."""
        return planned + jitter_ms(self.id, planned, self.jitter_ms) if self.jitter_ms else planned

    def late(self, planned: int, now: int) -> int:
        """Return for how long a planned time should have started by now, whatever its jitter (below 0: not yet)."""
        return now - planned - self.jitter_ms

    def interval(self, planned: int) -> tuple[int, int]:
        """Return the data interval of a planned time: since the planned time before it."""
        before = self.timing.last_ms(planned)
        return (planned if before is None else before), planned


@dataclass(frozen=True, slots=True)
class Start:
    """A planned time makes its run; `next` is planned after it."""

    planned: int
    next: int | None


@dataclass(frozen=True, slots=True)
class Miss:
    """`count` planned times from `first` to `last` make no run; `next` is planned after them."""

    first: int
    last: int
    count: int
    next: int | None


@dataclass(frozen=True, slots=True)
class Lateness:
    """What becomes of a planned time, by how late it is."""

    misfire: Misfire
    grace_ms: int | None

    def missed(self, late_ms: int, gap_ms: int | None) -> bool:
        """Tell whether nobody was there in time; `gap_ms` is from this planned time to the following, if there is one.

        Of planned times in their order, those that were missed come first.
        """
        patience = MOST_PATIENCE_MS if gap_ms is None else min(MOST_PATIENCE_MS, max(LEAST_PATIENCE_MS, gap_ms))
        return late_ms > (patience if self.grace_ms is None else min(patience, self.grace_ms))

    def runs(self, late_ms: int, *, missed: bool, last: bool, backlog: bool) -> bool:
        """Tell whether it runs: the `last` of those that are due, in a `backlog` that begins with a missed one."""
        if not missed and not (backlog and self.misfire == "run_once"):
            return True
        in_grace = not missed or self.grace_ms is None or late_ms <= self.grace_ms
        return in_grace and (self.misfire == "run_all" or (self.misfire == "run_once" and last))


@dataclass(frozen=True, slots=True)
class Planned:
    """A schedule, ready to be planned."""

    schedule: Schedule
    times: Times
    lateness: Lateness

    @classmethod
    def of(cls, own: str, schedule: Schedule, calendars: Mapping[str, Calendar]) -> Planned:
        """Make a schedule of an id ready; a `DefinitionError` if a calendar is missing."""
        times = Times(schedule.planned(own, calendars), own, schedule.jitter_ms)
        return cls(schedule, times, Lateness(schedule.misfire, schedule.grace_ms))


def steps(times: Times, planned: int, now: int, lateness: Lateness) -> Iterator[Start | Miss]:
    """Yield what becomes of the planned times from `planned` on that are due by now, in order.

    What is left of a long backlog is left to the next call.
    """
    at: int | None = planned
    missed: Miss | None = None
    held: Miss | None = None
    backlog, started = False, 0
    for _ in range(MOST_MISSED):
        if at is None or times.due(at) > now or started == MOST_STEPS:
            break
        following, late = times.next(at), times.late(at, now)
        too_late = lateness.missed(late, None if following is None else following - at)
        backlog = backlog or too_late
        last = following is None or times.due(following) > now
        if lateness.runs(late, missed=too_late, last=last, backlog=backlog):
            if missed:
                yield missed
                missed = None
            yield Start(at, following)
            started += 1
        else:
            held = missed if too_late else held
            missed = Miss(missed.first if missed else at, at, missed.count + 1 if missed else 1, following)
        at = following
    else:
        if at is not None and times.due(at) <= now and lateness.misfire == "run_once":
            missed = held or missed  # the next call is to see that it goes on with a backlog
    if missed:
        yield missed
