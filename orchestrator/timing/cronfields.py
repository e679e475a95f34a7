"""The fields of a cron expression as sets of numbers: croniter reads the syntax, the rules about days are cron's.

A day fits if its month does, and if its day of the month and its weekday do: both where one of the two fields starts
with `*` (also `*/2`), either where neither does. So `0 0 1 * 1` runs on every first *and* on every Monday, as in
Vixie's and Debian's cron; croniter alone takes "either" for `*/2` too.
"""

from __future__ import annotations

import calendar
import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from croniter import croniter

from orchestrator.model.errors import DefinitionError

ALIASES = {
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
REMEDIES = {
    "@reboot": "a schedule has no boot: submit a run when the service starts",
    "@every": "write Every('15m') for intervals",
}
LENGTHS = {month: {calendar.monthrange(year, month)[1] for year in (2027, 2028)} for month in range(1, 13)}
LONGEST = 500
NAMES = ("minute", "hour", "day of month", "month", "day of week", "second")
FULL = (range(60), range(24), range(1, 32), range(1, 13), range(7), range(60))
RANDOM = re.compile(r"(^|,)r($|[(/,])")
LAST_WEEKDAY = re.compile(r"(?<![^,])([0-7]|sun|mon|tue|wed|thu|fri|sat)l(?![^,])")  # 5L, friL
SAME_ENDS = re.compile(r"(?<![^,])(\w+)-\1(/\d+)?(?![^,])")
RANGE_WITH_STEP = re.compile(r"(?<![^,])(\w+)-(\w+)/\d+(?![^,])")


@dataclass(frozen=True)
class Fields:
    """The sorted numbers that each field of an expression allows, and the days that `L`, `W` and `#` add."""

    texts: tuple[str, ...]
    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    last_day: bool
    near_weekday: int | None
    """The day of the month of `15W`; 31 for `LW`."""
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    """0 is Sunday."""
    nth: tuple[tuple[int, int], ...]
    """(weekday, which of the month); -1 is the last."""

    @property
    def any_day(self) -> bool:
        """Tell whether the day of the month is not restricted."""
        return not self.near_weekday and len(self.days) == 31

    @property
    def any_weekday(self) -> bool:
        """Tell whether the weekday is not restricted."""
        return not self.nth and len(self.weekdays) == 7

    @property
    def both(self) -> bool:
        """Tell whether day of month and weekday must both fit (one starts with `*`), not either."""
        return self.texts[2][0] in "*?" or self.texts[4][0] in "*?"

    @property
    def fixed(self) -> bool:
        """Tell whether it keeps to fixed times: neither minute nor hour starts with `*`."""
        return not (self.texts[0].startswith("*") or self.texts[1].startswith("*"))

    def month_days(self, first: int, length: int) -> tuple[int, ...]:
        """Return the days that fit in a month whose 1st is weekday `first` (0 is Sunday) and that has `length` days."""
        if self.near_weekday:
            of_month = {_nearest_working_day(min(self.near_weekday, length), first, length)}
        else:
            of_month = {day for day in self.days if day <= length} | ({length} if self.last_day else set())
        of_week: set[int] = set()
        for weekday in self.weekdays:
            of_week.update(_dates(weekday, first, length))
        for weekday, which in self.nth:
            dates = _dates(weekday, first, length)
            if which <= len(dates):
                of_week.add(dates[which - 1 if which > 0 else -1])
        return tuple(sorted(of_month & of_week if self.both else of_month | of_week))


def _dates(weekday: int, first: int, length: int) -> range:
    """Return the days of the month that are a weekday."""
    return range((weekday - first) % 7 + 1, length + 1, 7)


def _nearest_working_day(day: int, first: int, length: int) -> int:
    """Return the day from Monday to Friday nearest to a day, in the same month."""
    match (first + day - 1) % 7:
        case 6:
            return day - 1 if day > 1 else day + 2
        case 0:
            return day + 1 if day < length else day - 2
        case _:
            return day


def draws(expression: str) -> bool:
    """Tell whether an expression has an `H`, a number to be drawn from an id."""
    return any(field.startswith("h") for field in expression.lower().split())


@lru_cache(maxsize=16_384)
def parse(expression: str, hash_id: str | None) -> Fields:
    """Read an expression of five fields, of six (the sixth is the second), or a name such as `@daily`.

    Raises DefinitionError if it cannot be read, never matches, or has an `H` without a `hash_id`.
    """
    if len(expression) > LONGEST:
        raise _wrong(expression, f"it has over {LONGEST} characters", None)
    text = expression.strip().lower()
    text = ALIASES.get(text, text)
    if text.startswith("@"):
        remedy = REMEDIES.get(text.split()[0], f"there are {', '.join(ALIASES)}")
        raise _wrong(expression, "no such name", remedy)
    texts = tuple(text.split())
    if len(texts) not in (5, 6):
        order = "minute, hour, day of month, month, day of week, and maybe second"
        raise _wrong(expression, f"it has {len(texts)} fields, not 5 or 6", f"they are {order}")
    if any(RANDOM.search(field) for field in texts):
        raise _wrong(expression, "R draws anew each time, so no two schedulers agree", "write H")
    if hash_id is None and draws(text):
        raise _wrong(expression, "H needs something to hash", "give the schedule's id as hash_id")
    if any(_wraps_with_step(index, field) for index, field in enumerate(texts)):
        raise _wrong(expression, "a range that wraps around cannot have a step", "write the numbers out")
    try:
        fields = _collect(texts, _read(texts, hash_id or None))
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise _wrong(expression, _reason(error, texts), None) from None
    _check(expression, fields)
    return fields


def _read(texts: tuple[str, ...], hash_id: str | None) -> list[croniter]:
    """Read the fields, twice if weekdays that are counted in the month (`5#2`, `5L`) stand beside plain ones.

    croniter takes no two kinds in one field, or forgets the plain one. The plain ones come first.
    """
    fields = _for_croniter(texts)
    parts = fields[4].split(",")
    counted = [part for part in parts if "#" in part or part.startswith("l")]
    plain = [part for part in parts if part not in counted]
    divided = counted and plain and not {"", "?"} & set(plain)  # nothing goes beside these two, and croniter says so
    return [
        croniter(" ".join([*fields[:4], ",".join(group), *fields[5:]]), 0, hash_id=hash_id)
        for group in ((plain, counted) if divided else (parts,))
    ]


def _for_croniter(texts: tuple[str, ...]) -> list[str]:
    """Translate `5L`, `LW` and `5-5` for croniter: it lacks the first two, and reads the third as the whole field."""
    fields = [SAME_ENDS.sub(lambda same: same[1], field) for field in texts]
    fields[2] = "31w" if fields[2] in ("lw", "wl") else fields[2]
    fields[4] = LAST_WEEKDAY.sub(lambda last: f"l{croniter.ALPHACONV[4].get(last[1], last[1])}", fields[4])
    return fields


def _wraps_with_step(index: int, field: str) -> bool:
    """Tell whether a field has a range such as `22-6/3`: Debian's cron has none, and croniter miscounts it."""
    names = croniter.ALPHACONV[index]
    for ends in RANGE_WITH_STEP.findall(field):
        low, high = (int(end) if end.isdecimal() else names.get(end) for end in ends)
        if isinstance(low, int) and isinstance(high, int) and low > high:
            return True
    return False


def _collect(texts: tuple[str, ...], reads: list[croniter]) -> Fields:
    read = reads[0]
    expanded: Sequence[Sequence[int | str]] = read.expanded
    numbers = [
        tuple(full) if "*" in found else tuple(sorted(n for n in found if isinstance(n, int)))
        for found, full in zip(expanded, FULL, strict=False)
    ]
    weekdays = tuple(weekday for weekday in numbers[4] if weekday not in read.nth_weekday_of_month)
    nth = sorted(
        (int(weekday), -1 if which == "l" else int(which))
        for each in reads
        for weekday, all_of_it in each.nth_weekday_of_month.items() if weekday not in weekdays
        for which in all_of_it
    )  # fmt: skip
    return Fields(
        texts=texts,
        seconds=numbers[5] if len(numbers) == 6 else (0,),
        minutes=numbers[0],
        hours=numbers[1],
        days=() if read.nearest_weekday else numbers[2],
        last_day="l" in expanded[2],
        near_weekday=next(iter(read.nearest_weekday), None),
        months=numbers[3],
        weekdays=weekdays,
        nth=tuple(nth),
    )


def _check(expression: str, fields: Fields) -> None:
    # Over 400 years every month begins on every weekday, February in leap years too.
    if not any(fields.month_days(first, length) for month in fields.months
               for first, length in product(range(7), LENGTHS[month])):  # fmt: skip
        raise _wrong(expression, "it never matches: no month in it has such a day", "see the day and month fields")


def _reason(error: Exception, texts: tuple[str, ...]) -> str:
    """Name the field that croniter cannot read, if it is one alone; else return croniter's own message."""
    for index, field in enumerate(texts):
        alone = ["*"] * len(texts)
        alone[index] = field
        try:
            _read(tuple(alone), "x")
        except (ValueError, TypeError, KeyError, IndexError):
            most = 7 if index == 4 else FULL[index][-1]  # Sunday is 7 too
            return f"{field!r} cannot be read as {NAMES[index]} ({FULL[index][0]} to {most})"
    return str(error).splitlines()[0]


def _wrong(expression: str, what: str, remedy: str | None) -> DefinitionError:
    shown = expression if len(expression) < 60 else expression[:57] + "…"
    return DefinitionError(f"cannot use the cron expression {shown!r}: {what}", remedy=remedy)


def next_of(numbers: tuple[int, ...], least: int) -> int | None:
    """Return the first of sorted numbers that is at least `least`."""
    index = bisect_left(numbers, least)
    return numbers[index] if index < len(numbers) else None


def previous_of(numbers: tuple[int, ...], most: int) -> int | None:
    """Return the last of sorted numbers that is at most `most`."""
    index = bisect_left(numbers, most + 1)
    return numbers[index - 1] if index else None


Days = Callable[[int, int], tuple[int, ...]]


@lru_cache(maxsize=16_384)
def days_of(fields: Fields) -> Days:
    """Return the function (year, month) -> days that fit. It works out each of the 28 shapes of a month once."""
    shapes: dict[tuple[int, int], tuple[int, ...]] = {}

    def days(year: int, month: int) -> tuple[int, ...]:
        first, length = _shape(year, month)
        if (first, length) not in shapes:
            shapes[first, length] = fields.month_days(first, length)
        return shapes[first, length]

    return days


@lru_cache(maxsize=4096)
def _shape(year: int, month: int) -> tuple[int, int]:
    monday_first, length = calendar.monthrange(year, month)
    return (monday_first + 1) % 7, length
