"""The local times of recurrence rules, as patterns: without their UNTIL and COUNT, which are told by the instant.

dateutil reads the rules, and expands those of days, weeks, months and years. Those of hours, minutes and seconds are
even steps of the wall clock, of which BYDAY and BYHOUR leave some out: their times are worked out here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from dateutil.rrule import DAILY, HOURLY, MINUTELY, MONTHLY, SECONDLY, WEEKLY, YEARLY, rrule

from orchestrator.timing.search import MOST_TRIES, TRIES_OF_A_MOMENT, tried

LOCAL_EPOCH = datetime(1970, 1, 1)
STEPS = {SECONDLY: 1, MINUTELY: 60, HOURLY: 3600}
"""Seconds of the frequencies that follow the wall clock."""
DAYS = {DAILY: 1, WEEKLY: 7, MONTHLY: 28, YEARLY: 365}
"""Days of a period, at least, of the frequencies that keep to fixed times."""
WEEK_HOURS = 7 * 24
FIRST_MONDAY_HOUR = 4 * 24
"""Hours from 1970-01-01 to a Monday, 00:00."""
MOST_SHIFTS = 48
"""Periods among which a start of the 29th to 31st finds a month that has this day."""


def to_local(moment: datetime) -> int:
    """Return a local time as seconds since 1970-01-01 00:00 local."""
    return (moment - LOCAL_EPOCH) // timedelta(seconds=1)


class _Stop(Exception):
    """The expansion has come to its last period."""


class _Positions(tuple[int, ...]):
    """The BYSETPOS of a rule, which counts the periods of its expansion.

    dateutil looks at UNTIL only when it has found a time, so a rule that never gives one runs on to the year 9999. But
    dateutil asks once a period whether there is a BYSETPOS, and there an expansion can be stopped.
    """

    periods: int
    tries: int

    def __bool__(self) -> bool:
        tried(self.tries)
        self.periods -= 1
        if self.periods < 0:
            raise _Stop
        return len(self) > 0


class DayRule:
    """A rule of days, weeks, months or years, from a local start."""

    fixed = True

    def __init__(self, rule: rrule, start: datetime) -> None:
        parts: Any = rule  # dateutil keeps what it read, without a public name for it
        self.rule = rule
        self.start = start
        self.frequency: int = parts._freq
        self.interval: int = parts._interval
        self.period = timedelta(days=DAYS[self.frequency] * self.interval)
        """From one period to the next, at least."""

    def all(self) -> Iterator[int]:
        """Yield the local times from the start on."""
        return map(to_local, self._expand(self.start))

    def at_or_after(self, local: int) -> int | None:
        """Return the first planned local time from `local` on."""
        try:
            least = max(LOCAL_EPOCH + timedelta(seconds=local), self.start)
        except OverflowError:
            return None
        return next((to_local(time) for time in self._expand(least) if time >= least), None)

    def before(self, local: int) -> int | None:
        """Return the last planned local time before `local`."""
        try:
            most = LOCAL_EPOCH + timedelta(seconds=local)
        except OverflowError:
            return None
        # Look back by ever longer pieces, each of them expanded forwards, as dateutil can.
        back = self.period
        while most > self.start:
            least = max(most - back, self.start) if back < most - self.start else self.start
            found = None
            for time in self._expand(least, most):
                if time >= most:
                    break
                found = time
            if found is not None:
                return to_local(found)
            most, back = least, back * 2
        return None

    def _expand(self, least: datetime, most: datetime | None = None) -> Iterator[datetime]:
        """Yield the times from the period of `least` on, or from an earlier one; until the period of `most`."""
        start = self._late_start(least)
        expanded: Any = self.rule.replace(dtstart=start)
        positions = _Positions(expanded._bysetpos or ())
        positions.periods = MOST_TRIES if most is None else (most - start) // self.period + 2
        positions.tries = TRIES_OF_A_MOMENT if self.frequency == YEARLY else 1
        expanded._bysetpos = positions
        try:
            yield from expanded
        except _Stop:
            return

    def _late_start(self, least: datetime) -> datetime:
        """Return the latest start (near `least`) from which the rule gives the same times from `least` on."""
        if self.frequency in (DAILY, WEEKLY):
            return self.start + (least - self.start) // self.period * self.period
        step = self.interval * (12 if self.frequency == YEARLY else 1)
        first = self.start.year * 12 + self.start.month - 1
        last = (least.year * 12 + least.month - 1 - first) // step - 1
        for shift in range(last, max(last - MOST_SHIFTS, 0), -1):
            year, month = divmod(first + shift * step, 12)
            try:
                return self.start.replace(year=year, month=month + 1)
            except ValueError:  # this month has no such day
                continue
        return self.start


class ClockRule:
    """A rule of hours, minutes or seconds, from a local start: every step, in the hours of the week that it names."""

    fixed = False

    def __init__(self, rule: rrule, start: datetime) -> None:
        parts: Any = rule
        self.start = start
        self.origin = to_local(start)
        self.step: int = STEPS[parts._freq] * parts._interval
        weekdays = parts._byweekday or range(7)
        hours = parts._byhour or range(24)
        fitting = sorted(weekday * 24 + hour for weekday in weekdays for hour in hours)
        self.ahead = [min((hour - at) % WEEK_HOURS for hour in fitting) for at in range(WEEK_HOURS)]
        """For each hour of the week, Monday 00:00 first, the hours until the next that fits."""
        self.behind = [min((at - hour) % WEEK_HOURS for hour in fitting) for at in range(WEEK_HOURS)]
        """For each hour of the week, the hours since the last that fits."""

    def at_or_after(self, local: int) -> int | None:
        """Return the first planned local time from `local` on."""
        least = max(local, self.origin)
        while True:
            tried()
            time = self.origin - (self.origin - least) // self.step * self.step
            hour = time // 3600
            wait = self.ahead[(hour - FIRST_MONDAY_HOUR) % WEEK_HOURS]
            if wait == 0:
                return time
            least = (hour + wait) * 3600

    def before(self, local: int) -> int | None:
        """Return the last planned local time before `local`."""
        most = local - 1
        while most >= self.origin:
            tried()
            time = self.origin + (most - self.origin) // self.step * self.step
            hour = time // 3600
            since = self.behind[(hour - FIRST_MONDAY_HOUR) % WEEK_HOURS]
            if since == 0:
                return time
            most = (hour - since + 1) * 3600 - 1
        return None


Recurrence = DayRule | ClockRule
