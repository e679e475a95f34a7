"""The nth day of a calendar in each month, such as the last business day but one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from orchestrator.model.errors import DefinitionError
from orchestrator.timing.base import Rule, seconds_of_day
from orchestrator.timing.calendars import Calendar
from orchestrator.timing.search import MOST_DAYS, bounded
from orchestrator.timing.wallclock import last_instant, next_instant
from orchestrator.timing.zones import DAY, LAST_YEAR, zone

EPOCH_DAY = date(1970, 1, 1)


@dataclass(frozen=True)
class NthDay(Rule):
    """The nth day of a calendar in each month, at a time of day: 1 is the first, -1 the last, -2 the one before it.

    A month with fewer such days is left out. Clock changes count as for a cron expression of fixed times.

    Raises DefinitionError for an `nth` that no month has, a wrong `time`, or an unknown zone.
    """

    calendar: Calendar
    nth: int
    time: str = "00:00"
    tz: str = "UTC"

    def __post_init__(self) -> None:
        zone(self.tz)
        seconds_of_day(self.time)
        if not 1 <= abs(self.nth) <= 31:
            raise DefinitionError(
                f"no month has a day {self.nth}", remedy="count 1 to 31 from its start, -1 from its end"
            )

    @property
    def zone_name(self) -> str:
        """Return the zone whose days count."""
        return self.tz

    @bounded
    def next_ms(self, after_ms: int) -> int | None:
        """Return the first moment later than `after_ms`."""
        found = next_instant(_NthDays(self), self.tz, after_ms // 1000, fixed=True)
        return None if found is None else found * 1000

    @bounded
    def last_ms(self, before_ms: int) -> int | None:
        """Return the last moment earlier than `before_ms`."""
        found = last_instant(_NthDays(self), self.tz, -(-before_ms // 1000), fixed=True)
        return None if found is None else found * 1000

    def describe(self) -> str:
        """Return its words, as in `at 17:00 on day -2 of the calendar in each month`."""
        return f"at {self.time} on day {self.nth} of {self.calendar.shown} in each month ({self.tz})"

    def document(self) -> dict[str, Any]:
        """Return it as plain data."""
        document: dict[str, Any] = {"nth_day": self.nth, "of": self.calendar.short()}
        if self.time != "00:00":
            document["time"] = self.time
        if self.tz != "UTC":
            document["tz"] = self.tz
        return document

    def calendars(self) -> set[str]:
        """Return the names of the stored calendars that it uses."""
        return self.calendar.names()

    def bound(self, schedule_id: str, calendars: Mapping[str, Calendar]) -> NthDay:
        """Return it with named calendars put in place."""
        return replace(self, calendar=self.calendar.resolve(calendars))


@dataclass(frozen=True)
class _NthDays:
    """The local times of an NthDay, as a pattern."""

    timing: NthDay

    def at_or_after(self, local: int) -> int | None:
        """Return the first from `local` on."""
        return self._search(local, 1)

    def before(self, local: int) -> int | None:
        """Return the last before `local`."""
        return self._search(local, -1)

    def _search(self, local: int, step: int) -> int | None:
        day = EPOCH_DAY + timedelta(days=local // DAY)
        month = day.year * 12 + day.month - 1
        for _ in range(MOST_DAYS // 30):
            if not 1 < month // 12 <= LAST_YEAR:
                return None
            planned = self._of_month(month // 12, month % 12 + 1)
            if planned is not None and (planned >= local if step > 0 else planned < local):
                return planned
            month += step
        return None

    def _of_month(self, year: int, month: int) -> int | None:
        days = self.timing.calendar.of_month(year, month)
        index = self.timing.nth - 1 if self.timing.nth > 0 else self.timing.nth
        if not -len(days) <= index < len(days):
            return None
        return (days[index] - EPOCH_DAY).days * DAY + seconds_of_day(self.timing.time)
