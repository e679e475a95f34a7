"""What a client does with backfills, without I/O: runs of a schedule's planned times in the past. See `flows`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time
from typing import Literal, get_args

from orchestrator.client import editing
from orchestrator.client.flows import Flow, read
from orchestrator.client.infos import Backfill, backfill_info
from orchestrator.model.errors import ParameterError
from orchestrator.model.run import iso
from orchestrator.model.states import PriorityClass, RunState
from orchestrator.scheduling.catalogue import plan
from orchestrator.scheduling.planning import Planned
from orchestrator.scheduling.records import backfill_record
from orchestrator.state.keys import Keys
from orchestrator.state.layouts.change_ops import Op, clear, put_starter, put_waiting
from orchestrator.state.reads import starters
from orchestrator.state.reads.starters import Past
from orchestrator.timing.base import to_ms
from orchestrator.timing.zones import zone

Order = Literal["oldest", "newest"]
Only = Literal["missing", "failed"]

KIND = "backfill"
MOST = 50_000
"""Planned times of one backfill: they are stored in one step."""
SLICE = 1_000
MOST_PARALLEL = 10_000
KEPT_PAST = 1_000
"""Planned times of a schedule of which it is known what became of them."""


def backfill(
    keys: Keys,
    own: str,
    start: datetime | date,
    end: datetime | date,
    *,
    parallel: int,
    order: str,
    only: str | None,
    priority: str | None,
    dry_run: bool,
) -> Flow[Backfill]:
    """Let the planned times of a schedule in [start, end) make runs. See `Client`."""
    _check(parallel, order, only, priority)

    def think() -> Flow[tuple[Sequence[Op], Backfill]]:
        record = yield from editing.starter(keys, "schedule", own)
        planned = plan(record, (yield from editing.calendars(keys)))
        now = yield from read(starters.clock(keys))
        first, last = (_moment(each, planned.times.timing.zone_name) for each in (start, end))
        if last <= first:
            raise ParameterError(f"the end {iso(last)} is not after the start {iso(first)}", where=own)
        if planned.schedule.depends_on_past and (order != "oldest" or parallel != 1):
            what = "each run depends on the one before, so they go one at a time and the oldest first"
            raise ParameterError(what, where=own)
        # What is still to come makes its run by itself.
        found = _times(planned, first, min(last, now + 1 if record.next is None else min(record.next, now + 1)), own)
        others = [each for each in (yield from editing.all_of(keys, KIND)) if each.log == own]
        if only is not None and found:
            found = yield from _those(keys, own, found, only, [each.id for each in others])
        if order == "newest":
            found.reverse()
        about = {
            "start_ms": first, "end_ms": last, "count": len(found), "parallel": parallel, "order": order, "only": only,
            "priority": priority,
        }  # fmt: skip
        told = Backfill(None, own, record.workflow, **about, planned=tuple(found))  # type: ignore[arg-type]
        if dry_run or not found:
            return [], told
        number = 1 + max((int(each.id.rpartition("~")[2]) for each in others), default=0)
        schedule = planned.schedule.model_copy(update={"priority": priority or planned.schedule.priority})
        made = replace(backfill_record(record, schedule, number, parallel), about=json.dumps(about).encode())
        slices = (found[at : at + SLICE] for at in range(0, len(found), SLICE))
        ops = [*(put_waiting(made.id, part) for part in slices), put_starter(made, "0")]
        return ops, replace(told, id=made.id)

    return (yield from editing.edit(keys, think))


def get(keys: Keys, own: str) -> Flow[Backfill]:
    """Read how far a backfill is."""
    record = yield from editing.starter(keys, KIND, own)
    (load,) = yield from read(starters.loads(keys, [own]))
    return backfill_info(record, load)


def every(keys: Keys, schedule: str | None) -> Flow[list[Backfill]]:
    """Read how far all backfills are, or those of a schedule, the newest first."""
    records = [each for each in (yield from editing.all_of(keys, KIND)) if schedule in (None, each.log)]
    loads = yield from read(starters.loads(keys, [record.id for record in records]))
    found = [backfill_info(record, load) for record, load in zip(records, loads, strict=True)]
    return sorted(found, key=lambda each: each.created_ms or 0, reverse=True)


def cancel(keys: Keys, own: str) -> Flow[Backfill]:
    """Let what waits of a backfill make no run any more; its runs that go on do so."""

    def think() -> Flow[tuple[Sequence[Op], None]]:
        record = yield from editing.starter(keys, KIND, own)
        (load,) = yield from read(starters.loads(keys, [own]))
        return ([clear(own, str(record.generation))] if load.waiting else []), None

    yield from editing.edit(keys, think)
    return (yield from get(keys, own))


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


def _times(planned: Planned, first: int, last: int, own: str) -> list[int]:
    found: list[int] = []
    at = planned.times.next(first - 1)
    while at is not None and at < last:
        if len(found) == MOST:
            what = f"there are more than {MOST:,} planned times between {iso(first)} and {iso(last)}"
            raise ParameterError(what, where=own, remedy="take a part of the range")
        found.append(at)
        at = planned.times.next(at)
    return found


def _those(keys: Keys, own: str, found: list[int], only: str, others: Sequence[str]) -> Flow[list[int]]:
    """Keep the planned times that have no run, or whose last run failed, and that do not wait for one already."""
    past = yield from read(starters.past(keys, own))
    if len(past) >= KEPT_PAST and found[0] < past[0].at_ms:
        what = f"it is not known any more what became of planned times before {iso(past[0].at_ms)}"
        raise ParameterError(what, where=own, remedy=f"begin the range there, or do without only={only}")
    waiting: set[int] = set()
    for each in (own, *others):
        waiting |= {int(at) for at in (yield from read(starters.waiting(keys, each, MOST)))}
    last = _last(past)
    if only == "missing":
        return [at for at in found if at not in waiting and not (at in last and last[at].word == "run")]
    return [at for at in found if at not in waiting and at in last and _failed(last[at])]


def _last(past: Sequence[Past]) -> Mapping[int, Past]:
    """Return what became of each planned time: its run, if it had one in the end."""
    found: dict[int, Past] = {}
    for each in past:
        if each.at_ms not in found or each.word == "run":
            found[each.at_ms] = each
    return found


def _failed(past: Past) -> bool:
    if past.word == "run":
        return past.end is not None and past.end is not RunState.succeeded
    return past.word == "failed"
