"""Recurrence rules of iCalendar (RFC 5545), read and expanded by dateutil on the local clock.

What dateutil does not do is done here: clock changes (by the rules of `wallclock`: rules of days, weeks, months and
years keep to fixed times, rules of hours, minutes and seconds follow the wall clock), and starting near the moment that
is asked for, not at a DTSTART years ago.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import Any

from dateutil.rrule import DAILY, HOURLY, MINUTELY, SECONDLY, WEEKLY, rrule, rrulestr

from orchestrator.model.errors import DefinitionError
from orchestrator.timing.base import Rule
from orchestrator.timing.wallclock import last_instant, next_instant
from orchestrator.timing.zones import offset, zone

LONGEST = 1000
START = re.compile(r"DTSTART(?:;TZID=(?P<zone>[^:;]+))?:(?P<time>\d{8}T\d{6})(?P<utc>Z?)", re.ASCII)
UNTIL = re.compile(r"UNTIL=(\d{8}T\d{6})Z", re.ASCII)
WITHIN_DAY = re.compile(r"\bBY(?!DAY=|HOUR=)")
MOST_COUNTED = 10_000
HORIZON = timedelta(days=50 * 366)
"""A rule that gives nothing for so long never does."""
PERIODS = {SECONDLY: 1, MINUTELY: 60, HOURLY: 3600, DAILY: 86_400, WEEKLY: 7 * 86_400}
"""Seconds of the frequencies whose start may be moved by whole intervals without changing what they give."""
LOCAL_EPOCH = datetime(1970, 1, 1)
LAST = datetime(9998, 1, 1)


@dataclass(frozen=True)
class RRule(Rule):
    r"""The moments of a recurrence rule: `"DTSTART;TZID=Europe/Paris:20270101T090000\nRRULE:FREQ=DAILY"`.

    DTSTART is required, since a rule counts from it: with a TZID, with a Z for UTC, or bare, and then in `tz`. There is
    one RRULE (`FREQ=…` alone is read as one); what EXDATE and RDATE do, calendars do here.

    Raises DefinitionError if the text cannot be read, or the rule never gives a time.
    """

    text: str
    tz: str | None = None

    def __post_init__(self) -> None:
        read(self.text, self.tz)

    @property
    def zone_name(self) -> str:
        """Return the zone whose wall clock it follows."""
        return read(self.text, self.tz).zone

    def next_ms(self, after_ms: int) -> int | None:
        """Return the first moment later than `after_ms`."""
        rule = read(self.text, self.tz)
        found = next_instant(rule, rule.zone, after_ms // 1000, fixed=rule.fixed)
        return None if found is None else found * 1000

    def last_ms(self, before_ms: int) -> int | None:
        """Return the last moment earlier than `before_ms`."""
        rule = read(self.text, self.tz)
        found = last_instant(rule, rule.zone, -(-before_ms // 1000), fixed=rule.fixed)
        return None if found is None else found * 1000

    def describe(self) -> str:
        """Say the rule; it is its own best description."""
        rule = read(self.text, self.tz)
        return f"by the rule {rule.text} from {rule.start.isoformat()} ({rule.zone})"

    def document(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"rrule": self.text, **({} if self.tz is None else {"tz": self.tz})}


class LocalRule:
    """A rule on the local clock, as a pattern."""

    def __init__(self, text: str, start: datetime, zone_name: str) -> None:
        self.text = text
        self.start = start
        self.zone = zone_name
        if "COUNT=" in text and "UNTIL=" in text:
            raise DefinitionError("a recurrence rule has COUNT or UNTIL, not both", remedy="leave one of them out")
        made = rrulestr(text, dtstart=start)
        assert isinstance(made, rrule)
        self.rule = made
        parts: Any = made  # dateutil keeps what it read, without a public name for it
        if parts._interval < 1:
            raise DefinitionError(f"INTERVAL={parts._interval} is not at least 1")
        self.until: datetime | None = parts._until
        period = PERIODS.get(parts._freq)
        self.stride = None if period is None else timedelta(seconds=period * parts._interval)
        self.fixed = parts._freq not in (HOURLY, MINUTELY, SECONDLY)
        if not self.fixed and WITHIN_DAY.search(text):
            # dateutil would try every second up to the next such day, or to the year 9999.
            remedy = "write FREQ=DAILY with BYHOUR, BYMINUTE and BYSECOND"
            raise DefinitionError("rules of hours, minutes and seconds take BYDAY and BYHOUR only", remedy=remedy)
        self.counted: list[datetime] | None = None
        if parts._count is not None:
            if parts._count > MOST_COUNTED:
                raise DefinitionError(f"COUNT={parts._count} is over {MOST_COUNTED}", remedy="bound it by UNTIL")
            endless = made.replace(count=None, until=start + 2 * HORIZON)
            self.counted = list(islice(endless, parts._count))

    def at_or_after(self, local: int) -> int | None:
        """Return the first planned local time from `local` on."""
        try:
            least = max(LOCAL_EPOCH + timedelta(seconds=local), self.start)
        except OverflowError:
            return None
        if self.counted is not None:
            return next((_seconds(time) for time in self.counted if time >= least), None)
        end = min(filter(None, (self.until, least + HORIZON if least < LAST - HORIZON else LAST)))
        found = self._from(least).replace(until=end).after(least, inc=True)
        return None if found is None else _seconds(found)

    def before(self, local: int) -> int | None:
        """Return the last planned local time before `local`."""
        try:
            most = LOCAL_EPOCH + timedelta(seconds=local)
        except OverflowError:
            return None
        if self.counted is not None:
            return next((_seconds(time) for time in reversed(self.counted) if time < most), None)
        # Look back by ever longer pieces, each of them expanded forwards, as dateutil can.
        back = timedelta(days=1) if self.stride is None else max(self.stride, timedelta(seconds=1))
        while True:
            try:
                least = max(most - back, self.start)
            except OverflowError:
                least = self.start
            end = most if self.until is None else min(most, self.until)
            found = self._from(least).replace(until=end).before(most)
            if found is not None:
                return _seconds(found)
            if least == self.start or back > HORIZON:
                return None
            back *= 8

    def _from(self, least: datetime) -> rrule:
        """Return the rule begun as late as gives the same times from `least` on."""
        if self.stride is None or least <= self.start:
            return self.rule
        return self.rule.replace(dtstart=self.start + (least - self.start) // self.stride * self.stride)


@lru_cache(maxsize=1024)
def read(text: str, tz: str | None) -> LocalRule:
    """Read the text of a rule."""
    if len(text) > LONGEST:
        raise DefinitionError(f"cannot use the recurrence rule: it has over {LONGEST} characters")
    lines = [line.strip() for line in text.upper().replace("\\N", "\n").splitlines() if line.strip()]
    starts = [line for line in text.replace("\\n", "\n").splitlines() if line.strip().upper().startswith("DTSTART")]
    rules = [line.removeprefix("RRULE:") for line in lines if line.startswith(("RRULE:", "FREQ="))]
    if len(starts) != 1 or len(rules) != 1 or len(lines) != 2:
        remedy = "as in DTSTART;TZID=Europe/Paris:20270101T090000 and RRULE:FREQ=DAILY; calendars leave days out"
        raise DefinitionError("a recurrence rule is one DTSTART line and one RRULE line", remedy=remedy)
    start, zone_name = _start(starts[0].strip(), tz)
    try:
        rule = LocalRule(UNTIL.sub(lambda until: f"UNTIL={_local(until[1], zone_name)}", rules[0]), start, zone_name)
        first = rule.at_or_after(_seconds(start))
    except DefinitionError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise DefinitionError(f"cannot read the recurrence rule {rules[0][:80]!r}: {error}") from None
    if first is None:
        raise DefinitionError(f"the recurrence rule {rules[0][:80]!r} never gives a time")
    return rule


def _start(line: str, tz: str | None) -> tuple[datetime, str]:
    """Read the DTSTART line: the local time, and the zone."""
    found = START.fullmatch(line)
    if not found:
        raise DefinitionError(f"cannot read {line[:80]!r}", remedy="write DTSTART;TZID=Europe/Paris:20270101T090000")
    try:
        start = datetime.strptime(found["time"], "%Y%m%dT%H%M%S")
    except ValueError:
        raise DefinitionError(f"cannot read {line[:80]!r}: there is no such time") from None
    name = tz or found["zone"] or "UTC"
    zone(name)
    if found["utc"]:
        start = start.replace(tzinfo=UTC).astimezone(zone(name)).replace(tzinfo=None)
    elif found["zone"] and found["zone"] != name:
        raise DefinitionError(f"the rule's TZID is {found['zone']}, yet tz is {name}", remedy="give one of the two")
    return start, name


def _local(stamp: str, zone_name: str) -> str:
    """Return a UTC time stamp as local time."""
    instant = int(datetime.strptime(stamp, "%Y%m%dT%H%M%S").replace(tzinfo=UTC).timestamp())
    return (LOCAL_EPOCH + timedelta(seconds=instant + offset(zone_name, instant))).strftime("%Y%m%dT%H%M%S")


def _seconds(local: datetime) -> int:
    return (local - LOCAL_EPOCH) // timedelta(seconds=1)
