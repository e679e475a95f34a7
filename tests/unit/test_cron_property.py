"""Cron against a stepper that is too simple to be wrong: every minute is tried, its local time taken from zoneinfo.

The expressions are generated together with the numbers that they mean, so nothing of the parser is trusted either.
"""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise, takewhile
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model.errors import DefinitionError
from orchestrator.timing.cron import Cron
from support.examples import examples

MINUTE = timedelta(minutes=1)
ZONES = sorted(name for name in available_timezones() if "/" in name and not name.startswith("posix"))
FAVOURITES = ["Europe/Paris", "Australia/Lord_Howe", "America/Santiago", "Africa/Casablanca", "America/St_Johns",
              "Pacific/Apia", "Antarctica/Troll", "Europe/Dublin", "America/New_York", "Africa/Cairo"]  # fmt: skip


@st.composite
def field(draw, low, high):
    """A field's text with the set of numbers that it means."""
    everything = frozenset(range(low, high + 1))
    number = st.integers(low, high)
    match draw(st.sampled_from(["star", "star", "step", "one", "one", "range", "stepped", "list"])):
        case "star":
            return "*", everything
        case "step":
            step = draw(st.integers(1, high - low))
            return f"*/{step}", frozenset(range(low, high + 1, step))
        case "one":
            n = draw(number)
            return str(n), frozenset([n])
        case "range":
            a, b = sorted((draw(number), draw(number)))
            return f"{a}-{b}", frozenset(range(a, b + 1))
        case "stepped":
            a, b = sorted((draw(number), draw(number)))
            step = draw(st.integers(1, 20))
            return f"{a}-{b}/{step}", frozenset(range(a, b + 1, step))
        case _:
            chosen = draw(st.lists(number, min_size=1, max_size=4))
            return ",".join(map(str, chosen)), frozenset(chosen)


@st.composite
def day_of_month(draw):
    if draw(st.integers(0, 9)):
        text, days = draw(field(1, 31))
        return text, lambda day: day.day in days
    if draw(st.booleans()):
        return "L", lambda day: (day + timedelta(days=1)).day == 1
    wanted = draw(st.integers(1, 31))

    def nearest(day):
        # W: of the working days of this month, the one with the smallest distance; no two can be equally near.
        length = calendar.monthrange(day.year, day.month)[1]
        working = [n for n in range(1, length + 1) if day.replace(day=n).weekday() < 5]
        return day.day == min(working, key=lambda n: abs(n - min(wanted, length)))

    return f"{wanted}W", nearest


@st.composite
def day_of_week(draw):
    if draw(st.integers(0, 9)):
        return draw(one_kind_of_weekday())
    (text, fits), (other, also_fits) = draw(one_kind_of_weekday()), draw(one_kind_of_weekday())
    return f"{text},{other}", lambda day: fits(day) or also_fits(day)


@st.composite
def one_kind_of_weekday(draw):
    if draw(st.integers(0, 4)):
        text, days = draw(field(0, 7))
        # In croniter as in cron, 7 is Sunday; a star or a step counts 0 to 6.
        days = {n % 7 for n in days if not (text.startswith("*") and n == 7)}
        return text, lambda day: day.isoweekday() % 7 in days
    weekday = draw(st.integers(0, 6))
    if draw(st.booleans()):
        last = draw(st.sampled_from([f"{weekday}L", f"L{weekday}"]))
        return last, lambda day: day.isoweekday() % 7 == weekday and (day + timedelta(days=7)).month != day.month
    which = draw(st.integers(1, 5))
    return f"{weekday}#{which}", lambda day: day.isoweekday() % 7 == weekday and (day.day - 1) // 7 + 1 == which


class Plan:
    """An expression, whether a local minute fits it, and whether it keeps to fixed times."""

    def __init__(self, minute, hour, dom, month, dow):
        self.expression = " ".join(part[0] for part in (minute, hour, dom, month, dow))
        self.fixed = not minute[0].startswith("*") and not hour[0].startswith("*")
        both = dom[0].startswith("*") or dow[0].startswith("*")

        @cache
        def day_fits(day):
            fits = (dom[1](day), dow[1](day))
            return day.month in month[1] and (all(fits) if both else any(fits))

        self.day_fits = day_fits
        self.fits = lambda at: at.minute in minute[1] and at.hour in hour[1] and day_fits(at.date())

    def __repr__(self):
        return f"Plan({self.expression})"


STAR = ("*", frozenset(range(60)))
any_day = st.just(("*", lambda day: True))
plans = st.builds(Plan, field(0, 59), field(0, 23), any_day | day_of_month(), st.just(STAR), any_day | day_of_week())
day_plans = st.builds(Plan, st.just(("0", {0})), st.just(("12", {12})), day_of_month(), field(1, 12), day_of_week())


def stepped(plan, zone, start, end):
    """Try every minute after `start`, up to `end`."""
    found = []
    before = start.astimezone(zone).replace(tzinfo=None)
    at = start
    while at < end:
        at += MINUTE
        shown = at.astimezone(zone)
        local = shown.replace(tzinfo=None)
        if not plan.fixed:
            fires = plan.fits(local)
        else:
            leapt = before + MINUTE
            fires = shown.fold == 0 and plan.fits(local)
            while not fires and leapt < local:
                fires = plan.fits(leapt)
                leapt += MINUTE
        if fires:
            found.append(at)
        before = local
    return found


def cron_of(plan, zone):
    """Return the plan's Cron; None if it is refused because no day ever fits, which is then tried (28 years repeat)."""
    try:
        return Cron(plan.expression, tz=zone)
    except DefinitionError as error:
        if "never matches" not in str(error):
            raise
        assert not any(plan.day_fits(date(2001, 1, 1) + timedelta(days=n)) for n in range(28 * 365 + 7))
        return None


@cache
def edges(zone, year):
    """Return where the zone's offset changes in a year, to 6 hours; the year's beginning if it never does."""
    info, at = ZoneInfo(zone), datetime(year, 1, 1, tzinfo=UTC)
    found = []
    for _ in range(366 * 4):
        after = at + timedelta(hours=6)
        if at.astimezone(info).utcoffset() != after.astimezone(info).utcoffset():
            found.append(at)
        at = after
    return found or [datetime(year, 1, 1, tzinfo=UTC)]


@examples(150)
@given(
    plan=plans,
    zone=st.sampled_from(FAVOURITES) | st.sampled_from(ZONES),
    year=st.integers(1973, 2150),
    pick=st.integers(0, 3),
    early=st.integers(0, 30 * 60),
)
def test_around_clock_changes_every_minute_agrees(plan, zone, year, pick, early):
    moments = edges(zone, year)
    start = moments[pick % len(moments)] - early * MINUTE
    end = start + timedelta(hours=40)
    cron = cron_of(plan, zone)
    if cron is None:
        return
    wanted = stepped(plan, ZoneInfo(zone), start, end)
    # Compared in UTC: Python holds no moment that comes twice equal to one in another zone.
    until_end = takewhile(lambda time: time <= end, (time.astimezone(UTC) for time in cron.times(start)))
    assert list(until_end) == wanted
    for earlier, later in pairwise(wanted):
        assert cron.prev(later).astimezone(UTC) == earlier


@examples(100)
@given(plan=day_plans, year=st.integers(1900, 2300))
def test_day_by_day_the_days_agree(plan, year):
    days = [date(year, 1, 1) + timedelta(days=n) for n in range(3 * 365)]
    wanted = [day for day in days if plan.day_fits(day)]
    if not wanted:
        return
    times = cron_of(plan, "UTC").times(datetime(year - 1, 12, 31, 23, tzinfo=UTC))
    assert list(takewhile(lambda day: day <= days[-1], (time.date() for time in times))) == wanted
