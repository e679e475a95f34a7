"""Timings that never fire, or seldom, are given up after a bounded number of tries, whatever they are made of."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from orchestrator import Calendar, Cron, Every, Hours, NthDay, RRule, Schedule
from orchestrator.model.errors import DefinitionError
from orchestrator.timing import search
from orchestrator.timing.base import Timing
from orchestrator.timing.days import OnDays
from orchestrator.timing.windows import Window, WithinHours

NOW = datetime(2027, 1, 1, tzinfo=UTC)
RULE = "DTSTART;TZID=Europe/Paris:20270101T090000\nRRULE:"
OVER = Calendar(dates=["2010-01-01"])
NONE = Calendar(weekdays="mon-sun") - Calendar(weekdays="mon-sun")
MONDAYS = Calendar(weekdays="mon")
CROWD = Calendar(any_of=[OVER] * 500)
NIGHT = Window(start="01:00", end="02:00")
SHUT = Hours(windows=[NIGHT], blackouts=[Window()])
CHOPPED = Hours(
    windows=[Window(start=f"{hour:02}:{minute:02}", end=f"{hour:02}:{minute + 1:02}")
             for hour in range(24) for minute in range(0, 50, 5)],
    blackouts=[Window(start=f"{hour:02}:00", end=f"{hour:02}:55") for hour in range(24)],
)  # fmt: skip

FEW = 5_000
"""Tries of a search in tests that count them: a tenth of what it may use, so that they are quick."""

NEVER: dict[str, Timing] = {
    "a calendar whose days are over": OnDays(Cron("* * * * * *"), OVER),
    "a calendar whose days are over, moving on": OnDays(Cron("* * * * * *"), OVER, "next"),
    "a calendar whose days are over, moving back": OnDays(Every("1s"), OVER, "previous"),
    "a calendar without a day": OnDays(Every("1s"), NONE, "next"),
    "a calendar of many parts": OnDays(Cron("* * * * *"), CROWD),
    "a calendar of many parts, moving": OnDays(Cron("* * * * *"), CROWD, "next"),
    "the sixth Monday of a month": NthDay(MONDAYS, 6),
    "the third of no days": NthDay(NONE, 3),
    "the third of many": NthDay(CROWD, 3),
    "windows inside a blackout": WithinHours(Every("1s"), SHUT),
    "windows inside a blackout, waiting": WithinHours(Every("1s"), SHUT, "wait"),
    "windows on days that are over": WithinHours(Every("1s"), Hours(windows=[Window(days=NONE)]), "wait"),
    "240 windows and 24 blackouts": WithinHours(Every("1s"), CHOPPED),
    "240 windows and 24 blackouts, waiting": WithinHours(Every("1s"), CHOPPED, "wait"),
    "a time outside of its window": WithinHours(Cron("* 3 * * *"), Hours(windows=[NIGHT])),
    "a seldom rule, on other days": WithinHours(
        OnDays(RRule(RULE + "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO"), Calendar(weekdays="tue")), SHUT
    ),
}


@pytest.fixture
def tries(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Give the number of tries that all searches of the test have used up."""
    searches: list[search._Search] = []

    class Counted(search._Search):
        def __init__(self) -> None:
            super().__init__()
            searches.append(self)

    monkeypatch.setattr(search, "_Search", Counted)
    monkeypatch.setattr(search, "MOST_TRIES", FEW)
    return lambda: sum(FEW - each.left for each in searches)


@pytest.mark.parametrize("timing", NEVER.values(), ids=NEVER)
def test_what_never_fires_is_given_up_after_so_many_tries(timing: Timing, tries: Callable[[], int]) -> None:
    assert timing.next(NOW) is None
    assert 0 < tries() <= FEW


IMPOSSIBLE = [
    "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=WEEKLY;BYDAY=MO;BYMONTH=2;BYSETPOS=9",
    "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=YEARLY;BYWEEKNO=53;BYMONTH=6",
    "FREQ=DAILY;INTERVAL=7;BYDAY=MO",
    "FREQ=HOURLY;INTERVAL=168;BYDAY=MO",
    "FREQ=SECONDLY;INTERVAL=604800;BYDAY=MO",
]


@pytest.mark.parametrize("rule", IMPOSSIBLE)
def test_an_impossible_rule_is_refused_after_so_many_periods(rule: str, tries: Callable[[], int]) -> None:
    with pytest.raises(DefinitionError, match="never gives a time"):
        RRule(RULE + rule)
    assert 0 < tries() <= FEW


def test_the_bound_is_50_000_tries() -> None:
    assert search.MOST_TRIES == 50_000
    with pytest.raises(DefinitionError, match="never gives a time") as refused:
        RRule(RULE + IMPOSSIBLE[0])
    assert refused.value.remedy == "a search ends after 50,000 periods"


@pytest.mark.parametrize("rule", ["FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=2", "FREQ=YEARLY;COUNT=200"])
def test_a_count_that_is_not_reached_is_refused(rule: str) -> None:
    with pytest.raises(DefinitionError, match=r"COUNT=\d+ is not reached within 100 years"):
        RRule(RULE + rule)


@pytest.mark.parametrize(
    "document",
    [
        {"cron": "* * * * *", "days": {"dates": ["2010-01-01"]}},
        {"every": "1s", "days": {"dates": ["2010-01-01"]}, "move": "next"},
        {"nth_day": 6, "of": {"weekdays": "mon"}},
        {"every": "1s", "hours": {"windows": [{"start": "01:00", "end": "02:00"}], "blackouts": [{}]}},
    ],
)
def test_a_schedule_that_never_fires_has_no_next_time(document: dict[str, object], tries: Callable[[], int]) -> None:
    planned = Schedule.read("never", document).planned("workflow/never", {})
    assert planned.next(NOW) is None
    assert tries() <= FEW


def test_what_is_seldom_is_found() -> None:
    leap_monday = datetime(2044, 2, 29, tzinfo=UTC)
    assert OnDays(Cron("0 0 29 2 *"), MONDAYS).next(NOW) == leap_monday
    assert (
        OnDays(RRule("DTSTART:20270101T000000\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29"), MONDAYS).next(NOW)
        == leap_monday
    )
    assert RRule("DTSTART:20270101T000000\nRRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO").next(NOW) == leap_monday
    assert RRule("DTSTART:20270101T000000\nRRULE:FREQ=YEARLY;INTERVAL=60").next(NOW).year == 2087
    once = Calendar(dates=["2030-05-01"])
    assert OnDays(Cron("0 9 * * *"), once, "next").next(NOW) == datetime(2030, 5, 1, 9, tzinfo=UTC)
    assert OnDays(Cron("0 9 * * *"), once, "previous").next(NOW) == datetime(2030, 5, 1, 9, tzinfo=UTC)
    assert OnDays(Every("1s"), OVER, "next").prev(datetime(2012, 1, 1, tzinfo=UTC)) == datetime(
        2010, 1, 1, 23, 59, 59, tzinfo=UTC
    )


def test_every_second_in_a_narrow_window_is_found_without_trying_each() -> None:
    mondays = WithinHours(Every("1s"), Hours(windows=[Window(start="01:00", end="02:00", weekdays="mon")]))
    monday = datetime(2027, 1, 4, 1, tzinfo=UTC)
    assert mondays.next(NOW) == monday
    assert mondays.prev(monday) == datetime(2026, 12, 28, 1, 59, 59, tzinfo=UTC)
    assert WithinHours(Every("1s"), mondays.hours, "wait").prev(monday) == datetime(2026, 12, 28, 1, 59, 59, tzinfo=UTC)


def test_moving_every_second_to_the_next_day() -> None:
    weekdays = OnDays(Every("1s", tz="Europe/Paris"), Calendar(weekdays="mon-fri"), "next")
    sunday = datetime(2027, 3, 28, 12, tzinfo=UTC)
    monday = weekdays.next(sunday)
    assert monday.isoformat() == "2027-03-29T00:00:00+02:00"
    assert weekdays.next(monday).isoformat() == "2027-03-29T00:00:01+02:00"
    assert weekdays.prev(monday).isoformat() == "2027-03-26T23:59:59+01:00"
