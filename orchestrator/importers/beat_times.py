"""The times at which Celery beat sends a task, as the timing of a schedule document."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from orchestrator.model.errors import DefinitionError
from orchestrator.timing.cron import Cron
from orchestrator.timing.intervals import Every
from orchestrator.timing.rrule import RRule

FIELDS = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
FULL = (range(60), range(24), range(1, 32), range(1, 13), range(7))
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
DAY = timedelta(days=1)
UNITS = (timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), DAY)
FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY")
RULE_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
BY_PARTS = ("bysetpos", "bymonth", "bymonthday", "byyearday", "byweekno", "byhour", "byminute", "bysecond")
KINDS = {
    "freq": "frequency", "interval": "number", "wkst": "weekday", "count": "number", "until": "time in Unix seconds",
    "byweekday": "weekday, nor a list of them", "dtstart_tz": "offset in minutes", "dtstart": "time in Unix seconds",
    **dict.fromkeys(BY_PARTS, "number, nor a list of them"),
}  # fmt: skip
"""The kinds of values that the arguments of a rule take, in words."""


def cron_times(fields: Mapping[str, Any], tz: str) -> dict[str, Any]:
    """Convert the fields of Celery's `crontab`, as they were given: texts, numbers, or collections of numbers.

    Celery requires that the day of the month *and* the weekday match, cron that one of them does. Where both are
    restricted, the weekday becomes the calendar of the schedule.

    Raises:
        DefinitionError: Celery cannot read the fields.
    """
    from celery.schedules import ParseException, crontab

    unknown = set(fields) - set(FIELDS)
    if unknown:
        raise DefinitionError(f"a crontab has no {', '.join(sorted(map(str, unknown)))}")
    given = {name: value for name, value in fields.items() if value is not None}
    try:
        read = crontab(**given)
        wanted = [sorted(set(getattr(read, name))) for name in FIELDS]
    except (ParseException, ValueError, TypeError, IndexError, KeyError, AttributeError) as error:
        raise DefinitionError(f"Celery cannot read the crontab: {error}") from None
    texts = [
        _text(given.get(name, "*"), numbers, full) for name, numbers, full in zip(FIELDS, wanted, FULL, strict=True)
    ]
    days: dict[str, Any] = {}
    if texts[2] != "*" and texts[4] != "*":
        days = {"days": {"weekdays": [WEEKDAYS[number] for number in wanted[4]]}}
        texts[4], wanted[4] = "*", list(FULL[4])
    if not _means(texts, wanted):
        texts = [_listed(numbers, full) for numbers, full in zip(wanted, FULL, strict=True)]
    return Cron(" ".join(texts), tz).document() | days


def _means(texts: list[str], wanted: list[list[int]]) -> bool:
    """Tell whether the expression allows exactly the wanted numbers, field by field."""
    try:
        fields = Cron(" ".join(texts)).fields
    except DefinitionError:  # such as for 22-6/2, which Celery knows and cron does not
        return False
    found = (fields.minutes, fields.hours, fields.days, fields.months, fields.weekdays)
    return list(map(list, found)) == wanted


def _text(given: Any, numbers: list[int], full: range) -> str:
    """Return a field as it was written, if cron can read it, else the list of its numbers."""
    text = str(given).replace(" ", "").lower() if isinstance(given, str | int) else ""
    plain = re.fullmatch(
        r"(\*|\d+(-\d+)?|[a-z]{3}(-[a-z]{3})?)(/\d+)?(,(\*|\d+(-\d+)?|[a-z]{3})(/\d+)?)*", text, re.ASCII
    )
    return text if plain and numbers != list(full) else _listed(numbers, full)


def _listed(numbers: Iterable[int], full: range) -> str:
    """Write numbers as cron does, runs of three and more as ranges."""
    ordered = sorted(numbers)
    if ordered == list(full):
        return "*"
    starts = [0, *(at + 1 for at, (a, b) in enumerate(pairwise(ordered)) if b != a + 1), len(ordered)]
    parts: list[str] = []
    for begin, end in pairwise(starts):
        run = ordered[begin:end]
        parts += [f"{run[0]}-{run[-1]}"] if len(run) > 2 else map(str, run)
    return ",".join(parts)


def interval_times(step: timedelta, tz: str, *, relative: bool, anchor: datetime | None) -> tuple[dict[str, Any], str]:
    """Convert an interval, and return how it differs from beat's (empty if it does not).

    `anchor` is the time at which beat last sent the task. With `relative` beat rounds down to the full day, hour or
    minute.
    """
    if relative and step in UNITS:
        return Every(step, align="day", tz=tz).document(), ""
    if relative and step < DAY and not step % timedelta(seconds=1):
        return Every(step, align="day", tz=tz).document(), "relative: the interval is counted from each midnight"
    if relative and anchor is not None:
        from orchestrator.timing.zones import zone

        midnight = anchor.astimezone(zone(tz)).replace(hour=0, minute=0, second=0, microsecond=0)
        return Every(step, midnight, tz=tz).document(), "relative: full days are elapsed time here, not calendar days"
    timing = Every(step, anchor, tz=tz).document()
    return (
        timing,
        "" if anchor else "beat counts from its own start, an interval from 1970-01-01T00:00Z unless it has an anchor",
    )


def rule_times(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Convert a recurrence rule as RedBeat stores it: the arguments of dateutil's `rrule`, times as Unix seconds.

    Raises:
        DefinitionError: an argument is unknown, missing or wrong, or iCalendar has no such rule.
    """
    known = {"freq", "dtstart", "dtstart_tz", "interval", "wkst", "count", "until", "until_tz", "byeaster", "byweekday"}
    unknown = set(rule) - known - set(BY_PARTS)
    if unknown:
        raise DefinitionError(f"a recurrence rule has no {', '.join(sorted(unknown))}")
    if rule.get("byeaster") is not None:
        raise DefinitionError("byeaster is no part of iCalendar's rules", remedy="a calendar holds the dates of Easter")
    for name, why in (("freq", "a rule has one"), ("dtstart", "a rule counts from it")):
        if rule.get(name) is None:
            raise DefinitionError(f"the recurrence rule has no {name}, and {why}")
    parts = [f"FREQ={_read(rule, 'freq', _frequency)}"]
    if rule.get("interval") not in (None, 1):
        parts.append(f"INTERVAL={_read(rule, 'interval', int)}")
    if rule.get("wkst") is not None:
        parts.append(f"WKST={_read(rule, 'wkst', _rule_day)}")
    if rule.get("count") is not None:
        parts.append(f"COUNT={_read(rule, 'count', int)}")
    if rule.get("until") is not None:
        parts.append(f"UNTIL={_read(rule, 'until', _utc)}")
    parts += [f"{name.upper()}={_read(rule, name, _numbers)}" for name in BY_PARTS if rule.get(name) is not None]
    if rule.get("byweekday") is not None:
        parts.append(f"BYDAY={_read(rule, 'byweekday', _rule_days)}")
    tz = _read(rule, "dtstart_tz", _fixed_zone) if rule.get("dtstart_tz") else "UTC"
    return RRule(f"DTSTART:{_read(rule, 'dtstart', _utc)}\nRRULE:{';'.join(parts)}", tz).document()


def _read(rule: Mapping[str, Any], name: str, read: Callable[[Any], Any]) -> Any:
    """Read one argument of a rule; an error names the argument and its value."""
    try:
        return read(rule[name])
    except (LookupError, TypeError, ValueError, OverflowError, OSError):
        shown = repr(rule[name])
        shown = shown if len(shown) <= 60 else f"{shown[:60]}…"
        raise DefinitionError(f"the recurrence rule's {name} cannot be read: {shown} is no {KINDS[name]}") from None


def _frequency(value: Any) -> str:
    names = dict(enumerate(FREQUENCIES)) | {name: name for name in FREQUENCIES}
    return names[value.upper() if isinstance(value, str) else value]


def _utc(seconds: Any) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y%m%dT%H%M%SZ}"


def _many(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _numbers(value: Any) -> str:
    return ",".join(str(int(number)) for number in _many(value))


def _rule_day(day: Any) -> str:
    return dict(enumerate(RULE_DAYS))[day["wkday"] if isinstance(day, Mapping) else day]


def _rule_days(value: Any) -> str:
    return ",".join(map(_rule_day, _many(value)))


def _fixed_zone(minutes: float) -> str:
    """Return the zone of a fixed offset. Its name has the opposite sign: Etc/GMT-1 is one hour ahead."""
    hours = minutes / 60
    if not hours.is_integer() or not -12 <= hours <= 14:
        raise DefinitionError(f"no zone has the fixed offset of {minutes:g} minutes that the rule starts in")
    return f"Etc/GMT{-int(hours):+d}"
