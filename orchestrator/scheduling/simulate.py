"""A simulation of schedules over a stretch of time, without a store.

The planned times, which of them run and what misfires are those of `planning`, the records those of `records`: the code
that schedulers run. The overlap policy is a script in the store; its twin `scheduling.overlaps` is used here. Pools and
workers that runs share are not simulated: each run starts at once, and succeeds after its given length.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from orchestrator.model import shapes
from orchestrator.model.errors import DefinitionError
from orchestrator.model.ids import starter_id
from orchestrator.model.run import iso
from orchestrator.model.states import RunState
from orchestrator.scheduling.overlaps import Occupancy
from orchestrator.scheduling.planning import Miss, Planned, steps
from orchestrator.scheduling.records import schedule_record
from orchestrator.starters.schedule import Schedule
from orchestrator.timing.calendars import Calendar

Word = Literal["run", "missed", "skipped", "waits"]
Length = Callable[[str, int], int]
"""How long the run of a schedule's planned time takes: (`workflow/name`, planned ms) -> ms, over 0."""
MOST = 2_000_000
"""Entries of a simulation. One takes about 200 bytes."""
Outage = tuple[int, int]
"""A stretch (from, to) in ms in which no scheduler lives; runs go on meanwhile."""


@dataclass(slots=True)
class Entry:
    """The fate of a planned time. All times are Unix ms.

    An entry `missed` stands for `count` planned times, of which `planned` is the last and `first` the first. An entry
    `waits` had no room until the end. A run that is not over at the end has neither `ended` nor `end`.
    """

    schedule: str
    planned: int
    word: Word
    started: int | None = None
    ended: int | None = None
    end: RunState | None = None
    count: int = 1
    first: int | None = None

    def to_json(self) -> shapes.SimulatedTime:
        """Return its shape."""
        return {
            "schedule": self.schedule,
            "planned": iso(self.planned),
            "what": self.word,
            "started": iso(self.started),
            "ended": iso(self.ended),
            "state": self.end.name if self.end is not None else None,
            "count": self.count,
            "first": iso(self.first),
        }


@dataclass(frozen=True, slots=True)
class Simulated:
    """The fate of every planned time, in order, and the most planned times of each schedule that waited at once."""

    entries: list[Entry]
    queues: dict[str, int]

    def totals(self) -> list[shapes.SimulatedSchedule]:
        """Count the outcomes of each schedule's planned times."""
        counts: Counter[tuple[str, str]] = Counter()
        for entry in self.entries:
            counts[entry.schedule, entry.word] += entry.count
        return [
            {
                "schedule": name,
                "runs": counts[name, "run"],
                "missed": counts[name, "missed"],
                "skipped": counts[name, "skipped"],
                "waiting": counts[name, "waits"],
                "longest_queue": longest,
            }
            for name, longest in self.queues.items()
        ]

    def to_json(self) -> shapes.Simulation:
        """Return its shape."""
        return {"entries": [entry.to_json() for entry in self.entries], "schedules": self.totals()}


def simulate(
    schedules: Iterable[tuple[str, Schedule]],
    *,
    start: int,
    end: int,
    length: Length | int,
    calendars: Mapping[str, Calendar] | None = None,
    outages: Sequence[Outage] = (),
) -> Simulated:
    """Run schedules, each given with its workflow, from `start` (excluded) to `end` (included), in Unix ms.

    Raises DefinitionError for a calendar that is not among `calendars`, and for more than MOST entries.
    """
    entries: list[Entry] = []
    queues: dict[str, int] = {}
    absent = _merged(outages)
    lasting: Length = (lambda _, __: length) if isinstance(length, int) else length
    for workflow, schedule in schedules:
        one = _One(workflow, schedule, calendars or {}, lasting, start)
        one.live(end, absent, MOST - len(entries))
        entries += one.entries
        queues[one.times.id] = one.longest
    entries.sort(key=lambda entry: (entry.planned, entry.schedule))
    return Simulated(entries, queues)


def _merged(outages: Sequence[Outage]) -> list[Outage]:
    """Return the outages in order. Outages that touch are joined."""
    found: list[Outage] = []
    for begin, finish in sorted(outages):
        if found and begin <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], finish)
        elif begin < finish:
            found.append((begin, finish))
    return found


class _One:
    """One schedule, moment by moment. At one moment, runs end before the scheduler acts."""

    def __init__(
        self, workflow: str, schedule: Schedule, calendars: Mapping[str, Calendar], length: Length, start: int
    ) -> None:
        record = schedule_record(workflow, schedule, calendars, start)
        planned = Planned.of(starter_id(workflow, schedule.name), schedule, calendars)
        self.times, self.lateness = planned.times, planned.lateness
        self.next = record.next
        self.due = record.due
        self.occupancy = Occupancy(record.overlap, record.limit, record.depends_on_past)
        self.length = length
        self.room_since: int | None = None
        """The moment since which a waiting planned time may start, None if none may."""
        self.ends: list[tuple[int, int]] = []
        """A heap of (when a run ends, its planned time)."""
        self.running: dict[int, Entry] = {}
        self.entries: list[Entry] = []
        self.longest = 0

    def live(self, end: int, outages: Sequence[Outage], most: int) -> None:
        """Go from moment to moment until the end.

        Raises DefinitionError for more than `most` entries.
        """
        while True:
            if len(self.entries) > most:
                raise DefinitionError(f"over {MOST:,} planned times fall into this stretch", remedy="make it shorter")
            wanted = min((at for at in (self.due, self.room_since) if at is not None), default=None)
            acts = None if wanted is None else _present(wanted, outages)
            if self.ends and (acts is None or self.ends[0][0] <= acts):
                if self.ends[0][0] > end:
                    break
                self._end(*heapq.heappop(self.ends))
            elif acts is None or acts > end:
                break
            else:
                self._act(acts)
        self.entries += [Entry(self.times.id, planned, "waits") for planned in self.occupancy.waiting]

    def _act(self, now: int) -> None:
        """Do what a scheduler does at a moment: start planned times, then waiting ones."""
        while self.next is not None and self.due is not None and self.due <= now:
            for step in steps(self.times, self.next, now, self.lateness):
                if isinstance(step, Miss):
                    entry = Entry(self.times.id, step.last, "missed", count=step.count, first=step.first)
                    self.entries.append(entry)
                else:
                    self._planned(step.planned, now)
                self.next = step.next
            self.due = None if self.next is None else self.times.due(self.next)
        self.room_since = None
        while self.occupancy.waiting and self.occupancy.room() > 0:
            self._start(self.occupancy.waiting.popleft(), now)

    def _planned(self, planned: int, now: int) -> None:
        match self.occupancy.decision():
            case "start":
                self._start(planned, now)
                return
            case "skip":
                self.entries.append(Entry(self.times.id, planned, "skipped"))
                return
            case "replace":
                cancelled, dropped = self.occupancy.replace()
                self.entries += [Entry(self.times.id, each, "skipped") for each in dropped]
                for each in cancelled:  # a run that is cancelled ends at once
                    self._over(each, now, RunState.cancelled)
        self.occupancy.waiting.append(planned)
        self.longest = max(self.longest, len(self.occupancy.waiting))

    def _start(self, planned: int, now: int) -> None:
        entry = Entry(self.times.id, planned, "run", started=now)
        self.entries.append(entry)
        self.running[planned] = entry
        self.occupancy.living.add(planned)
        heapq.heappush(self.ends, (now + self.length(self.times.id, planned), planned))

    def _end(self, at: int, planned: int) -> None:
        if planned in self.running:  # else it was cancelled before
            self._over(planned, at, RunState.succeeded)
            if self.occupancy.waiting and self.occupancy.room() > 0:
                self.room_since = at

    def _over(self, planned: int, at: int, state: RunState) -> None:
        entry = self.running.pop(planned)
        entry.ended, entry.end = at, state
        self.occupancy.ended(planned, state)


def _present(moment: int, outages: Sequence[Outage]) -> int:
    """Return the first moment from `moment` on at which a scheduler lives."""
    for begin, finish in outages:
        if begin <= moment < finish:
            return finish
    return moment
