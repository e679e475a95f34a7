"""Calendars, which schedules name: `client.calendars`.

An edit of a calendar moves the planned times of the schedules that use it, in the same transition.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence

from orchestrator.client.edits import Thought, edit
from orchestrator.client.lookup import all_starters, calendars
from orchestrator.client.session import Noun
from orchestrator.client.steps import Steps, read
from orchestrator.model.complaints import there_are
from orchestrator.model.errors import Conflict, DefinitionError, NotFound
from orchestrator.model.workflow import check_name
from orchestrator.scheduling.calendar_users import made_of, schedules_using
from orchestrator.scheduling.records import planned_anew
from orchestrator.starters.infos import CalendarInfo
from orchestrator.state.layouts.change_ops import drop_calendar, put_calendar, put_starter
from orchestrator.state.reads import starters
from orchestrator.state.reads.starters import StarterRecord
from orchestrator.timing.calendars import Calendar

MOST_NAMED = 5
"""Users of a calendar that an error names."""


class CalendarsSteps(Noun):
    """The calendars that schedules name."""

    def put(self, name: str, calendar: Calendar) -> Steps[CalendarInfo]:
        """Create or change a calendar. The schedules that use it are planned anew from now on, in the same transition.

        Raises:
            DefinitionError: the name or the calendar is not valid, or the calendar is made of itself.
            NotFound: a calendar that it names is missing.
        """
        try:
            check_name(name)
        except ValueError as error:
            raise DefinitionError(str(error)) from None

        def think() -> Steps[Thought[None]]:
            known = {**(yield from calendars(self.keys)), name: calendar}
            missing = sorted(calendar.names() - known.keys())
            if missing:
                remedy = there_are(missing[0], sorted(known.keys() - {name}))
                raise NotFound(f"there is no calendar {missing[0]!r}", where=f"calendar {name!r}", remedy=remedy)
            try:
                calendar.check(known)
                now = yield from read(starters.clock(self.keys))
                schedules = yield from all_starters(self.keys, "schedule")
                ops = [
                    put_starter(planned_anew(record.workflow, schedule, record, known, now), record.seen)
                    for record, schedule in schedules_using(made_of({name}, known), schedules)
                    if record.paused_ms is None
                ]
            except DefinitionError as error:
                raise DefinitionError(str(error), where=f"calendar {name!r}") from None
            return [put_calendar(name, json.dumps(calendar.document()).encode()), *ops], None

        yield from edit(self.session, think)
        return (yield from self.get(name))

    def get(self, name: str) -> Steps[CalendarInfo]:
        """Return a calendar, with the schedules that use it.

        Raises:
            NotFound: there is no such calendar.
        """
        known = yield from calendars(self.keys)
        _require(name, known)
        schedules = yield from all_starters(self.keys, "schedule")
        return CalendarInfo(name, known[name], _users(name, known, schedules))

    def list(self) -> Steps[Sequence[CalendarInfo]]:
        """Return all calendars, in the order of their names."""
        known = yield from calendars(self.keys)
        schedules = yield from all_starters(self.keys, "schedule")
        return [CalendarInfo(name, known[name], _users(name, known, schedules)) for name in sorted(known)]

    def resolve(self, calendar: Calendar) -> Steps[Calendar]:
        """Return a calendar in which the calendars that it names are put in their places, so that it has days.

        Raises:
            DefinitionError: a calendar that it names is missing, or it is made of itself.
        """
        return calendar.resolve((yield from calendars(self.keys)))

    def delete(self, name: str) -> Steps[None]:
        """Delete a calendar.

        Raises:
            NotFound: there is no such calendar.
            Conflict: schedules or calendars use it; the error names some of them.
        """

        def think() -> Steps[Thought[None]]:
            known = yield from calendars(self.keys)
            _require(name, known)
            schedules = yield from all_starters(self.keys, "schedule")
            users = [f"schedule {each}" for each in _users(name, known, schedules)]
            users += [f"calendar {each}" for each in sorted(made_of({name}, known) - {name})]
            if users:
                more = f" and {len(users) - MOST_NAMED} more" if len(users) > MOST_NAMED else ""
                what = f"calendar {name!r} is used by {', '.join(users[:MOST_NAMED])}{more}"
                raise Conflict(what, remedy="change or delete these first")
            return [drop_calendar(name)], None

        yield from edit(self.session, think)


def _require(name: str, known: Collection[str]) -> None:
    """Refuse the name of a calendar that is not stored."""
    if name not in known:
        raise NotFound(f"there is no calendar {name!r}", remedy=there_are(name, sorted(known)))


def _users(name: str, known: Mapping[str, Calendar], schedules: Iterable[StarterRecord]) -> tuple[str, ...]:
    return tuple(record.id for record, _ in schedules_using(made_of({name}, known), schedules))
