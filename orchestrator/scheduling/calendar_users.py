"""The users of a calendar: the calendars that are made of it, and the stored schedules that name one of these."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping

from orchestrator.model.ids import name_of
from orchestrator.starters.schedule import Schedule
from orchestrator.state.reads.starters import StarterRecord
from orchestrator.timing.calendars import Calendar


def made_of(names: Iterable[str], calendars: Mapping[str, Calendar]) -> set[str]:
    """Return the names of some calendars with those of all calendars that are made of them, be it through others."""
    found = set(names)
    while more := {name for name, calendar in calendars.items() if name not in found and calendar.names() & found}:
        found |= more
    return found


def schedules_using(
    calendars: Collection[str], records: Iterable[StarterRecord]
) -> Iterator[tuple[StarterRecord, Schedule]]:
    """Yield the stored schedules that name one of the calendars, each with its record."""
    texts = [json.dumps(name).encode() for name in calendars]
    for record in records:
        if any(text in record.spec for text in texts):  # most schedules are not worth reading
            schedule = Schedule.read(name_of(record.id), json.loads(record.spec))
            if not schedule.calendars().isdisjoint(calendars):
                yield record, schedule
