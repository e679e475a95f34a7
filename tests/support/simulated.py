"""Schedules of all kinds for simulations, and the real thing: a scheduler's own code on a real Redis, time moved on."""

from __future__ import annotations

import heapq
import json
import random
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from orchestrator.model.ids import AttemptRef
from orchestrator.model.states import RunState
from orchestrator.scheduling.simulate import Entry, Length, Outage
from orchestrator.starters.fields import Overlap
from orchestrator.starters.schedule import Misfire, Schedule
from orchestrator.state import reads
from orchestrator.state.layouts.change_ops import put_calendar
from orchestrator.state.reads.base import BATCH
from orchestrator.state.transitions.runs import Forget, Forgotten
from orchestrator.timing.base import Rule, to_datetime
from orchestrator.timing.calendars import Calendar
from orchestrator.timing.cron import Cron
from orchestrator.timing.intervals import Every
from orchestrator.timing.nth_day import NthDay
from orchestrator.timing.once import At
from orchestrator.timing.rrule import RRule
from orchestrator.timing.windows import Hours, Window
from support.machine import Machine, Node, Slot, plan_of
from support.starters import Starters

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
ZONES = ("Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Tokyo", "UTC")
CALENDARS = {
    place.lower(): Calendar(weekdays="mon-fri", without=[Calendar(holidays=place)]) for place in ("FR", "US", "DE")
}
OFFICE = Hours(windows=(Window(start="08:30", end="17:30", weekdays=("mon", "tue", "wed", "thu", "fri")),))
OVERLAPS, MISFIRES = get_args(Overlap), get_args(Misfire)
EVERY = 300
"""Moments after which the past is read: of each schedule 1,000 occasions are kept."""


def rule_of(draw: random.Random, start: int, often: float) -> Rule:
    """Draw a rule; `often` is how likely it comes every hour or so, and not every day or more seldom."""
    tz, minute, hour = draw.choice(ZONES), draw.randrange(60), draw.randrange(24)
    if draw.random() < often:
        step = draw.choice((1, 2, 3, 6))
        return draw.choice((
            Cron(f"{minute} */{step} * * *", tz), Cron(f"H {hour % 6}-{hour % 6 + 12}/{step} * * *", tz),
            Every(f"{step}h{minute}m"), Every(f"{step}h", align="day", tz=tz), Cron("*/20 9-12 * * mon-fri", tz),
            RRule(f"DTSTART;TZID={tz}:20270101T{hour:02d}{minute:02d}00\nRRULE:FREQ=HOURLY;INTERVAL={step}"),
        ))  # fmt: skip
    return draw.choice((
        Cron(f"{minute} {hour} * * *", tz), Cron(f"{minute} 2 * * *", tz), Cron(f"{minute} 1-3 * * *", tz),
        Cron(f"{minute} {hour} * * mon-fri", tz), Cron(f"{minute} {hour} L * *", tz), Cron("H H * * 5L", tz),
        NthDay(Calendar(calendar=draw.choice(tuple(CALENDARS))), draw.choice((-2, -1, 1, 3)), "17:00", tz),
        RRule(f"DTSTART;TZID={tz}:20270101T{hour:02d}{minute:02d}00\nRRULE:FREQ=WEEKLY;BYDAY=MO,WE,FR"),
        Every(f"{draw.randrange(20, 50)}h", align=None),
        At(*(to_datetime(start + draw.randrange(1, 60 * DAY), tz) for _ in range(3)), tz=tz),
    ))  # fmt: skip


def schedule_of(draw: random.Random, name: str, start: int, often: float = 0.2) -> Schedule:
    """Draw a schedule: of any kind, with policies, calendars, hours, bounds and jitter."""
    more: dict[str, Any] = {}
    if draw.random() < 0.3:
        more["days"] = draw.choice(tuple(CALENDARS))
        more["move"] = draw.choice(("skip", "next", "previous"))
    if draw.random() < 0.2:
        more["hours"] = OFFICE
        more["outside"] = draw.choice(("skip", "wait"))
    if draw.random() < 0.2:
        more["jitter"] = draw.choice((30, 600, 3 * 3600))
    if draw.random() < 0.3:
        more["grace"] = draw.choice((20, 900, 4 * 3600))
    if draw.random() < 0.1:
        more["end"] = to_datetime(start + draw.randrange(1, 60 * DAY), "UTC")
    overlap, misfire = draw.choice(OVERLAPS), draw.choice(MISFIRES)
    if draw.random() < 0.15 and overlap != "cancel_old":
        more["depends_on_past"] = True
    return Schedule(rule_of(draw, start, often), name=name, overlap=overlap, misfire=misfire, **more)


def schedules_of(count: int, seed: int, start: int, often: float = 0.2) -> list[tuple[str, Schedule]]:
    """Draw so many schedules, each with its workflow."""
    draw = random.Random(seed)
    return [(f"w{number % 7}", schedule_of(draw, f"s{number}", start, often)) for number in range(count)]


def length_of(seed: int, most_ms: int) -> Length:
    """Draw how long each run takes, most of them short."""

    def length(schedule: str, planned: int) -> int:
        drawn = random.Random(f"{seed} {schedule} {planned}").random()
        return 1000 + int(drawn**4 * most_ms)

    return length


class Accelerated:
    """Schedules worked by a scheduler's own code on a real store, under a clock that is moved from moment to moment.

    Each run is taken by a slot of one node at once, and ends after its length; a run that is cancelled ends at once.
    """

    def __init__(self, machine: Machine, length: Length) -> None:
        self.machine = machine
        self.starters = Starters(machine)
        self.length = length
        self.node: Node = machine.node("all")
        self.idle: list[Slot] = []
        self.holders: dict[str, Slot] = {}
        """Who holds each run that is not over."""
        self.ends: list[tuple[int, str]] = []
        """A heap of (when a run ends, its id)."""
        self.runs: dict[str, Entry] = {}
        self.entries: list[Entry] = []
        self.over: list[str] = []
        self.seen = "-"
        self.waits_for_slots = False
        self.moments = 0

    def run(
        self,
        schedules: Sequence[tuple[str, Schedule]],
        start: int,
        end: int,
        calendars: Mapping[str, Calendar] | None = None,
        outages: Sequence[Outage] = (),
    ) -> list[Entry]:
        """Let the schedules live from `start` to `end`, and return what became of their planned times."""
        machine = self.machine
        machine.wait(start - machine.now)
        documents = {name: json.dumps(calendar.document()).encode() for name, calendar in (calendars or {}).items()}
        self.starters.apply([put_calendar(name, document) for name, document in documents.items()])
        names = [
            self.starters.schedule(plan_of(1, workflow=workflow), schedule, calendars=calendars)
            for workflow, schedule in schedules
        ]
        while (at := self._next(outages)) is not None and at <= end:
            machine.wait(at - machine.now)
            while self.ends and self.ends[0][0] <= at:
                self._end(heapq.heappop(self.ends)[1], "ok")
            if not any(begin <= at < finish for begin, finish in outages):
                self._work()
            self.moments += 1
            if self.moments % EVERY == 0:
                self._read(names)
        self._read(names)
        self.entries += [Entry(name, int(each), "waits") for name in names for each in self.starters.waiting(name)]
        return sorted(self.entries, key=lambda entry: (entry.planned, entry.schedule))

    def _next(self, outages: Sequence[Outage]) -> int | None:
        """Return the next moment at which something happens: a run's end, or a timer where a scheduler lives."""
        moments = [self.ends[0][0]] if self.ends else []
        for _, due in self.machine.client.zrange(self.machine.keys.timers, 0, 0, withscores=True):
            moments.append(
                max(next((finish for begin, finish in outages if begin <= due < finish), int(due)), self.machine.now)
            )
        return min(moments, default=None)

    def _work(self) -> None:
        """Work as a scheduler until nothing is due, with workers that take and cancel at once."""
        while True:
            self.starters.work()
            cancelled = self._follow()
            for run in cancelled:
                self.machine.carry_on(run)
                self._end(run, "cancelled")
            self._take()
            if not cancelled:
                return

    def _follow(self) -> list[str]:
        """Read the transitions that are new; return which runs are to be cancelled."""
        cancelled = []
        store, keys = self.machine.store, self.machine.keys
        found = store.read(reads.transitions(keys, self.seen))
        while found:
            self.seen = found[-1].id
            for each in found:
                if each.job is None and each.before is None:
                    starter, occasion = self.machine.client.hmget(keys.run(each.run), "starter", "occasion")
                    self.runs[each.run] = entry = Entry(starter.decode(), int(occasion), "run", started=each.ms)
                    self.entries.append(entry)
                    heapq.heappush(self.ends, (each.ms + self.length(entry.schedule, entry.planned), each.run))
                    self.waits_for_slots = True
            for each in found:
                if each.job is not None:
                    continue
                if each.after is RunState.cancelling:
                    cancelled.append(each.run)
                elif each.after.final:
                    entry = self.runs.pop(each.run)
                    entry.ended, entry.end = each.ms, each.after
                    self.over.append(each.run)
            # As many transitions as there may be entries: there may be more.
            found = store.read(reads.transitions(keys, self.seen)) if len(found) >= BATCH else []
        return cancelled

    def _take(self) -> None:
        """Let slots take whatever is ready."""
        while self.waits_for_slots and self.machine.ready():
            slot = self.idle.pop() if self.idle else self.node.slot(f"h{len(self.node.slots)}")
            self.holders[AttemptRef.parse(slot.take()).run] = slot
        self.waits_for_slots = False

    def _end(self, run: str, outcome: str) -> None:
        """End a run, if it is not over yet."""
        slot = self.holders.pop(run, None)
        if slot is not None:
            slot.finish(outcome)
            self.idle.append(slot)

    def _read(self, names: Sequence[str]) -> None:
        """Read what made no run, and let the store forget what is read: it would keep the last 1,000 occasions."""
        self._follow()
        store, keys = self.machine.store, self.machine.keys
        for name in names:
            for each in self.starters.past(name):
                if each.word == "missed":
                    count, first = map(int, each.detail.split())
                    self.entries.append(Entry(name, each.at_ms, "missed", count=count, first=first))
                elif each.word != "run":
                    assert each.word == "skipped", each
                    self.entries.append(Entry(name, each.at_ms, "skipped"))
        store.pipeline([("DEL", *map(keys.journal, names)), ("XTRIM", keys.transitions, "MAXLEN", 0)])
        for forgotten in store.run_all([Forget(run) for run in self.over]):
            assert isinstance(forgotten, Forgotten), forgotten
        self.over.clear()
