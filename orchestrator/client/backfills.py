"""Backfills, runs of a schedule's planned times in the past: `client.backfills`. An id is `workflow/schedule~n`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time
from typing import Any, Literal, get_args

from orchestrator.client.edits import Thought, edit
from orchestrator.client.lookup import all_starters, calendars, starter
from orchestrator.client.session import Noun
from orchestrator.client.steps import Steps, read
from orchestrator.model.errors import ParameterError
from orchestrator.model.run import iso
from orchestrator.model.starts import BackfillInfo, PastOccasion
from orchestrator.model.states import PriorityClass, RunState
from orchestrator.scheduling.catalogue import plan
from orchestrator.scheduling.planning import Planned
from orchestrator.scheduling.records import backfill_record
from orchestrator.state.keys import Keys
from orchestrator.state.layouts.change_ops import Op, Starter, clear, put_starter, put_waiting
from orchestrator.state.limits import JOURNAL_KEPT
from orchestrator.state.reads import starters
from orchestrator.state.reads.starters import Load, StarterRecord
from orchestrator.timing.base import to_ms
from orchestrator.timing.zones import zone

Order = Literal["oldest", "newest"]
Only = Literal["missing", "failed"]

KIND = "backfill"
MOST = 50_000
"""Planned times of one backfill: they are stored in one step."""
SLICE = 1_000
MOST_PARALLEL = 10_000


class BackfillsSteps(Noun):
    """The backfills of schedules, runs of planned times in the past. An id is `workflow/schedule~n`."""

    def create(
        self,
        schedule: str,
        start: datetime | date,
        end: datetime | date,
        *,
        parallel: int = 1,
        order: Order = "oldest",
        only: Only | None = None,
        priority: str | None = "low",
        dry_run: bool = False,
    ) -> Steps[BackfillInfo]:
        """Let the planned times of a schedule in [start, end) make runs, `parallel` of them at a time.

        Moments without an offset are local time of the schedule's zone. Times that are still to come are left to the
        schedule. `only` takes the times that made no run (`missing`) or whose run did not succeed (`failed`); it knows
        the last 1,000. The runs are of the class `priority` (None: the schedule's own), by default the lowest, so that
        live runs do not wait for them. `dry_run` returns the planned times and stores nothing. If there are none,
        nothing is stored either, and the id is None.

        Raises:
            NotFound: there is no such schedule.
            ParameterError: an argument does not fit, or the range has too many planned times.
        """
        _check(parallel, order, only, priority)

        def think() -> Steps[Thought[BackfillInfo]]:
            record = yield from starter(self.keys, "schedule", schedule)
            planned = plan(record, (yield from calendars(self.keys)))
            now = yield from read(starters.clock(self.keys))
            first, last = (_moment(each, planned.times.timing.zone_name) for each in (start, end))
            _check_range(planned, first, last, order, parallel)
            # What is still to come makes its run by itself.
            until = min(last, now + 1 if record.next is None else min(record.next, now + 1))
            found = _times(planned, first, until)
            others = [each for each in (yield from all_starters(self.keys, KIND)) if each.log == schedule]
            if only is not None and found:
                found = yield from _those(self.keys, schedule, found, only, [each.id for each in others])
            if order == "newest":
                found.reverse()
            about: dict[str, Any] = {
                "start_ms": first, "end_ms": last, "count": len(found), "parallel": parallel, "order": order,
                "only": only, "priority": priority,
            }  # fmt: skip
            info = BackfillInfo(None, schedule, record.workflow, **about, planned=tuple(found))
            if dry_run or not found:
                return [], info
            number = 1 + max((int(each.id.rpartition("~")[2]) for each in others), default=0)
            changed = planned.schedule.model_copy(update={"priority": priority or planned.schedule.priority})
            made = replace(backfill_record(record, changed, number, parallel), about=json.dumps(about).encode())
            return _ops(made, found), replace(info, id=made.id)

        return (yield from edit(self.session, think))

    def get(self, backfill: str) -> Steps[BackfillInfo]:
        """Return a backfill, and how far it is.

        Raises:
            NotFound: there is no such backfill.
        """
        record = yield from starter(self.keys, KIND, backfill)
        (load,) = yield from read(starters.loads(self.keys, [backfill]))
        return _info(record, load)

    def list(self, schedule: str | None = None) -> Steps[Sequence[BackfillInfo]]:
        """Return all backfills, or those of a schedule, the newest first."""
        records = [each for each in (yield from all_starters(self.keys, KIND)) if schedule in (None, each.log)]
        loads = yield from read(starters.loads(self.keys, [record.id for record in records]))
        found = [_info(record, load) for record, load in zip(records, loads, strict=True)]
        return sorted(found, key=lambda each: each.created_ms or 0, reverse=True)

    def cancel(self, backfill: str) -> Steps[BackfillInfo]:
        """Drop the waiting planned times of a backfill. Its runs go on.

        Raises:
            NotFound: there is no such backfill.
        """

        def think() -> Steps[Thought[None]]:
            record = yield from starter(self.keys, KIND, backfill)
            (load,) = yield from read(starters.loads(self.keys, [backfill]))
            return ([clear(backfill, str(record.generation))] if load.waiting else []), None

        yield from edit(self.session, think)
        return (yield from self.get(backfill))


def _ops(made: Starter, found: Sequence[int]) -> list[Op]:
    slices = (found[at : at + SLICE] for at in range(0, len(found), SLICE))
    return [*(put_waiting(made.id, part) for part in slices), put_starter(made, "0")]


def _info(record: StarterRecord, load: Load) -> BackfillInfo:
    return BackfillInfo(
        record.id, record.log, record.workflow, **json.loads(record.about),
        waiting=load.waiting, running=load.living, cleared=record.cleared, ended=record.ended,
        created_ms=record.created_ms,
    )  # fmt: skip


def _check_range(planned: Planned, first: int, last: int, order: str, parallel: int) -> None:
    if last <= first:
        raise ParameterError(f"the end {iso(last)} is not after the start {iso(first)}", where=planned.times.id)
    if planned.schedule.depends_on_past and (order != "oldest" or parallel != 1):
        what = "each run depends on the one before, so they go one at a time and the oldest first"
        raise ParameterError(what, where=planned.times.id)


def _check(parallel: int, order: str, only: str | None, priority: str | None) -> None:
    for name, value, known in (
        ("order", order, get_args(Order)),
        ("only", only, (None, *get_args(Only))),
        ("priority", priority, (None, *PriorityClass.__members__)),
    ):
        if value not in known:
            names = ", ".join(str(each) for each in known if each is not None)
            raise ParameterError(f"{value!r} is not what {name} can be", remedy=f"it is one of {names}")
    if isinstance(parallel, bool) or not isinstance(parallel, int) or not 1 <= parallel <= MOST_PARALLEL:
        raise ParameterError(
            f"parallel is how many of its runs go on at a time: 1 to {MOST_PARALLEL}, not {parallel!r}"
        )


def _moment(given: datetime | date, zone_name: str) -> int:
    """Return a moment in ms; without an offset it is local time of the schedule's zone, a date its first instant."""
    if not isinstance(given, datetime):
        given = datetime.combine(given, time())
    return to_ms(given if given.tzinfo else given.replace(tzinfo=zone(zone_name)))


def _times(planned: Planned, first: int, last: int) -> list[int]:
    found: list[int] = []
    at = planned.times.next(first - 1)
    while at is not None and at < last:
        if len(found) == MOST:
            what = f"there are more than {MOST:,} planned times between {iso(first)} and {iso(last)}"
            raise ParameterError(what, where=planned.times.id, remedy="take a part of the range")
        found.append(at)
        at = planned.times.next(at)
    return found


def _those(keys: Keys, schedule: str, found: list[int], only: str, others: Sequence[str]) -> Steps[list[int]]:
    """Keep the planned times that have no run, or whose last run failed, and that do not wait for one already."""
    past = yield from read(starters.past(keys, schedule))
    if len(past) >= JOURNAL_KEPT and found[0] < past[0].at_ms:
        what = f"it is not known any more what became of planned times before {iso(past[0].at_ms)}"
        raise ParameterError(what, where=schedule, remedy=f"begin the range there, or do without only={only}")
    waiting: set[int] = set()
    for each in (schedule, *others):
        waiting |= {int(at) for at in (yield from read(starters.waiting(keys, each, MOST)))}
    last = _last(past)
    if only == "missing":
        return [at for at in found if at not in waiting and not (at in last and last[at].word == "run")]
    return [at for at in found if at not in waiting and at in last and _failed(last[at])]


def _last(past: Sequence[PastOccasion]) -> Mapping[int, PastOccasion]:
    """Return the last record of each planned time; a run counts before other records."""
    found: dict[int, PastOccasion] = {}
    for each in past:
        if each.at_ms not in found or each.word == "run":
            found[each.at_ms] = each
    return found


def _failed(past: PastOccasion) -> bool:
    if past.word == "run":
        return past.end is not None and past.end is not RunState.succeeded
    return past.word == "failed"
