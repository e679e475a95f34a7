"""What a client does with calendars, without I/O. See `flows`.

A calendar that changes moves the planned times of the schedules that use it, in the same change.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from orchestrator.client import editing, flows
from orchestrator.client.flows import Flow, read
from orchestrator.client.infos import CalendarInfo
from orchestrator.model.errors import Conflict, DefinitionError, NotFound
from orchestrator.model.workflow import check_name
from orchestrator.scheduling.records import planned_anew
from orchestrator.starters.schedule import Schedule
from orchestrator.state.keys import Keys
from orchestrator.state.layouts.change_ops import Op, drop_calendar, put_calendar, put_starter
from orchestrator.state.reads import starters
from orchestrator.state.reads.starters import StarterRecord
from orchestrator.timing.calendars import Calendar

MOST_NAMED = 5
"""Users of a calendar that an error names."""


def put(keys: Keys, name: str, calendar: Calendar) -> Flow[CalendarInfo]:
    """Create or change a calendar."""
    try:
        check_name(name)
    except ValueError as error:
        raise DefinitionError(str(error)) from None

    def think() -> Flow[tuple[Sequence[Op], None]]:
        known = {**(yield from editing.calendars(keys)), name: calendar}
        missing = sorted(calendar.names() - known.keys())
        if missing:
            remedy = flows.there_are(missing[0], sorted(known.keys() - {name}))
            raise NotFound(f"there is no calendar {missing[0]!r}", where=f"calendar {name!r}", remedy=remedy)
        try:
            calendar.check(known)
            now = yield from read(starters.clock(keys))
            users = _users(name, known, (yield from editing.all_of(keys, "schedule")))
            ops = [
                put_starter(planned_anew(record.workflow, schedule, record, known, now), record.seen)
                for record, schedule in users
                if record.paused_ms is None
            ]
        except DefinitionError as error:
            raise DefinitionError(str(error), where=f"calendar {name!r}") from None
        return [put_calendar(name, json.dumps(calendar.document()).encode()), *ops], None

    yield from editing.edit(keys, think)
    return (yield from get(keys, name))


def get(keys: Keys, name: str) -> Flow[CalendarInfo]:
    """Read a calendar."""
    known = yield from editing.calendars(keys)
    _look(name, known)
    return CalendarInfo(name, known[name], _ids(name, known, (yield from editing.all_of(keys, "schedule"))))


def every(keys: Keys) -> Flow[list[CalendarInfo]]:
    """Read all calendars."""
    known = yield from editing.calendars(keys)
    schedules = yield from editing.all_of(keys, "schedule")
    return [CalendarInfo(name, known[name], _ids(name, known, schedules)) for name in sorted(known)]


def delete(keys: Keys, name: str) -> Flow[None]:
    """Delete a calendar; a `Conflict` while a schedule or another calendar uses it."""

    def think() -> Flow[tuple[Sequence[Op], None]]:
        known = yield from editing.calendars(keys)
        _look(name, known)
        users = [f"schedule {own}" for own in _ids(name, known, (yield from editing.all_of(keys, "schedule")))]
        users += [f"calendar {each}" for each in sorted(_using(name, known) - {name})]
        if users:
            more = f" and {len(users) - MOST_NAMED} more" if len(users) > MOST_NAMED else ""
            what = f"calendar {name!r} is used by {', '.join(users[:MOST_NAMED])}{more}"
            raise Conflict(what, remedy="change or delete these first")
        return [drop_calendar(name)], None

    yield from editing.edit(keys, think)


def resolved(keys: Keys, calendar: Calendar) -> Flow[Calendar]:
    """Put the calendars that it names in place, to ask it for its days."""
    return calendar.resolve((yield from editing.calendars(keys)))


def _look(name: str, known: Iterable[str]) -> None:
    if name not in known:
        raise NotFound(f"there is no calendar {name!r}", remedy=flows.there_are(name, sorted(known)))


def _using(name: str, known: Mapping[str, Calendar]) -> set[str]:
    """Name the calendars that are made of one, itself among them."""
    found = {name}
    while more := {each for each, calendar in known.items() if each not in found and calendar.names() & found}:
        found |= more
    return found


def _users(
    name: str, known: Mapping[str, Calendar], schedules: Iterable[StarterRecord]
) -> list[tuple[StarterRecord, Schedule]]:
    """Return the schedules that use a calendar, be it through others."""
    using = _using(name, known)
    marks = [json.dumps(each).encode() for each in using]
    found = []
    for record in schedules:
        if any(mark in record.spec for mark in marks):  # most are not worth reading
            schedule = Schedule.read(record.id.partition("/")[2], json.loads(record.spec))
            if schedule.calendars() & using:
                found.append((record, schedule))
    return found


def _ids(name: str, known: Mapping[str, Calendar], schedules: Iterable[StarterRecord]) -> tuple[str, ...]:
    return tuple(record.id for record, _ in _users(name, known, schedules))
