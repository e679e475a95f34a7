"""Intervals, one-off times, recurrence rules, bounds and jitter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model.errors import DefinitionError
from orchestrator.timing.adjust import Between, Jittered, jitter_ms
from orchestrator.timing.cron import Cron
from orchestrator.timing.intervals import Every
from orchestrator.timing.once import At
from orchestrator.timing.rrule import RRule

NOON = datetime(2027, 3, 27, 12, tzinfo=UTC)
PARIS = "DTSTART;TZID=Europe/Paris:20200101T023000\n"


def shown(timing, after, count):
    return [time.isoformat() for time in islice(timing.times(after), count)]


def test_an_interval_runs_on_its_multiples():
    assert shown(Every("15m"), NOON, 2) == ["2027-03-27T12:15:00+00:00", "2027-03-27T12:30:00+00:00"]
    assert Every("15m") == Every(900) == Every(timedelta(minutes=15))
    assert Every("15m").prev(NOON) == NOON - timedelta(minutes=15)


def test_an_anchor_is_the_first_moment():
    every = Every("7h", anchor=NOON)
    assert every.next(NOON - timedelta(days=9)) == NOON
    assert every.next(NOON) == NOON + timedelta(hours=7)
    assert every.prev(NOON) is None
    assert every.prev(NOON + timedelta(seconds=1)) == NOON


def test_an_interval_aligned_to_the_day_follows_the_wall_clock():
    every = Every("90m", align="day", tz="Europe/Paris")
    start = datetime(2027, 3, 28, tzinfo=ZoneInfo("Europe/Paris"))
    times = shown(every, start, 17)
    assert times[:2] == ["2027-03-28T01:30:00+01:00", "2027-03-28T03:00:00+02:00"]  # 23 hours: 15 of the 16 exist
    assert times[14:16] == ["2027-03-28T22:30:00+02:00", "2027-03-29T00:00:00+02:00"]
    assert every.prev(datetime.fromisoformat(times[1])).isoformat() == times[0]


@pytest.mark.parametrize("bad", ["", "15", "0s", "-5m", "99999w", 0.5, -1, 1e300, float("nan"), timedelta(0)])
def test_bad_intervals_are_refused(bad):
    with pytest.raises(DefinitionError):
        Every(bad)


@pytest.mark.parametrize("more", [{"align": "hour"}, {"align": "day", "anchor": NOON}, {"tz": "Mars"}])
def test_bad_alignments_are_refused(more):
    with pytest.raises(DefinitionError):
        Every("1h", **more)
    with pytest.raises(DefinitionError):
        Every("25h", align="day")


@given(step=st.integers(1000, 10**9), after=st.integers(-(10**13), 10**13))
def test_intervals_step_evenly(step, after):
    every = Every(timedelta(milliseconds=step))
    following = every.next(after)
    assert after < following <= after + step
    assert following % step == 0
    assert every.prev(following) == following - step
    assert every.prev(following + 1) == following


def test_a_one_off_time_comes_once():
    at = At(NOON)
    assert list(at.times(NOON - timedelta(days=30))) == [NOON]
    assert at.next(NOON) is None
    assert at.prev(NOON + timedelta(milliseconds=1)) == NOON
    with pytest.raises(DefinitionError, match="no time zone"):
        At(datetime(2027, 1, 1))


RULES = [
    ("FREQ=DAILY", ["2027-03-28T03:00:00+02:00", "2027-03-29T02:30:00+02:00"]),  # into a gap: once, after it
    ("RRULE:FREQ=HOURLY;INTERVAL=7", ["2027-03-27T14:30:00+01:00", "2027-03-27T21:30:00+01:00"]),
    ("FREQ=HOURLY;BYHOUR=2,3", ["2027-03-28T03:30:00+02:00", "2027-03-29T02:30:00+02:00"]),  # by the wall clock
    ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE", ["2027-03-29T02:30:00+02:00", "2027-03-31T02:30:00+02:00"]),
    ("FREQ=MONTHLY;BYDAY=-1FR", ["2027-04-30T02:30:00+02:00", "2027-05-28T02:30:00+02:00"]),
    ("FREQ=MONTHLY;BYMONTHDAY=31;INTERVAL=2", ["2027-03-31T02:30:00+02:00", "2027-05-31T02:30:00+02:00"]),
    ("FREQ=DAILY;UNTIL=20270328T010000Z", ["2027-03-28T03:00:00+02:00"]),
    ("FREQ=DAILY;COUNT=2644", ["2027-03-28T03:00:00+02:00"]),
    ("FREQ=SECONDLY;INTERVAL=45", ["2027-03-27T13:00:45+01:00", "2027-03-27T13:01:30+01:00"]),
]


@pytest.mark.parametrize(("rule", "wanted"), RULES)
def test_recurrence_rules(rule, wanted):
    made = RRule(PARIS + rule)
    times = list(islice(made.times(NOON), 2))
    assert [time.isoformat() for time in times] == wanted
    for earlier, later in pairwise(times):
        assert made.prev(later) == earlier
    before = made.prev(times[0])
    assert before <= NOON
    assert made.next(before) == times[0]


def test_a_rule_that_comes_twice_runs_at_the_first_only():
    times = shown(RRule(PARIS + "FREQ=DAILY"), datetime(2027, 10, 30, 12, tzinfo=UTC), 2)
    assert times == ["2027-10-31T02:30:00+02:00", "2027-11-01T02:30:00+01:00"]


def test_a_start_in_utc_is_shown_in_the_zone():
    assert RRule("DTSTART:20270101T000000Z\nRRULE:FREQ=DAILY", tz="Asia/Tokyo").next(NOON).hour == 9


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=DAILY",
        "garbage",
        PARIS + "FREQ=FOO",
        PARIS + "FREQ=DAILY;INTERVAL=0",
        PARIS + "FREQ=DAILY;COUNT=99999999",
        PARIS + "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        PARIS + "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        PARIS + "FREQ=DAILY;UNTIL=20190101T000000Z",
        PARIS + "FREQ=DAILY\nEXDATE:20270101T023000",
        "DTSTART:20271332T000000\nFREQ=DAILY",
        "DTSTART;TZID=Mars:20270101T000000\nFREQ=DAILY",
        "DTSTART:20270101\nFREQ=DAILY",
        PARIS + "FREQ=DAILY;BYDAY=" + "MO," * 400,
    ],
)
def test_bad_rules_are_one_clear_line(text):
    with pytest.raises(DefinitionError) as caught:
        RRule(text)
    assert "\n" not in str(caught.value)


def test_a_rule_with_count_and_until_is_refused():
    with pytest.raises(DefinitionError, match="has COUNT or UNTIL, not both"):
        RRule(PARIS + "FREQ=DAILY;COUNT=3;UNTIL=20200102T000000Z")


def test_bounds_take_the_start_and_leave_the_end():
    hourly = Between(Every("1h"), start=NOON, end=NOON + timedelta(hours=2))
    assert list(hourly.times(NOON - timedelta(days=1))) == [NOON, NOON + timedelta(hours=1)]
    assert hourly.prev(NOON + timedelta(days=1)) == NOON + timedelta(hours=1)
    assert hourly.prev(NOON) is None
    with pytest.raises(DefinitionError, match="is not after the start"):
        Between(Every("1h"), start=NOON, end=NOON)


def test_jitter_is_the_same_for_everyone_and_spreads():
    delays = {jitter_ms(f"schedule-{n}", 0, 60_000) for n in range(1000)}
    assert len(delays) > 900
    assert all(0 <= delay <= 60_000 for delay in delays)
    assert jitter_ms("a", 5, 60_000) == jitter_ms("a", 5, 60_000)
    assert jitter_ms("a", 5, 0) == 0


@pytest.mark.parametrize("limit_s", [0, 30, 600])
def test_jittered_starts_are_those_of_all_planned_times_in_order(limit_s):
    plain, start, count = Cron("* * * * *"), 1_800_000_000_000, 200
    jittered = Jittered(plain, limit_s * 1000, "nightly")
    planned = islice(plain.times(start - limit_s * 1000 - 1), count + limit_s + 1)
    wanted = sorted({jittered.start_ms(time) for time in planned if jittered.start_ms(time) > start})[:count]
    times = list(islice(jittered.times(start), count))
    assert times == wanted
    assert [jittered.prev(time) for time in times[1:]] == times[:-1]


def test_every_timing_says_itself():
    at = datetime(2027, 1, 1, tzinfo=UTC)
    assert Every("1h").describe() == "every hour"
    assert Every("1h30m").describe() == "every 1 hour 30 minutes"
    assert Every("2d", anchor=at).describe() == "every 2 days from 2027-01-01T00:00:00+00:00"
    assert At(at).describe() == "once, at 2027-01-01T00:00:00+00:00"
    assert RRule(PARIS + "FREQ=DAILY").describe() == "by the rule FREQ=DAILY from 2020-01-01T02:30:00 (Europe/Paris)"
    assert Between(Every("1h"), start=at).describe() == "every hour, from 2027-01-01T00:00:00+00:00"
    assert Jittered(Every("1h"), 60_000, "x").describe() == "every hour, up to a minute later"
