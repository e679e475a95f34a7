"""Recurrence rules beside dateutil's own expansion, and their bounds over clock changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile

import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, given
from hypothesis import strategies as st

from orchestrator.model.errors import DefinitionError
from orchestrator.timing.rrule import RRule
from support.examples import examples

BEFORE = datetime(2026, 1, 1, tzinfo=UTC)


def instants(text: str, tz: str | None = None, most: int = 50) -> str:
    """Return the moments of a rule in UTC, as `MM-DD HH:MM`, one after the other."""
    moments = islice(RRule(text, tz).times(BEFORE), most)
    return ", ".join(f"{moment.astimezone(UTC):%m-%d %H:%M}" for moment in moments)


def paris(start: str, rule: str) -> str:
    return instants(f"DTSTART;TZID=Europe/Paris:{start}\nRRULE:{rule}")


# In Paris, on 2027-03-28 01:00 UTC the clock goes from 02:00 to 03:00; on 2027-10-31 01:00 UTC from 03:00 to 02:00.


def test_until_is_an_instant_where_a_time_comes_twice() -> None:
    half_past = "FREQ=HOURLY;UNTIL=20271031T{}Z"
    assert paris("20271031T013000", half_past.format("003000")) == "10-30 23:30, 10-31 00:30"  # the first 02:30
    assert paris("20271031T013000", half_past.format("012959")) == "10-30 23:30, 10-31 00:30"
    assert paris("20271031T013000", half_past.format("013000")) == "10-30 23:30, 10-31 00:30, 10-31 01:30"
    # 02:05 has come for the second time: the day's 02:30 has been.
    assert paris("20271030T023000", "FREQ=DAILY;UNTIL=20271031T010500Z") == "10-30 00:30, 10-31 00:30"
    assert paris("20271030T023000", "FREQ=DAILY;UNTIL=20271031T002959Z") == "10-30 00:30"


def test_until_is_an_instant_where_a_time_is_leapt_over() -> None:
    assert paris("20270327T023000", "FREQ=DAILY;UNTIL=20270328T005959Z") == "03-27 01:30"
    assert paris("20270327T023000", "FREQ=DAILY;UNTIL=20270328T010000Z") == "03-27 01:30, 03-28 01:00"


def test_until_without_a_zone_is_local_and_takes_both_passes() -> None:
    assert paris("20271031T013000", "FREQ=HOURLY;UNTIL=20271031T023000") == ("10-30 23:30, 10-31 00:30, 10-31 01:30")
    assert paris("20270327T023000", "FREQ=DAILY;UNTIL=20270328T023000") == "03-27 01:30, 03-28 01:00"
    assert paris("20270327T023000", "FREQ=DAILY;UNTIL=20270328") == "03-27 01:30"


def test_count_counts_what_happens() -> None:
    # Where a time comes twice, both count; where it is leapt over, it does not.
    assert paris("20271031T003000", "FREQ=HOURLY;COUNT=4") == ("10-30 22:30, 10-30 23:30, 10-31 00:30, 10-31 01:30")
    assert paris("20270328T003000", "FREQ=HOURLY;COUNT=3") == "03-27 23:30, 03-28 00:30, 03-28 01:30"
    # A fixed time happens once a day: at the first of two, after a gap, and what a gap puts together is one.
    assert paris("20271030T023000", "FREQ=DAILY;COUNT=3") == "10-30 00:30, 10-31 00:30, 11-01 01:30"
    assert paris("20270327T023000", "FREQ=DAILY;COUNT=3") == "03-27 01:30, 03-28 01:00, 03-29 00:30"
    halves = "FREQ=DAILY;BYHOUR=2,3;BYMINUTE=0,30;COUNT=5"
    assert paris("20270328T000000", halves) == ("03-28 01:00, 03-28 01:30, 03-29 00:00, 03-29 00:30, 03-29 01:00")


def test_a_start_in_utc_is_an_instant() -> None:
    second = "DTSTART:20271031T013000Z\nRRULE:FREQ=HOURLY;COUNT=2"
    assert instants(second, "Europe/Paris") == "10-31 01:30, 10-31 02:30"


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ("FREQ=DAILY;UNTIL=tomorrow", "cannot read UNTIL=TOMORROW"),
        ("FREQ=DAILY;COUNT=0", "COUNT=0 is not between 1 and 10,000"),
        ("FREQ=DAILY;COUNT=many", "cannot read the recurrence rule"),
        ("FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24))) + ";BYMINUTE=" + ",".join(map(str, range(60)))
         + ";BYSECOND=0,30", "the rule has 2,880 times a day, more than 1,440"),
        ("FREQ=DAILY;INTERVAL=99999999999", "leaves the years 2 to 9998"),
    ],
)  # fmt: skip
def test_bad_bounds_are_one_clear_line(rule: str, wanted: str) -> None:
    with pytest.raises(DefinitionError, match=wanted) as refused:
        RRule(f"DTSTART:20270101T000000\nRRULE:{rule}")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("start", "wanted"),
    [("00010101T000000Z", "leaves the years 2 to 9998"), ("99991231T235959Z", "never gives a time")],
)
def test_a_start_outside_of_the_calendar_is_one_clear_line(start: str, wanted: str) -> None:
    with pytest.raises(DefinitionError, match=wanted):
        RRule(f"DTSTART:{start}\nRRULE:FREQ=DAILY", "America/Los_Angeles")


numbers = st.integers(1, 6)
RULES = st.one_of(
    st.builds("FREQ=DAILY;INTERVAL={};BYDAY={}".format, numbers, st.sampled_from(["MO", "TU,SA", "SU,MO,WE"])),
    st.builds("FREQ=DAILY;INTERVAL={};BYMONTH={};BYMONTHDAY=28,29,30,31".format, numbers, st.integers(1, 12)),
    st.builds("FREQ=WEEKLY;INTERVAL={};BYDAY={};WKST={}".format, numbers, st.sampled_from(["MO", "TU,SA", "SU,MO"]),
              st.sampled_from(["MO", "SU", "WE"])),
    st.builds("FREQ=MONTHLY;INTERVAL={}".format, numbers),
    st.builds("FREQ=MONTHLY;INTERVAL={};BYDAY={}".format, numbers, st.sampled_from(["1MO", "-1FR", "5SU"])),
    st.builds("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS={};BYHOUR=9,17".format, st.sampled_from([1, -1, 3, -2])),
    st.builds("FREQ=YEARLY;INTERVAL={}".format, numbers),
    st.builds("FREQ=YEARLY;BYWEEKNO={};BYDAY=TU".format, st.integers(1, 52)),
    st.builds("FREQ=YEARLY;BYYEARDAY={}".format, st.sampled_from(["1,100,366", "-1,-366"])),
    st.builds("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;INTERVAL={}".format, st.integers(1, 3)),
    st.builds("FREQ=HOURLY;INTERVAL={};BYDAY=MO,TH".format, st.sampled_from([1, 5, 7, 36])),
    st.builds("FREQ=MINUTELY;INTERVAL={};BYHOUR=9,10,22".format, st.sampled_from([7, 45, 90, 1441])),
    st.builds("FREQ=SECONDLY;INTERVAL={};BYDAY=SA,SU".format, st.sampled_from([1800, 4001])),
)  # fmt: skip


@examples(120)
@given(
    rule=RULES,
    start=st.datetimes(datetime(1999, 1, 1), datetime(2001, 12, 31)).map(lambda at: at.replace(microsecond=0)),
    after_days=st.integers(0, 1500),
)
def test_in_utc_it_is_what_dateutil_gives(rule: str, start: datetime, after_days: int) -> None:
    after = start + timedelta(days=after_days)
    expanded = rrulestr(rule, dtstart=start)
    wanted = list(islice((time for time in expanded.replace(until=after + timedelta(days=9000)) if time > after), 6))
    assume(wanted)
    made = RRule(f"DTSTART:{start:%Y%m%dT%H%M%S}\nRRULE:{rule}")
    assert [time.replace(tzinfo=None) for time in islice(made.times(after.replace(tzinfo=UTC)), len(wanted))] == wanted
    earlier = list(takewhile(lambda time: time < wanted[-1], expanded))
    before = made.prev(wanted[-1].replace(tzinfo=UTC))
    assert (before and before.replace(tzinfo=None)) == (earlier[-1] if earlier else None)
