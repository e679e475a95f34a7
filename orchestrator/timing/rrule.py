"""Recurrence rules of iCalendar (RFC 5545), by the clock of a zone.

`recurrence` gives the local times of a rule, `wallclock` the instants at which they happen: rules of days, weeks,
months and years keep to fixed times, rules of hours, minutes and seconds follow the wall clock. DTSTART, UNTIL and
COUNT go by the instant: a time that a clock change leaves out does not count, and a time that comes twice counts twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

from dateutil.rrule import rrule, rrulestr

from orchestrator.model.errors import DefinitionError
from orchestrator.timing.base import Rule
from orchestrator.timing.recurrence import STEPS, ClockRule, DayRule, Recurrence, to_local
from orchestrator.timing.search import MOST_TRIES, bounded
from orchestrator.timing.wallclock import instant_of, instants, last_instant, last_instant_of, next_instant
from orchestrator.timing.zones import DAY, FIRST_YEAR, LAST_YEAR, zone

LONGEST = 1000
START = re.compile(r"DTSTART(?:;TZID=(?P<zone>[^:;]+))?:(?P<time>\d{8}T\d{6})(?P<utc>Z?)", re.ASCII)
UNTIL = re.compile(r";?\bUNTIL=([^;]*)", re.ASCII)
UNTIL_TIME = re.compile(r"(?P<time>\d{8}(?:T\d{6})?)(?P<utc>Z?)", re.ASCII)
COUNT = re.compile(r";?\bCOUNT=([^;]*)", re.ASCII)
WITHIN_DAY = re.compile(r"\bBY(?!DAY=|HOUR=)")
MOST_COUNTED = 10_000
MOST_YEARS_COUNTED = 100
MOST_TIMES_A_DAY = 1440


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
        found = read(self.text, self.tz).next(after_ms // 1000)
        return None if found is None else found * 1000

    def last_ms(self, before_ms: int) -> int | None:
        """Return the last moment earlier than `before_ms`."""
        found = read(self.text, self.tz).before(-(-before_ms // 1000))
        return None if found is None else found * 1000

    def describe(self) -> str:
        """Return the text of the rule."""
        rule = read(self.text, self.tz)
        return f"by the rule {rule.text} from {rule.pattern.start.isoformat()} ({rule.zone})"

    def document(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"rrule": self.text, **({} if self.tz is None else {"tz": self.tz})}


class Bounded(NamedTuple):
    """A recurrence in a zone, from its first possible instant to its last one (both included), in seconds."""

    text: str
    pattern: Recurrence
    zone: str
    first: int
    last: int | None

    @bounded
    def next(self, after: int) -> int | None:
        """Return the first instant later than `after`."""
        found = next_instant(self.pattern, self.zone, max(after, self.first - 1), fixed=self.pattern.fixed)
        return None if found is None or (self.last is not None and found > self.last) else found

    @bounded
    def before(self, before: int) -> int | None:
        """Return the last instant earlier than `before`."""
        if self.last is not None:
            before = min(before, self.last + 1)
        found = last_instant(self.pattern, self.zone, before, fixed=self.pattern.fixed)
        return None if found is None or found < self.first else found

    def instants(self) -> Iterator[int]:
        """Yield its instants in order, for COUNT: `last` does not end them, MOST_YEARS_COUNTED does."""
        end = self.first + MOST_YEARS_COUNTED * 366 * DAY
        if isinstance(self.pattern, ClockRule):
            yield from instants(self.pattern, self.zone, self.first, end)
            return
        # A fixed time happens when the clock first reaches it; those that a gap leaps over happen together.
        at = self.first - 1
        for local in self.pattern.all():
            following = instant_of(self.zone, local)
            if following > end:
                return
            if following > at:
                at = following
                yield at


@lru_cache(maxsize=1024)
def read(text: str, tz: str | None) -> Bounded:
    """Read the text of a rule.

    Raises DefinitionError if it cannot be read, or the rule never gives a time.
    """
    if len(text) > LONGEST:
        raise DefinitionError(f"cannot use the recurrence rule: it has over {LONGEST} characters")
    lines = [line.strip() for line in text.upper().replace("\\N", "\n").splitlines() if line.strip()]
    starts = [line for line in text.replace("\\n", "\n").splitlines() if line.strip().upper().startswith("DTSTART")]
    rules = [line.removeprefix("RRULE:") for line in lines if line.startswith(("RRULE:", "FREQ="))]
    if len(starts) != 1 or len(rules) != 1 or len(lines) != 2:
        remedy = "as in DTSTART;TZID=Europe/Paris:20270101T090000 and RRULE:FREQ=DAILY; calendars leave days out"
        raise DefinitionError("a recurrence rule is one DTSTART line and one RRULE line", remedy=remedy)
    try:
        start, first, zone_name = _start(starts[0].strip(), tz)
        rule = Bounded(rules[0], _pattern(rules[0], start), zone_name, first, None)
        rule = rule._replace(last=_last(rules[0], rule))
        found = rule.next(first - 1)
    except DefinitionError:
        raise
    except OverflowError:
        raise DefinitionError(
            f"the recurrence rule {rules[0][:80]!r} leaves the years {FIRST_YEAR} to {LAST_YEAR}"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise DefinitionError(f"cannot read the recurrence rule {rules[0][:80]!r}: {error}") from None
    if found is None:
        remedy = f"a search ends after {MOST_TRIES:,} periods"
        raise DefinitionError(f"the recurrence rule {rules[0][:80]!r} never gives a time", remedy=remedy)
    return rule


def _start(line: str, tz: str | None) -> tuple[datetime, int, str]:
    """Read the DTSTART line: the local time, the instant, and the zone."""
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
        return start.replace(tzinfo=UTC).astimezone(zone(name)).replace(tzinfo=None), to_local(start), name
    if found["zone"] and found["zone"] != name:
        raise DefinitionError(f"the rule's TZID is {found['zone']}, yet tz is {name}", remedy="give one of the two")
    return start, instant_of(name, to_local(start)), name


def _pattern(text: str, start: datetime) -> Recurrence:
    """Read the local times of a rule, without its COUNT and UNTIL."""
    made = rrulestr(COUNT.sub("", UNTIL.sub("", text)).lstrip(";"), dtstart=start)
    assert isinstance(made, rrule)
    parts: Any = made  # dateutil keeps what it read, without a public name for it
    if parts._interval < 1:
        raise DefinitionError(f"INTERVAL={parts._interval} is not at least 1")
    if parts._freq in STEPS:
        if WITHIN_DAY.search(text):
            remedy = "write FREQ=DAILY with BYHOUR, BYMINUTE and BYSECOND"
            raise DefinitionError("rules of hours, minutes and seconds take BYDAY and BYHOUR only", remedy=remedy)
        return ClockRule(made, start)
    if len(parts._timeset) > MOST_TIMES_A_DAY:
        what = f"the rule has {len(parts._timeset):,} times a day, more than {MOST_TIMES_A_DAY:,}"
        raise DefinitionError(what, remedy="write FREQ=SECONDLY with INTERVAL, BYDAY and BYHOUR")
    return DayRule(made, start)


def _last(text: str, rule: Bounded) -> int | None:
    """Return the last possible instant of a rule, by its COUNT or UNTIL."""
    count, until = COUNT.search(text), UNTIL.search(text)
    if count and until:
        raise DefinitionError("a recurrence rule has COUNT or UNTIL, not both", remedy="leave one of them out")
    if count:
        return _last_counted(int(count[1]), rule)
    return None if until is None else _last_until(until[1], rule.zone)


def _last_counted(count: int, rule: Bounded) -> int | None:
    """Return the instant of the last of `count` moments."""
    if not 1 <= count <= MOST_COUNTED:
        raise DefinitionError(f"COUNT={count} is not between 1 and {MOST_COUNTED:,}", remedy="bound it by UNTIL")
    counted = islice(rule.instants(), count - 1, None)
    last = bounded(lambda: next(counted, None))()
    if last is None:
        what = f"COUNT={count} is not reached within {MOST_YEARS_COUNTED} years"
        raise DefinitionError(what, remedy="leave it out, or bound the rule by UNTIL")
    return last


def _last_until(text: str, zone_name: str) -> int:
    """Read UNTIL as an instant; without a Z it is the last at which the zone's clock has not passed that local time."""
    found = UNTIL_TIME.fullmatch(text)
    if not found:
        remedy = "write it as in UNTIL=20271231T225959Z"
        raise DefinitionError(f"cannot read UNTIL={text[:40]}", remedy=remedy)
    seconds = to_local(datetime.strptime(found["time"], "%Y%m%dT%H%M%S" if "T" in found["time"] else "%Y%m%d"))
    return seconds if found["utc"] else last_instant_of(zone_name, seconds)
