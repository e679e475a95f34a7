"""Cron expressions in words.

The words come from the numbers that the fields allow, not from the text, so they say what will happen: `H` is shown as
the number that it stands for, and day and weekday are joined by "or" or "and" as cron itself joins them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from orchestrator.timing.cronfields import Fields

WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
MONTHS = ("January", "February", "March", "April", "May", "June",
          "July", "August", "September", "October", "November", "December")  # fmt: skip
ORDINALS = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last"}
MOST_CLOCK_TIMES = 6
"""More times of day than these are told by their hours and minutes apart."""


def cron_text(fields: Fields) -> str:
    """Return when an expression fires, as in `at 02:00 on Monday to Friday`."""
    when = " ".join(part for part in (_days(fields), _months(fields)) if part)
    if not when and _by_the_clock(fields):
        when = "every day"
    return f"{_time(fields)} {when}".rstrip()


def _by_the_clock(fields: Fields) -> bool:
    """Tell whether the times of day are few enough to be named, each as a clock shows it."""
    return len(fields.seconds) * len(fields.minutes) * len(fields.hours) <= MOST_CLOCK_TIMES


def _time(fields: Fields) -> str:
    seconds, minutes, hours = fields.seconds, fields.minutes, fields.hours
    if _by_the_clock(fields):
        with_seconds = seconds != (0,)
        return "at " + joined(
            f"{hour:02}:{minute:02}" + (f":{second:02}" if with_seconds else "")
            for hour in hours for minute in minutes for second in seconds
        )  # fmt: skip
    minute = _counted(minutes, 60, "minute")
    whole_hours = minutes == (0,) and seconds == (0,)
    step = _every(hours, 24)
    if len(hours) == 24:
        spread = len(minutes) == 60 or _every(minutes, 60)
        text = "every hour" if whole_hours else minute if spread else f"{minute} of every hour"
    elif step:
        text = f"every {step} hours from 00:00" if whole_hours else f"{minute} of every {_nth(step)} hour from 00:00"
    else:
        text = f"{minute} of hour{'s' if len(hours) > 1 else ''} {_spans([f'{hour:02}' for hour in hours], hours)}"
    if seconds == (0,):
        return text
    if len(minutes) == 60 and len(hours) == 24 and (len(seconds) == 60 or _every(seconds, 60)):
        return _counted(seconds, 60, "second")
    return f"{_counted(seconds, 60, 'second')}, {text}"


def _counted(numbers: Sequence[int], size: int, unit: str) -> str:
    """Return `every 15 minutes`, `minutes 10 to 20` or `at minutes 5, 20 and 35`."""
    if len(numbers) == size:
        return f"every {unit}"
    step = _every(numbers, size)
    if step:
        return f"every {step} {unit}s"
    return f"at {unit}{'s' if len(numbers) > 1 else ''} {_spans([str(n) for n in numbers], numbers)}"


def _every(numbers: Sequence[int], size: int) -> int | None:
    """Return the step of numbers that run evenly through all of the unit, as */15 does and */7 does not."""
    step = numbers[1] - numbers[0] if len(numbers) > 1 else 0
    whole = step > 0 and size % step == 0 and tuple(numbers) == tuple(range(0, size, step))
    return step if whole else None


def _days(fields: Fields) -> str:
    month = [] if fields.any_day else _days_of_month(fields)
    week = [] if fields.any_weekday else _days_of_week(fields)
    if not fields.both and (fields.any_day or fields.any_weekday):
        return "every day"  # either may fit, and one of the two always does
    if month and week:
        return f"on {joined(month)} {'if it is' if fields.both else 'or on'} {joined(week, 'or')}"
    days = month or week
    return f"on {joined(days)}" if days else ""


def _days_of_month(fields: Fields) -> list[str]:
    if fields.near_weekday:
        if fields.texts[2] in ("lw", "wl"):
            return ["the last working day (Monday to Friday) of the month"]
        return [f"the working day (Monday to Friday) nearest to day {fields.near_weekday}"]
    days = []
    if fields.days:
        spans = _spans([str(day) for day in fields.days], fields.days)
        days.append(f"day{'s' if len(fields.days) > 1 else ''} {spans} of the month")
    if fields.last_day:
        days.append("the last day of the month")
    return days


def _days_of_week(fields: Fields) -> list[str]:
    from_monday = sorted(fields.weekdays, key=lambda day: (day + 6) % 7)
    plain = _runs([WEEKDAYS[day] for day in from_monday], [(day + 6) % 7 for day in from_monday])
    return plain + [f"the {ORDINALS[which]} {WEEKDAYS[weekday]} of the month" for weekday, which in fields.nth]


def _months(fields: Fields) -> str:
    if len(fields.months) == 12:
        return ""
    return f"in {_spans([MONTHS[month - 1] for month in fields.months], fields.months)}"


def _spans(names: Sequence[str], numbers: Sequence[int]) -> str:
    """Join names, three or more in a row as `Monday to Friday`."""
    return joined(_runs(names, numbers))


def _runs(names: Sequence[str], numbers: Sequence[int]) -> list[str]:
    parts: list[str] = []
    start = 0
    for index in range(1, len(numbers) + 1):
        if index == len(numbers) or numbers[index] != numbers[index - 1] + 1:
            run = names[start:index]
            parts += [f"{run[0]} to {run[-1]}"] if len(run) > 2 else run
            start = index
    return parts


def joined(parts: Iterable[str], word: str = "and") -> str:
    """Return `a, b and c`."""
    names = list(parts)
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {word} {names[-1]}"


def _nth(number: int) -> str:
    suffix = {1: "st", 2: "nd", 3: "rd"}.get(number % 10 if number // 10 != 1 else 0, "th")
    return f"{number}{suffix}"
