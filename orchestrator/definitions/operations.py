"""From a difference to the operations that make it, all in one change of the store."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import replace

from orchestrator.definitions.compare import Difference
from orchestrator.definitions.contents import Kind
from orchestrator.definitions.desired import DesiredState
from orchestrator.definitions.snapshot import Snapshot
from orchestrator.model.complaints import listing
from orchestrator.model.errors import DefinitionError
from orchestrator.model.ids import workflow_of
from orchestrator.scheduling.calendar_users import made_of, schedules_using
from orchestrator.scheduling.records import planned_anew, trigger_record
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
"""The `managed_by` of the schedules and triggers that files have defined."""

Names = set[tuple[Kind, str]]
Calendars = Mapping[str, Calendar]


def operations(difference: Difference, desired: DesiredState, current: Snapshot) -> tuple[list[Op], list[str]]:
    """Return the operations that make a difference, and the schedules that are planned anew by a calendar's change.

    Raises:
        DefinitionError: a calendar is missing or still used, a definition cannot be stored, or there are too many
            changes for one apply. The error names everything that is wrong.
    """
    deleted = difference.deleted
    put = {(each.kind, each.name) for each in difference.changes} - deleted
    calendars = {
        name: Calendar(**document)
        for name, document in {**current.definitions.calendars, **desired.definitions.calendars}.items()
        if ("calendar", name) not in deleted
    }
    wrong: list[DefinitionError] = []
    concerned = made_of((each.name for each in difference.changes if each.kind == "calendar"), calendars)
    _check(concerned, calendars, desired, wrong)
    ops = [*_drop_starters(deleted, current), *_puts(put, desired, current, calendars, wrong)]
    anew = list(_planned_anew(concerned, put | deleted, current, calendars, wrong))
    if wrong:
        raise wrong[0] if len(wrong) == 1 else DefinitionError(listing(wrong))
    ops += [op for _, op in anew]
    ops += [drop_workflow(name) for kind, name in sorted(deleted) if kind == "workflow"]
    ops += [drop_calendar(name) for kind, name in sorted(deleted) if kind == "calendar"]
    if len(ops) > MOST_OPS:
        what = f"these are {len(ops):,} changes, and {MOST_OPS:,} can be made at once"
        raise DefinitionError(what, remedy="apply some of the files first")
    return ops, [starter_id for starter_id, _ in anew]


def _check(names: set[str], calendars: Calendars, desired: DesiredState, wrong: list[DefinitionError]) -> None:
    """Check calendars that change, and those that are made of them."""
    for name in sorted(names & calendars.keys()):
        try:
            calendars[name].check(calendars)
        except DefinitionError as error:
            wrong.append(DefinitionError(f"calendar {name}: {error}", where=desired.where("calendar", name)))


def _drop_starters(deleted: Names, current: Snapshot) -> Iterator[Op]:
    """Yield the operations that delete schedules and triggers, and all backfills of deleted definitions."""
    for kind, name in sorted(deleted):
        if kind in ("schedule", "trigger"):
            yield drop_starter(name)
    for backfill in current.backfills:
        schedule = backfill.rpartition("~")[0]
        if ("schedule", schedule) in deleted or ("workflow", workflow_of(schedule)) in deleted:
            yield drop_starter(backfill)


def _puts(
    names: Names, desired: DesiredState, current: Snapshot, calendars: Calendars, wrong: list[DefinitionError]
) -> Iterator[Op]:
    """Yield the operations that create or change definitions."""
    for kind, name in sorted(names):
        record = current.records.get(name)
        if record is not None and record.kind != kind:
            record = None  # the starter of the other kind that has this name is deleted in the same change
        try:
            yield from _put(kind, name, desired, record, calendars, current.clock_ms)
        except DefinitionError as error:
            wrong.append(DefinitionError(f"{kind} {name}: {error}", where=desired.where(kind, name)))


def _put(
    kind: Kind, name: str, desired: DesiredState, record: StarterRecord | None, calendars: Calendars, clock_ms: int
) -> Iterator[Op]:
    seen = "" if record is None else record.seen
    if kind == "calendar":
        yield put_calendar(name, json.dumps(desired.definitions.calendars[name]).encode())
    elif kind == "workflow":
        yield put_workflow(name, desired.definitions.workflows[name])
    elif kind == "schedule":
        planned = planned_anew(workflow_of(name), desired.schedule(name), record, calendars, clock_ms)
        yield put_starter(replace(planned, managed_by=FILES), seen)
    else:
        trigger = desired.trigger(name)
        token = (record.token if record else "") or secrets.token_hex(16)
        yield from map(watch, trigger.run.workflow if trigger.run else ())
        yield put_starter(replace(trigger_record(workflow_of(name), trigger, token), managed_by=FILES), seen)


def _planned_anew(
    concerned: set[str], changed: Names, current: Snapshot, calendars: Calendars, wrong: list[DefinitionError]
) -> Iterator[tuple[str, Op]]:
    """Yield the unchanged schedules that use a changed calendar: their ids, and the operations that plan them anew."""
    records = (each for each in current.records.values() if each.kind == "schedule")
    unchanged = (each for each in records if ("schedule", each.id) not in changed)
    for record, schedule in schedules_using(concerned, unchanged):
        try:
            starter = planned_anew(record.workflow, schedule, record, calendars, current.clock_ms)
        except DefinitionError as error:
            wrong.append(DefinitionError(str(error), where=f"schedule {record.id}"))
        else:
            if record.paused_ms is None:  # a paused schedule is planned anew when it goes on
                yield record.id, put_starter(starter, record.seen)
