"""From a difference to the changes that the store makes, all together; whatever keeps one from being made is told."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from orchestrator.definitions.compare import Difference
from orchestrator.definitions.contents import Definitions, Kind, workflow_of
from orchestrator.definitions.snapshot import Held
from orchestrator.model.complaints import listing
from orchestrator.model.errors import DefinitionError
from orchestrator.scheduling.records import planned_anew, trigger_record
from orchestrator.starters.schedule import Schedule
from orchestrator.starters.trigger import Trigger
from orchestrator.state.layouts.change_ops import (
    MOST_OPS,
    Op,
    drop_calendar,
    drop_starter,
    drop_workflow,
    put_calendar,
    put_starter,
    put_workflow,
    watch,
)
from orchestrator.state.reads.starters import StarterRecord
from orchestrator.timing.calendars import Calendar

FILES = "files"
"""Who manages what files have defined: see `state.layouts.change_ops.Starter`."""
Calendars = Mapping[str, Calendar]


def operations(
    difference: Difference, wanted: Definitions, held: Held, where: Callable[[Kind, str], str]
) -> tuple[list[Op], list[str]]:
    """Return what makes the difference, and which schedules are planned anew only because a calendar changes.

    A `DefinitionError` tells what cannot be: a calendar that is missing or still used, or too many changes at once.
    """
    changed = {(each.kind, each.name) for each in difference.changes}
    gone = difference.deleted
    calendars = {
        name: Calendar(**document)
        for name, document in {**held.definitions.calendars, **wanted.calendars}.items()
        if ("calendar", name) not in gone
    }
    wrong: list[DefinitionError] = []
    touched = _dependent({name for kind, name in changed if kind == "calendar"}, calendars, wrong, where)
    drops: list[Op] = []
    puts: list[Op] = []
    anew: list[str] = []
    for kind, name in sorted(gone):
        if kind in ("schedule", "trigger"):
            drops.append(drop_starter(name))
    drops += [
        drop_starter(each)
        for each in held.backfills
        if ("schedule", each.rpartition("~")[0]) in gone or ("workflow", workflow_of(each)) in gone
    ]
    for kind, name in sorted(changed - gone):
        record = held.records.get(name)
        if record is not None and record.kind != kind:
            record = None  # what has its name now goes before it comes
        try:
            puts += _put(kind, name, wanted, record, calendars, held.clock_ms)
        except DefinitionError as error:
            wrong.append(DefinitionError(f"{kind} {name}: {error}", where=where(kind, name)))
    for record, schedule in _using(touched, held, changed):
        try:
            starter = planned_anew(record.workflow, schedule, record, calendars, held.clock_ms)
        except DefinitionError as error:
            wrong.append(DefinitionError(str(error), where=f"schedule {record.id}"))
        else:
            if record.paused_ms is None:  # a paused one is planned anew when it goes on
                anew.append(record.id)
                puts.append(put_starter(starter, record.seen))
    if wrong:
        raise wrong[0] if len(wrong) == 1 else DefinitionError(listing(wrong))
    ends = [drop_workflow(name) for kind, name in sorted(gone) if kind == "workflow"]
    ends += [drop_calendar(name) for kind, name in sorted(gone) if kind == "calendar"]
    ops = [*drops, *puts, *ends]
    if len(ops) > MOST_OPS:
        what = f"these are {len(ops):,} changes, and {MOST_OPS:,} can be made at once"
        raise DefinitionError(what, remedy="apply some of the files first")
    return ops, anew


def _put(
    kind: Kind, name: str, wanted: Definitions, record: StarterRecord | None, calendars: Calendars, clock_ms: int
) -> Iterator[Op]:
    seen = "" if record is None else record.seen
    workflow, _, own = name.partition("/")
    if kind == "calendar":
        yield put_calendar(name, json.dumps(wanted.calendars[name]).encode())
    elif kind == "workflow":
        yield put_workflow(name, wanted.workflows[name])
    elif kind == "schedule":
        schedule = Schedule.read(own, wanted.schedules[name])
        yield put_starter(
            replace(planned_anew(workflow, schedule, record, calendars, clock_ms), managed_by=FILES), seen
        )
    else:
        trigger = Trigger.read(own, wanted.triggers[name])
        token = (record.token if record else "") or secrets.token_hex(16)
        yield from map(watch, trigger.run.workflow if trigger.run else ())
        yield put_starter(replace(trigger_record(workflow, trigger, token), managed_by=FILES), seen)


def _dependent(
    changed: set[str], calendars: Calendars, wrong: list[DefinitionError], where: Callable[[Kind, str], str]
) -> set[str]:
    """Return the calendars that change, with those that are made of them, after a look at each."""
    found = set(changed)
    while more := {name for name, calendar in calendars.items() if name not in found and calendar.names() & found}:
        found |= more
    for name in sorted(found & set(calendars)):
        try:
            calendars[name].check(calendars)
        except DefinitionError as error:
            wrong.append(DefinitionError(f"calendar {name}: {error}", where=where("calendar", name)))
    return found


def _using(calendars: set[str], held: Held, changed: set[tuple[Kind, str]]) -> Iterator[tuple[StarterRecord, Schedule]]:
    """Yield the stored schedules that use one of the calendars and do not change themselves."""
    texts = [json.dumps(name).encode() for name in calendars]
    for record in held.records.values():
        if record.kind != "schedule" or ("schedule", record.id) in changed:
            continue
        if any(text in record.spec for text in texts):
            schedule = Schedule.read(record.id.partition("/")[2], json.loads(record.spec))
            if schedule.calendars() & calendars:
                yield record, schedule
