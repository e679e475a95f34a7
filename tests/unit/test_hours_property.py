"""Windows and blackouts against an hour-by-hour look, and moved days there and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.timing.calendars import WEEKDAYS, Calendar
from orchestrator.timing.cron import Cron
from orchestrator.timing.days import OnDays
from orchestrator.timing.intervals import Every
from orchestrator.timing.windows import Hours, Window, WithinHours
from support.examples import examples

START = datetime(2027, 3, 22, tzinfo=UTC)
HOURS = 24 * 14

clock = st.integers(0, 23).map(lambda hour: f"{hour:02}:00")
weekdays = st.none() | st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=4)
spans = st.builds(Window, start=clock, end=clock, weekdays=weekdays)
some_hours = st.builds(Hours, windows=st.lists(spans, max_size=3), blackouts=st.lists(spans, max_size=3))


def holds(window: Window, moment: datetime) -> bool:
    """Tell whether a window in UTC holds a moment: it begins today, or began yesterday and passes midnight."""
    start, end, hour = int(window.start[:2]), int(window.end[:2]), moment.hour
    length = (end - start) % 24 or 24
    for days in (0, 1):
        begins = moment.date() - timedelta(days=days)
        fits = window.weekdays is None or WEEKDAYS[begins.weekday()] in window.weekdays
        if fits and start <= hour + 24 * days < start + length:
            return True
    return False


def is_open(hours: Hours, moment: datetime) -> bool:
    within = not hours.windows or any(holds(window, moment) for window in hours.windows)
    return within and not any(holds(window, moment) for window in hours.blackouts)


@examples(60)
@given(hours=some_hours, step=st.sampled_from([1, 5, 24]))
@pytest.mark.parametrize("otherwise", ["skip", "wait"])
def test_hours_are_those_of_an_hour_by_hour_look(otherwise: str, hours: Hours, step: int) -> None:
    moments = [START + timedelta(hours=n) for n in range(HOURS)]
    open_at = [moment for moment in moments if is_open(hours, moment)]
    planned = [moment for moment in moments if (moment - START) % timedelta(hours=step) == timedelta(0)]
    openings = (next((at for at in open_at if at >= moment), None) for moment in planned)
    wanted = sorted({at for at, moment in zip(openings, planned, strict=True)
                     if at and (otherwise == "wait" or at == moment)})  # fmt: skip

    timing = WithinHours(Every(timedelta(hours=step), anchor=START), hours, otherwise)
    got = list(islice(timing.times(START - timedelta(hours=1)), len(wanted)))
    assert got == wanted
    if wanted:
        for earlier, later in pairwise(got):
            assert timing.prev(later) == earlier
        assert timing.prev(wanted[0]) is None
    else:
        assert timing.next(START) is None or timing.next(START) > moments[-1]


@examples(60)
@given(
    off=st.sets(st.integers(0, 20), max_size=12),
    minute=st.sampled_from(["0", "*/20", "30"]),
    zone=st.sampled_from(["UTC", "Europe/Paris", "Australia/Lord_Howe"]),
    otherwise=st.sampled_from(["next", "previous"]),
)
def test_moving_goes_back_as_it_went(off: set[int], minute: str, zone: str, otherwise: str) -> None:
    closed = Calendar(dates=[(START.date() + timedelta(days=n)).isoformat() for n in off])
    timing = OnDays(Cron(f"{minute} 1-4 * * *", tz=zone), Calendar(weekdays="mon-sun") - closed, otherwise)
    times = list(islice(timing.times(START), 40))
    assert times == sorted(set(times))
    for earlier, later in pairwise(times):
        assert timing.prev(later) == earlier
        assert timing.next(later.astimezone(UTC) - timedelta(milliseconds=1)) == later
