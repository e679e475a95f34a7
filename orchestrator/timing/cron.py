"""Cron expressions in a time zone, by the rules of Vixie's and Debian's cron."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from orchestrator.model.errors import DefinitionError
from orchestrator.timing.base import Rule
from orchestrator.timing.cronfields import Fields, days_of, draws, next_of, parse, previous_of
from orchestrator.timing.wallclock import last_instant, next_instant
from orchestrator.timing.zones import DAY, FIRST_YEAR, LAST_YEAR, zone

if TYPE_CHECKING:
    from orchestrator.timing.calendars import Calendar

UNIX_DAY_0 = date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class Cron(Rule):
    """The moments at which a cron expression fires in a time zone.

    Five fields (minute, hour, day of month, month, day of week), or six, of which the *last* is the second, as in
    croniter; names, ranges, lists, steps, `L`, `5L`, `15W`, `LW`, `5#3`, `@daily` and its like. `H` stands for a number
    drawn from `hash_id`, the same on every machine; in a schedule that gives none it is drawn from the schedule's id.

    An expression keeps to fixed times if neither its minute nor its hour starts with `*`. Each fixed time happens once:
    at the first instant after a gap if a clock change leaps over it, at the first of the two if it comes twice. Every
    other expression follows the wall clock.

    Raises DefinitionError if the expression cannot be read or never matches, or there is no such zone.
    """

    expression: str
    tz: str = "UTC"
    hash_id: str | None = None

    def __post_init__(self) -> None:
        zone(self.tz)
        if not isinstance(self.expression, str):
            raise DefinitionError(f"{self.expression!r} is no cron expression", remedy="write it as in '0 2 * * *'")
        parse(self.expression, "any" if self.draws else self.hash_id)

    @property
    def draws(self) -> bool:
        """Tell whether it has an `H` that is not drawn yet."""
        return self.hash_id is None and draws(self.expression)

    @property
    def zone_name(self) -> str:
        """Return the zone whose wall clock it follows."""
        return self.tz

    @property
    def fields(self) -> Fields:
        """Return what each field allows."""
        return parse(self.expression, self.hash_id)

    @cached_property
    def _times(self) -> CronTimes:
        return CronTimes(self.fields)

    def next_ms(self, after_ms: int) -> int | None:
        """Return the first moment later than `after_ms`."""
        found = next_instant(self._times, self.tz, after_ms // 1000, fixed=self._times.fixed)
        return None if found is None else found * 1000

    def last_ms(self, before_ms: int) -> int | None:
        """Return the last moment earlier than `before_ms`."""
        found = last_instant(self._times, self.tz, -(-before_ms // 1000), fixed=self._times.fixed)
        return None if found is None else found * 1000

    def describe(self) -> str:
        """Return when it fires, as in `at 02:00 on Monday to Friday (Europe/Paris)`."""
        from orchestrator.timing.describe import cron_text

        if self.draws:
            return f"by {self.expression}, where H is drawn from the schedule's id ({self.tz})"
        return f"{cron_text(self.fields)} ({self.tz})"

    def document(self) -> dict[str, Any]:
        """Return it as plain data."""
        document = {"cron": self.expression}
        if self.tz != "UTC":
            document["tz"] = self.tz
        if self.hash_id is not None:
            document["hash_id"] = self.hash_id
        return document

    def bound(self, schedule_id: str, calendars: Mapping[str, Calendar]) -> Cron:
        """Return it with `H` drawn from the schedule's id."""
        return replace(self, hash_id=schedule_id) if self.draws else self


class CronTimes:
    """The local times of an expression, as a pattern."""

    def __init__(self, fields: Fields) -> None:
        self.fields = fields
        self.days = days_of(fields)
        self.fixed = fields.fixed
        self._found: tuple[int, int | None] = (-1, None)
        """The day of the last search and the midnight that was found. A walk over moments asks for one day often."""

    def at_or_after(self, local: int) -> int | None:
        """Return the first planned local time from `local` on."""
        day, second = divmod(max(local, FIRST_LOCAL), DAY)
        searched, midnight = self._found
        if searched != day:
            midnight = self._first_day(day)
            self._found = day, midnight
        if midnight == day * DAY:
            time = self._nearest_time(second, 1)
            if time is not None:
                return midnight + time
            midnight = self._first_day(day + 1)
        return None if midnight is None else midnight + self._at_any_time(0)

    def before(self, local: int) -> int | None:
        """Return the last planned local time before `local`."""
        day, second = divmod(min(local, LAST_LOCAL) - 1, DAY)
        midnight = self._last_day(day)
        if midnight == day * DAY:
            time = self._nearest_time(second, -1)
            if time is not None:
                return midnight + time
            midnight = self._last_day(day - 1)
        return None if midnight is None else midnight + self._at_any_time(-1)

    def _first_day(self, day: int) -> int | None:
        """Return the midnight (local seconds) of the first day that fits, from a day on (counted from 1970)."""
        if day * DAY >= LAST_LOCAL:
            return None
        start = date.fromordinal(day + UNIX_DAY_0)
        least = start.day
        for year in range(start.year, LAST_YEAR + 1):
            for month in self.fields.months:
                if year == start.year and month < start.month:
                    continue
                if year != start.year or month != start.month:
                    least = 1
                found = next_of(self.days(year, month), least)
                if found is not None:
                    return _midnight(year, month, found)
        return None

    def _last_day(self, day: int) -> int | None:
        if day * DAY < FIRST_LOCAL:
            return None
        start = date.fromordinal(day + UNIX_DAY_0)
        for year in range(start.year, FIRST_YEAR - 1, -1):
            for month in reversed(self.fields.months):
                if year == start.year and month > start.month:
                    continue
                here = year == start.year and month == start.month
                found = previous_of(self.days(year, month), start.day if here else monthrange(year, month)[1])
                if found is not None:
                    return _midnight(year, month, found)
        return None

    def _at_any_time(self, end: int) -> int:
        fields = self.fields
        return fields.hours[end] * 3600 + fields.minutes[end] * 60 + fields.seconds[end]

    def _nearest_time(self, second: int, step: int) -> int | None:
        """Return the first planned time of day from a second of the day on, or (step -1) the last until then."""
        fields = self.fields
        nearest, end = (next_of, 0) if step > 0 else (previous_of, -1)
        hour, minute, rest = second // 3600, second // 60 % 60, second % 60
        if hour in fields.hours:
            if minute in fields.minutes:
                found = nearest(fields.seconds, rest)
                if found is not None:
                    return hour * 3600 + minute * 60 + found
            found = nearest(fields.minutes, minute + step)
            if found is not None:
                return hour * 3600 + found * 60 + fields.seconds[end]
        found = nearest(fields.hours, hour + step)
        return None if found is None else found * 3600 + fields.minutes[end] * 60 + fields.seconds[end]


def _midnight(year: int, month: int, day: int) -> int:
    return int(datetime(year, month, day, tzinfo=UTC).timestamp())


FIRST_LOCAL, LAST_LOCAL = _midnight(FIRST_YEAR, 1, 1), _midnight(LAST_YEAR + 1, 1, 1)
