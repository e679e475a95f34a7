"""Timings by calendar: a moment on another day is left out, or moved to the next or previous day of the calendar."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, get_args

from orchestrator.model.errors import DefinitionError
from orchestrator.timing.base import Timing
from orchestrator.timing.calendars import Calendar
from orchestrator.timing.search import MOST_DAYS, TRIES_OF_A_MOMENT, bounded, tried
from orchestrator.timing.wallclock import instant_of
from orchestrator.timing.zones import DAY, offset, stretches

Otherwise = Literal["skip", "next", "previous"]
EPOCH_DAY = date(1970, 1, 1)
ONE = timedelta(days=1)


@dataclass(frozen=True)
class OnDays(Timing):
    """A timing whose moments keep to the days of a calendar, in the timing's zone.

    A moment on another day is left out (`skip`), or happens at the same time of the `next` or `previous` day of the
    calendar. Moments that fall together happen once. `OnDays(Cron("0 17 L * *"), business, "previous")` is the last
    business day of each month.

    Raises DefinitionError for any other `otherwise`.
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

    def _moved(self, planned_ms: int, day: date, target: date) -> int:
        if day == target:
            return planned_ms
        seconds, ms = divmod(planned_ms, 1000)
        local = seconds + offset(self.zone_name, seconds) + (target - day).days * DAY
        return instant_of(self.zone_name, local) * 1000 + ms

    @bounded
    def next_ms(self, after_ms: int) -> int | None:
        """Return the first moment later than `after_ms`."""
        if self.otherwise == "skip":
            return self._next_member(after_ms)
        day = today = self._day(after_ms)
        if self.otherwise == "next":  # what is planned since the last member before today may be moved to today
            following = self.calendar.next(today)
            if following is None:
                return None
            before = self.calendar.previous(today - ONE)
            day = following - (MOST_DAYS - 1) * ONE if before is None else before + ONE
        while (planned := self._planned_from(day)) is not None:
            # A clock set back over midnight comes to the evening before again: never go back with it.
            day = max(day, self._day(planned))
            target, last = self._ahead(day)
            if target is not None and target >= today:
                found = self._first_moved(day, last or day + MOST_DAYS * ONE, target, after_ms)
                if found is not None:
                    return found
            if last is None:
                return None
            day = last + ONE
        return None

    def _ahead(self, day: date) -> tuple[date | None, date | None]:
        """Return where a day goes, and the last day that goes there: None if no later day goes elsewhere."""
        if self.otherwise == "next":
            target = self.calendar.next(day)
            return target, target
        following = self.calendar.next(day + ONE)
        return self.calendar.previous(day), None if following is None else following - ONE

    def _planned_from(self, day: date) -> int | None:
        """Return the first planned moment on a day or later."""
        tried(TRIES_OF_A_MOMENT)
        return self.timing.next_ms(self._midnight_ms(day) - 1)

    def _first_moved(self, day: date, last: date, target: date, after_ms: int) -> int | None:
        """Return the first moment later than `after_ms` that is moved from `day` to `last` to a target day."""
        found: int | None = None
        while day <= last:
            moved = self._next_moved(day, target, after_ms)
            if moved is not None and (found is None or moved < found):
                found = moved
            planned = self._planned_from(day + ONE)
            if planned is None:
                break
            day = max(day + ONE, self._day(planned))
        return found

    def _next_moved(self, day: date, target: date, after_ms: int) -> int | None:
        """Return the first moment later than `after_ms` of those planned on a day, at their times of the target day."""
        shift, reached = (target - day).days * DAY, self._reached(after_ms)
        found: int | None = None
        for start, end, ahead in self._parts(day):
            # Times that the clock of the target day has passed at `after_ms` are over. A part keeps the order of times.
            first = start if day == target else max(start, reached - shift - ahead)
            planned = self.timing.next_ms(max(first * 1000 - 1, after_ms if day == target else first * 1000 - 1))
            while planned is not None and planned < end * 1000:
                moved = self._moved(planned, day, target)
                if moved > after_ms:
                    found = moved if found is None else min(found, moved)
                    break
                planned = self.timing.next_ms(planned)
        return found

    def _reached(self, ms: int) -> int:
        """Return the furthest that the local clock has come at a moment, in local seconds."""
        stretch = next(stretches(self.zone_name, ms // 1000))
        return max(stretch.reached, ms // 1000 + stretch.offset)

    def _parts(self, day: date) -> Iterator[tuple[int, int, int]]:
        """Yield the parts of a day with one offset: the (first instant, end, offset) of each, in seconds."""
        midnight, end = self._midnight_ms(day) // 1000, self._midnight_ms(day + ONE) // 1000
        for stretch in stretches(self.zone_name, midnight):
            if stretch.start >= end:
                return
            yield max(stretch.start, midnight), min(stretch.end, end), stretch.offset

    def _next_member(self, after_ms: int) -> int | None:
        """Return the first planned moment on a day of the calendar."""
        planned = self.timing.next_ms(after_ms)
        while planned is not None:
            day = self._day(planned)
            if day in self.calendar:
                return planned
            tried(TRIES_OF_A_MOMENT)
            # A clock set back over midnight comes to the evening before again: never go back with it.
            planned = self.timing.next_ms(max(planned, self._midnight_ms(day + ONE) - 1))
        return None

    @bounded
    def last_ms(self, before_ms: int) -> int | None:
        """Return the last moment earlier than `before_ms`."""
        if self.otherwise == "skip":
            return self._last_member(before_ms)
        day = today = self._day(before_ms)
        if self.otherwise == "previous":
            earlier = self.calendar.previous(today)
            if earlier is None:
                return None
            after = self.calendar.next(today + ONE)
            day = earlier + (MOST_DAYS - 1) * ONE if after is None else after - ONE
        while (planned := self._planned_until(day)) is not None:
            day = min(day, self._day(planned))
            target, first = self._behind(day)
            if target is not None and target <= today:
                found = self._latest_moved(day, first or day - MOST_DAYS * ONE, target, before_ms)
                if found is not None:
                    return found
            if first is None:
                return None
            day = first - ONE
        return None

    def _behind(self, day: date) -> tuple[date | None, date | None]:
        """Return where a day goes, and the first day that goes there: None if no earlier day goes elsewhere."""
        if self.otherwise == "previous":
            target = self.calendar.previous(day)
            return target, target
        before = self.calendar.previous(day - ONE)
        return self.calendar.next(day), None if before is None else before + ONE

    def _planned_until(self, day: date) -> int | None:
        """Return the last planned moment on a day or earlier."""
        tried(TRIES_OF_A_MOMENT)
        return self.timing.last_ms(self._midnight_ms(day + ONE))

    def _latest_moved(self, day: date, first: date, target: date, before_ms: int) -> int | None:
        """Return the last moment earlier than `before_ms` that is moved from `first` to `day` to a target day."""
        found: int | None = None
        while day >= first:
            moved = self._last_moved(day, target, before_ms)
            if moved is not None and (found is None or moved > found):
                found = moved
            planned = self._planned_until(day - ONE)
            if planned is None:
                break
            day = min(day - ONE, self._day(planned))
        return found

    def _last_moved(self, day: date, target: date, before_ms: int) -> int | None:
        """Return the last moment earlier than `before_ms` of those planned on a day, at their times of the target."""
        shift, reached = (target - day).days * DAY, self._reached(before_ms - 1)
        found: int | None = None
        for start, end, ahead in self._parts(day):
            last = end if day == target else min(end, reached - shift - ahead + 1)
            planned = self.timing.last_ms(min(last * 1000, before_ms if day == target else last * 1000))
            while planned is not None and planned >= start * 1000:
                moved = self._moved(planned, day, target)
                if moved < before_ms:
                    found = moved if found is None else max(found, moved)
                    break
                planned = self.timing.last_ms(planned)
        return found

    def _last_member(self, before_ms: int) -> int | None:
        """Return the last planned moment on a day of the calendar."""
        planned = self.timing.last_ms(before_ms)
        while planned is not None:
            day = self._day(planned)
            if day in self.calendar:
                return planned
            tried(TRIES_OF_A_MOMENT)
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


def _date(days: int) -> date:
    return EPOCH_DAY + timedelta(days=days)
