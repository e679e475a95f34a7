"""Calendars, timings by calendar, run windows and blackouts."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model.errors import DefinitionError
from orchestrator.timing.calendars import Calendar, holidays_of
from orchestrator.timing.cron import Cron
from orchestrator.timing.days import OnDays
from orchestrator.timing.intervals import Every
from orchestrator.timing.nth_day import NthDay
from orchestrator.timing.windows import Hours, Period, Window, WithinHours
from support.examples import examples

WEEK = Calendar(weekdays="mon-fri")
FRANCE = Calendar(weekdays="mon-fri", without=[Calendar(holidays="FR")])


def days(calendar, first, last):
    count = (last - first).days + 1
    return [day.isoformat() for n in range(count) if (day := first + timedelta(days=n)) in calendar]


def shown(timing, after, count):
    return [time.isoformat() for time in islice(timing.times(after), count)]


def test_weekdays_dates_and_holidays():
    assert Calendar(weekdays="sat-mon").weekdays == ("mon", "sat", "sun")
    assert days(Calendar(dates=["2027-05-03", "12-24"]), date(2027, 1, 1), date(2028, 12, 31)) == [
        "2027-05-03", "2027-12-24", "2028-12-24"]  # fmt: skip
    assert date(2027, 7, 14) in Calendar(holidays="FR")
    assert date(2027, 1, 6) in Calendar(holidays="DE-BY")
    assert date(2027, 1, 6) not in Calendar(holidays="DE-HH")
    assert date(2027, 11, 25) in Calendar(holidays="XNYS")


def test_without_and_also():
    calendar = Calendar(weekdays="mon-fri", without=[{"holidays": "FR"}, {"dates": ["2027-05-10"]}],
                        also=[{"dates": ["2027-05-01"]}])  # fmt: skip
    assert days(calendar, date(2027, 4, 30), date(2027, 5, 11)) == [
        "2027-04-30", "2027-05-01", "2027-05-03", "2027-05-04", "2027-05-05", "2027-05-07", "2027-05-11"]  # fmt: skip


@given(day=st.dates(date(2026, 1, 1), date(2029, 1, 1)))
def test_combinators_are_those_of_sets(day):
    odd = Calendar(dates=[f"{month:02}-{n:02}" for month in range(1, 13) for n in range(1, 29, 2)])
    assert (day in (WEEK | odd)) == (day in WEEK or day in odd)
    assert (day in (WEEK & odd)) == (day in WEEK and day in odd)
    assert (day in (WEEK - odd)) == (day in WEEK and day not in odd)


def test_a_calendar_is_plain_data():
    document = {"weekdays": ["mon", "tue"], "without": [{"holidays": "FR"}], "also": [{"calendar": "extra"}]}
    assert Calendar(**document).document() == document
    assert Calendar(**(WEEK | FRANCE).document()) == WEEK | FRANCE


def test_names_are_resolved_at_any_depth():
    named = {
        "extra": Calendar(dates=["2027-05-01"]),
        "work": Calendar(weekdays="mon-fri", also=[{"calendar": "extra"}]),
    }
    whole = Calendar(any_of=[Calendar(calendar="work")]).check(named)
    assert date(2027, 5, 1) in whole
    assert date(2027, 5, 2) not in whole
    minus = Calendar(calendar="work", without=[{"calendar": "extra"}]).check(named)
    assert date(2027, 5, 1) not in minus


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ({}, "exactly one of weekdays"),
        ({"weekdays": "mon", "dates": ["01-01"]}, "exactly one of weekdays"),
        ({"weekdays": "mon-funday"}, "'mon-funday' is no weekday"),
        ({"dates": ["2027-02-30"]}, "'2027-02-30' is no date"),
        ({"dates": ["13-01"]}, "'13-01' is no date"),
        ({"day": "x"}, "day"),
        ({"any_of": []}, "any_of"),
    ],
)
def test_bad_calendars_are_one_clear_line(data, what):
    with pytest.raises(DefinitionError) as caught:
        Calendar(**data)
    assert what in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_places_names_and_circles_are_refused():
    with pytest.raises(DefinitionError, match="no holidays are known of 'XX'"):
        Calendar(holidays="XX").check()
    with pytest.raises(DefinitionError, match="no holidays are known of 'DE-ZZ'"):
        Calendar(holidays="DE-ZZ").check()
    with pytest.raises(DefinitionError, match=r"there is no calendar 'bank'.*there are work"):
        Calendar(calendar="bank").check({"work": WEEK})
    circle = {"a": Calendar(calendar="b"), "b": Calendar(weekdays="mon", also=[{"calendar": "a"}])}
    with pytest.raises(DefinitionError, match="a → b → a"):
        Calendar(calendar="a").check(circle)
    with pytest.raises(DefinitionError, match="resolve it first"):
        date(2027, 1, 1) in Calendar(calendar="a")  # noqa: B015


def test_holidays_without_the_library_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "holidays", None)
    holidays_of.cache_clear()
    with pytest.raises(DefinitionError, match=r"celery-orchestrator\[calendars\]"):
        Calendar(holidays="FR").check()


def test_day_arithmetic():
    assert FRANCE.next(date(2027, 5, 1)) == date(2027, 5, 3)
    assert FRANCE.previous(date(2027, 7, 14)) == date(2027, 7, 13)
    assert FRANCE.shift(date(2027, 7, 16), -2) == date(2027, 7, 13)  # over the 14th
    assert FRANCE.shift(date(2027, 7, 13), 1) == date(2027, 7, 15)
    assert FRANCE.shift(date(2027, 7, 14), 0) == date(2027, 7, 15)
    assert FRANCE.of_month(2027, 12)[-1] == date(2027, 12, 31)
    assert Calendar(dates=["2020-01-01"]).next(date(2027, 1, 1)) is None


def test_the_last_business_day_of_the_month_else_the_day_before():
    timing = OnDays(Cron("0 17 L * *", tz="Europe/Paris"), FRANCE, "previous")
    assert shown(timing, datetime(2027, 1, 1, tzinfo=UTC), 5) == [
        "2027-01-29T17:00:00+01:00", "2027-02-26T17:00:00+01:00", "2027-03-31T17:00:00+02:00",
        "2027-04-30T17:00:00+02:00", "2027-05-31T17:00:00+02:00"]  # fmt: skip


def test_business_day_minus_2():
    timing = NthDay(FRANCE, -2, "17:00", tz="Europe/Paris")
    times = shown(timing, datetime(2027, 3, 30, 15, tzinfo=UTC), 3)
    assert times == ["2027-04-29T17:00:00+02:00", "2027-05-28T17:00:00+02:00", "2027-06-29T17:00:00+02:00"]
    assert timing.prev(datetime.fromisoformat(times[1])).isoformat() == times[0]
    assert NthDay(FRANCE, 1).next(datetime(2027, 1, 1, tzinfo=UTC)) == datetime(2027, 1, 4, tzinfo=UTC)
    assert NthDay(FRANCE, 31).next(datetime(2027, 1, 1, tzinfo=UTC)) is None


def test_skipping_and_moving_to_the_next_day():
    daily, friday = Cron("0 9 * * *"), datetime(2027, 5, 7, 10, tzinfo=UTC)
    assert shown(OnDays(daily, WEEK), friday, 2) == ["2027-05-10T09:00:00+00:00", "2027-05-11T09:00:00+00:00"]
    mixed = OnDays(Cron("0 9,17 * * 0,6"), WEEK, "next")
    assert shown(mixed, friday, 2) == ["2027-05-10T09:00:00+00:00", "2027-05-10T17:00:00+00:00"]
    with pytest.raises(DefinitionError, match="there are skip, next, previous"):
        OnDays(daily, WEEK, "nearest")


@examples(100)
@given(
    expression=st.sampled_from(["0 9 * * *", "30 2 * * 0", "0 */7 * * *", "0 0 L * *", "15 1,23 13 * *"]),
    zone=st.sampled_from(["UTC", "Europe/Paris", "America/Santiago"]),
    otherwise=st.sampled_from(["skip", "next", "previous"]),
    off=st.sets(st.integers(0, 59), max_size=50),
    start=st.integers(0, 59),
)
def test_moving_agrees_with_moving_all_and_sorting(expression, zone, otherwise, off, start):
    first = date(2027, 3, 1)
    closed = Calendar(dates=[(first + timedelta(days=n)).isoformat() for n in off])
    calendar = Calendar(weekdays="mon-sun") - closed
    cron = Cron(expression, tz=zone)
    timing = OnDays(cron, calendar, otherwise)
    after = datetime(2027, 3, 1, 5, tzinfo=UTC) + timedelta(days=start)

    end = datetime(2027, 7, 1, tzinfo=UTC)
    wanted = set()
    for planned in cron.times(datetime(2026, 12, 1, tzinfo=UTC)):
        if planned > end:
            break
        day = planned.date()
        while day not in calendar and otherwise != "skip":
            day += timedelta(days=1 if otherwise == "next" else -1)
        if day in calendar:
            moved = planned if day == planned.date() else datetime.combine(day, planned.time(), planned.tzinfo)
            wanted.add(clock(moved))
    got = []
    for time in timing.times(after):
        if time > datetime(2027, 6, 1, tzinfo=UTC):
            break
        got.append(time.astimezone(UTC))
    limit = datetime(2027, 6, 1, tzinfo=UTC)
    assert got == sorted(time for time in wanted if after < time <= limit)
    for earlier, later in pairwise(got):
        assert timing.prev(later) == earlier


def clock(local):
    """Return the instant at which the local clock first reaches a local time."""
    there = local.astimezone(UTC).astimezone(local.tzinfo).replace(tzinfo=None) == local.replace(tzinfo=None)
    while not there:
        local += timedelta(minutes=1)
        there = local.astimezone(UTC).astimezone(local.tzinfo).replace(tzinfo=None) == local.replace(tzinfo=None)
    return local.replace(fold=0).astimezone(UTC)


def ms(text):
    return int(datetime.fromisoformat(text).timestamp() * 1000)


NIGHTS = Window(start="22:00", end="06:00", weekdays="mon-fri", tz="Europe/Paris")


def test_windows_may_pass_midnight_and_follow_the_wall_clock():
    hours = Hours(windows=[NIGHTS])
    assert hours.open(ms("2027-03-26T22:00:00+01:00"))
    assert hours.open(ms("2027-03-27T05:59:59+01:00"))  # a Saturday, yet Friday's window
    assert not hours.open(ms("2027-03-27T06:00:00+01:00"))
    assert hours.next_open(ms("2027-03-27T06:00:00+01:00")) == ms("2027-03-29T22:00:00+02:00")
    gap = Hours(windows=[Window(start="02:30", end="04:00", tz="Europe/Paris")])
    assert gap.next_open(ms("2027-03-28T01:00:00+01:00")) == ms("2027-03-28T03:00:00+02:00")


def test_blackouts_shut_what_is_open():
    freeze = Period(start="2027-03-26T23:00:00+01:00", end="2027-03-30T00:00:00+02:00")
    hours = Hours(windows=[NIGHTS], blackouts=[freeze, Window(start="00:00", end="01:00", tz="Europe/Paris")])
    assert hours.open(ms("2027-03-26T22:30:00+01:00"))
    assert hours.next_open(ms("2027-03-26T23:00:00+01:00")) == ms("2027-03-30T01:00:00+02:00")
    assert Hours().next_open(5) == 5
    assert Hours(blackouts=[Window()]).next_open(0) is None
    assert Hours(**hours.document()) == hours


def test_periods_without_an_offset_are_local_to_the_timing():
    february = Hours(blackouts=[{"start": "2027-02-01T00:00:00", "end": "2027-03-01T00:00:00.5"}])
    tokyo = WithinHours(Every("1h", tz="Asia/Tokyo"), february)
    start = datetime.fromisoformat("2027-01-31T22:30:00+09:00")
    assert shown(tokyo, start, 2) == ["2027-01-31T23:00:00+09:00", "2027-03-01T01:00:00+09:00"]
    assert february.next_open(ms("2027-02-01T00:00:00+00:00")) == ms("2027-03-01T00:00:00.500+00:00")
    gap = Hours(windows=[{"start": "2027-03-28T02:30:00", "end": "2027-03-28T04:00:00"}]).within("Europe/Paris")
    assert gap.next_open(ms("2027-03-27T00:00:00+01:00")) == ms("2027-03-28T03:00:00+02:00")


def test_what_is_outside_of_the_hours_is_skipped_or_waits():
    hours = Hours(windows=[Window(start="09:00", end="11:00", weekdays="mon-fri")])
    start = datetime(2027, 5, 7, 9, 30, tzinfo=UTC)
    assert shown(WithinHours(Every("1h"), hours), start, 3) == [
        "2027-05-07T10:00:00+00:00", "2027-05-10T09:00:00+00:00", "2027-05-10T10:00:00+00:00"]  # fmt: skip
    waiting = WithinHours(Cron("30 12 * * *"), hours, "wait")
    times = list(islice(waiting.times(start), 2))
    assert [time.isoformat() for time in times] == ["2027-05-10T09:00:00+00:00", "2027-05-11T09:00:00+00:00"]
    # What has waited since before the question is still to come, and the way back is the same.
    assert waiting.next(datetime(2027, 5, 9, 13, tzinfo=UTC)) == times[0]
    assert waiting.prev(times[1]) == times[0]
    assert WithinHours(Cron("0 2 * * *"), hours).next(start) is None  # never within them
    assert WithinHours(OnDays(Cron("0 2 * * *"), WEEK), hours).next(start) is None


@pytest.mark.parametrize(
    "data",
    [
        {"windows": [{"start": "25:00"}]},
        {"windows": [{"start": "09:00", "tz": "Mars"}]},
        {"windows": [{"start": "09:00", "weekdays": "x"}]},
        {"blackouts": [{"start": "2027-01-02T00:00:00Z", "end": "2027-01-01T00:00:00Z"}]},
        {"blackouts": [{"start": "2027-01-02T00:00:00", "end": "2027-01-03T00:00:00Z"}]},
        {"blackouts": [{"start": "2027-01-02T00:00:00", "end": "2027-01-01T00:00:00"}]},
        {"blackouts": [{"start": "2027-13-02T00:00:00", "end": "2028-01-01T00:00:00"}]},
        {"blackouts": [{"start": "2027-01-02T00:00:00Z"}]},
        {"sometimes": []},
    ],
)
def test_bad_windows_are_one_clear_line(data):
    with pytest.raises(DefinitionError) as caught:
        Hours(**data)
    assert "\n" not in str(caught.value)


def test_windows_by_calendar_names():
    hours = Hours(windows=[{"start": "09:00", "end": "17:00", "days": {"calendar": "work"}}])
    whole = hours.resolve({"work": FRANCE})
    assert whole.next_open(ms("2027-07-14T10:00:00+00:00")) == ms("2027-07-15T09:00:00+00:00")
    with pytest.raises(DefinitionError, match="no calendar 'work'"):
        hours.resolve({})


@pytest.mark.parametrize(
    ("calendar", "words"),
    [
        ({"weekdays": "mon-fri"}, "the calendar mon-fri"),
        ({"weekdays": "sat,sun"}, "the calendar sat, sun"),
        ({"calendar": "business"}, "the calendar business"),
        ({"weekdays": "mon-fri", "without": [{"holidays": "FR"}]}, "the calendar mon-fri without holidays FR"),
        ({"any_of": [{"dates": ["12-24"]}, {"calendar": "x"}], "also": [{"dates": ["2027-12-26"]}]},
         "the calendar 12-24 or x also 2027-12-26"),
        ({"dates": [f"2027-01-{day:02}" for day in range(1, 20)]}, "the calendar"),
    ],
)  # fmt: skip
def test_a_calendar_is_called_by_what_it_is_made_of(calendar: dict[str, Any], words: str) -> None:
    assert Calendar(**calendar).shown == words
