"""Timings by calendar: what is planned outside of it is left out or moved; the nth business day of a month."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property, lru_cache
from typing import Any, Literal, get_args

from orchestrator.model.errors import DefinitionError
from orchestrator.timing.base import Rule, Timing
from orchestrator.timing.calendars import SEARCH, Calendar
from orchestrator.timing.wallclock import instant_of, last_instant, next_instant
from orchestrator.timing.zones import DAY, LAST_YEAR, offset, zone

Otherwise = Literal["skip", "next", "previous"]
CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?", re.ASCII)
EPOCH_DAY = date(1970, 1, 1)
ONE = timedelta(days=1)


@dataclass(frozen=True)
class OnDays(Timing):
    """A timing whose moments keep to the days of a calendar, in the timing's zone.

    What is planned on another day is left out (`skip`), or happens at the same time of the next or previous day of the
    calendar; what then falls together happens once. `OnDays(Cron("0 17 L * *"), business, "previous")` is the last
    business day of the month, else the day before.
    """

    timing: Timing
    calendar: Calendar
    otherwise: Otherwise = "skip"

    def __post_init__(self) -> None:
        if self.otherwise not in get_args(Otherwise):
            remedy = f"there are {', '.join(get_args(Otherwise))}"
            raise DefinitionError(f"cannot move a day to {self.otherwise!r}", remedy=remedy)

    @property
    def zone_name(self) -> str:
        """Return the zone whose days count."""
        return self.timing.zone_name

    def _day(self, ms: int) -> date:
        return _date((ms // 1000 + offset(self.zone_name, ms // 1000)) // DAY)

    @cached_property
    def _target(self) -> Callable[[date], date | None]:
        """Return the function that gives the day to which a planned day goes; whoever walks asks for one day often."""
        return lru_cache(maxsize=64)(self._find_target)

    def _find_target(self, day: date) -> date | None:
        if day in self.calendar:
            return day
        match self.otherwise:
            case "next":
                return self.calendar.next(day)
            case "previous":
                return self.calendar.previous(day)
            case _:
                return None

    def _moved(self, planned_ms: int, day: date, target: date) -> int:
        if day == target:
            return planned_ms
        seconds, ms = divmod(planned_ms, 1000)
        local = seconds + offset(self.zone_name, seconds) + (target - day).days * DAY
        return instant_of(self.zone_name, local) * 1000 + ms

    def next_ms(self, after_ms: int) -> int | None:
        """Return the first moment later than `after_ms`."""
        today = self._day(after_ms)
        if self.otherwise == "skip":
            return self._next_member(after_ms, today + SEARCH * ONE)
        begin = today
        if self.otherwise == "next":  # since the last member before today, everything may be moved to today
            begin = (self.calendar.previous(today - ONE) or today - SEARCH * ONE) + ONE
        best: int | None = None
        best_day: date | None = None
        last_day = today + SEARCH * ONE
        planned = self.timing.next_ms(self._midnight_ms(begin) - 1)
        while planned is not None:
            day = self._day(planned)
            target = self._target(day)
            # Targets never come in falling order, so the first day with a moment late enough has the first moment.
            if best_day is not None and (target or day) > best_day:
                break
            if day > last_day and best is None:
                return None
            if target is not None and (best_day is None or target == best_day):
                moved = self._moved(planned, day, target)
                if moved > after_ms and (best is None or moved < best):
                    best, best_day = moved, target
            planned = self.timing.next_ms(planned)
        return best

    def _next_member(self, after_ms: int, last_day: date) -> int | None:
        """Return the first planned moment on a day of the calendar."""
        planned = self.timing.next_ms(after_ms)
        while planned is not None:
            day = self._day(planned)
            if self._target(day) is not None:
                return planned
            if day > last_day:
                return None
            # A clock set back over midnight comes to the evening before again: never go back with it.
            planned = self.timing.next_ms(max(planned, self._midnight_ms(day + ONE) - 1))
        return None

    def last_ms(self, before_ms: int) -> int | None:
        """Return the last moment earlier than `before_ms`."""
        today = self._day(before_ms)
        if self.otherwise == "skip":
            return self._last_member(before_ms, today - SEARCH * ONE)
        end = today
        if self.otherwise == "previous":
            end = (self.calendar.next(today + ONE) or today + SEARCH * ONE) - ONE
        best: int | None = None
        best_day: date | None = None
        first_day = today - SEARCH * ONE
        planned = self.timing.last_ms(self._midnight_ms(end + ONE))
        while planned is not None:
            day = self._day(planned)
            target = self._target(day)
            if best_day is not None and (target or day) < best_day:
                break
            if day < first_day and best is None:
                return None
            if target is not None and (best_day is None or target == best_day):
                moved = self._moved(planned, day, target)
                if moved < before_ms and (best is None or moved > best):
                    best, best_day = moved, target
            planned = self.timing.last_ms(planned)
        return best

    def _last_member(self, before_ms: int, first_day: date) -> int | None:
        """Return the last planned moment on a day of the calendar."""
        planned = self.timing.last_ms(before_ms)
        while planned is not None:
            day = self._day(planned)
            if self._target(day) is not None:
                return planned
            if day < first_day:
                return None
            planned = self.timing.last_ms(min(planned, self._midnight_ms(day)))
        return None

    def _midnight_ms(self, day: date) -> int:
        return instant_of(self.zone_name, (day - EPOCH_DAY).days * DAY) * 1000

    def describe(self) -> str:
        """Add the calendar to the timing's words."""
        days = self.calendar.shown
        how = {"skip": f"on days of {days} only", "next": f"or on the next day of {days}",
               "previous": f"or on the previous day of {days}"}[self.otherwise]  # fmt: skip
        return f"{self.timing.describe()}, {how}"


@dataclass(frozen=True)
class NthDay(Rule):
    """The nth day of a calendar in each month, at a time of day: 1 is the first, -1 the last, -2 the one before it.

    A month with fewer such days has none. Clock changes count as for a cron job of fixed times.
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

    def next_ms(self, after_ms: int) -> int | None:
        """Return the first moment later than `after_ms`."""
        found = next_instant(_NthDays(self), self.tz, after_ms // 1000, fixed=True)
        return None if found is None else found * 1000

    def last_ms(self, before_ms: int) -> int | None:
        """Return the last moment earlier than `before_ms`."""
        found = last_instant(_NthDays(self), self.tz, -(-before_ms // 1000), fixed=True)
        return None if found is None else found * 1000

    def describe(self) -> str:
        """Say which day, as in `at 17:00 on day -2 of the calendar in each month`."""
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
        day = _date(local // DAY)
        month = day.year * 12 + day.month - 1
        for _ in range(SEARCH // 30):
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


def seconds_of_day(text: str) -> int:
    """Read `17:00` or `17:00:30` as seconds since midnight."""
    found = CLOCK.fullmatch(text)
    if not found:
        raise DefinitionError(f"{text!r} is no time of day such as 17:00")
    return int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3] or 0)


def _date(days: int) -> date:
    return EPOCH_DAY + timedelta(days=days)
