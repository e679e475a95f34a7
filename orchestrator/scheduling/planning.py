"""The planned times of a schedule that are due, and which of them run. A simulation takes the same steps.

A planned time is on time, and runs, until the following one comes, but for at least 10 s and at most a minute:
schedulers share work, and the part of a dead scheduler is handed on within seconds. A later planned time was *missed*,
and the schedule's misfire policy decides. Under `skip` only planned times that are on time run. `run_once` makes one
run of all planned times that are due: of the missed ones, and of those that have come on time since. With jitter,
planned times keep their order, and one may wait for the start of another: it is late only after the longest jitter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orchestrator.starters.schedule import Misfire, Schedule
from orchestrator.timing.adjust import jitter_ms
from orchestrator.timing.base import Timing
from orchestrator.timing.calendars import Calendar

LEAST_PATIENCE_MS = 10_000
"""A planned time is on time for at least so long: the part of a killed scheduler is handed on within 2 to 4 s."""
MOST_PATIENCE_MS = 60_000
"""A planned time is missed after so long at the latest: a restart of all schedulers takes less."""
MOST_STEPS = 50
"""Runs of one schedule that one call starts; the next call goes on with the backlog."""
MOST_MISSED = 1_000
"""Planned times that one call walks over."""


@dataclass(frozen=True, slots=True)
class Times:
    """The planned times of a schedule, and the start of each one's run. All times are Unix ms."""

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
        """Return how many ms ago a planned time should have started, even with the longest jitter; below 0: not yet."""
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
    """The misfire policy of a schedule: whether a planned time was missed, and whether it runs."""

    misfire: Misfire
    grace_ms: int | None

    def missed(self, late_ms: int, gap_ms: int | None) -> bool:
        """Tell whether no scheduler was there in time; `gap_ms` is the time to the following planned time, if any.

        In the order of planned times, the missed ones come first.
        """
        patience = MOST_PATIENCE_MS if gap_ms is None else min(MOST_PATIENCE_MS, max(LEAST_PATIENCE_MS, gap_ms))
        return late_ms > (patience if self.grace_ms is None else min(patience, self.grace_ms))

    def runs(self, late_ms: int, *, missed: bool, last: bool, backlog: bool) -> bool:
        """Tell whether a planned time runs.

        `last`: it is the last one that is due. `backlog`: an earlier or this one was missed.
        """
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
    def of(cls, starter_id: str, schedule: Schedule, calendars: Mapping[str, Calendar]) -> Planned:
        """Make a schedule ready; `starter_id` is `workflow/name`.

        Raises DefinitionError if a calendar is missing.
        """
        times = Times(schedule.planned(starter_id, calendars), starter_id, schedule.jitter_ms)
        return cls(schedule, times, Lateness(schedule.misfire, schedule.grace_ms))


def steps(times: Times, planned: int, now: int, lateness: Lateness) -> Iterator[Start | Miss]:
    """Yield in order what happens to the planned times that are due now, from `planned` on.

    A call ends after MOST_STEPS runs or MOST_MISSED planned times. The next call goes on with the backlog: it begins
    with a missed planned time. So under `run_once` a call never ends among the planned times that came on time after
    the missed ones. There are few of them, because each is due before the longest jitter is over.
    """
    at: int | None = planned
    missed: Miss | None = None
    backlog, started, walked = False, 0, 0
    while at is not None and times.due(at) <= now and started < MOST_STEPS:
        following, late = times.next(at), times.late(at, now)
        too_late = lateness.missed(late, None if following is None else following - at)
        one_run = backlog and not too_late and lateness.misfire == "run_once"
        if walked >= MOST_MISSED and not one_run:
            break
        backlog = backlog or too_late
        last = following is None or times.due(following) > now
        if lateness.runs(late, missed=too_late, last=last, backlog=backlog):
            if missed:
                yield missed
                missed = None
            yield Start(at, following)
            started += 1
        else:
            missed = Miss(missed.first if missed else at, at, missed.count + 1 if missed else 1, following)
        at, walked = following, walked + 1
    if missed:
        yield missed
