"""What becomes of planned times that are due, against a slow and obvious model; pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orchestrator.scheduling import planning
from orchestrator.scheduling.planning import Lateness, Miss, Start, Times, steps
from orchestrator.timing.base import to_datetime
from orchestrator.timing.cron import Cron
from orchestrator.timing.intervals import Every
from orchestrator.timing.once import At

START = 1_800_000_000_000
MINUTE = 60_000
HOUR = 60 * MINUTE

timings = st.sampled_from(
    [Every("1s"), Every("7s"), Every("25s"), Every("1m"), Every("10m"), Cron("*/5 * * * *"), Cron("0 * * * *")]
)
lateness = st.builds(
    Lateness,
    st.sampled_from(["skip", "run_once", "run_all"]),
    st.sampled_from([None, None, 4000, 10_000, MINUTE, HOUR]),
)


def decisions(times: Times, planned: int, now: int, late: Lateness) -> tuple[list[int], list[int]]:
    """Return which planned times run and which do not, call after call until nothing is due."""
    run: list[int] = []
    missed: list[int] = []
    at: int | None = planned
    for _ in range(10_000):
        if at is None or not (found := list(steps(times, at, now, late))):
            return run, missed
        for step in found:
            assert at is not None
            if isinstance(step, Start):
                assert step.planned == at
                run.append(at)
            else:
                assert step.first == at
                covered = list(planned_until(times, at, step.last))
                assert len(covered) == step.count
                missed += covered
            assert step.next == times.next(step.planned if isinstance(step, Start) else step.last)
            at = step.next
    raise AssertionError("it goes on for ever")


def planned_until(times: Times, planned: int, last: int) -> Iterator[int]:
    at: int | None = planned
    while at is not None and at <= last:
        yield at
        at = times.next(at)


def patience(times: Times, at: int, late: Lateness) -> int:
    """Return for how long a planned time is on time."""
    following = times.next(at)
    gap = HOUR if following is None else following - at
    usual = 10_000 if gap < 10_000 else MINUTE if gap > MINUTE else gap
    return usual if late.grace_ms is None or late.grace_ms > usual else late.grace_ms


def model(times: Times, planned: int, now: int, late: Lateness) -> tuple[list[int], list[int]]:
    """Decide of each planned time by itself, with all that are due in view."""
    due: list[int] = []
    for at in planned_until(times, planned, now):
        if times.due(at) > now:
            break  # those behind it wait for it
        due.append(at)
    missed = {at for at in due if now - at - times.jitter_ms > patience(times, at, late)}
    run = set(due)
    if late.misfire == "skip":
        run -= missed
    elif late.misfire == "run_once" and missed:
        run = {due[-1]}
    if late.grace_ms is not None:
        run -= {at for at in missed if now - at - times.jitter_ms > late.grace_ms}
    return sorted(run), sorted(set(due) - run)


@given(
    timing=timings,
    late=lateness,
    jitter=st.sampled_from([0, 0, 5_000, 20 * MINUTE]),
    behind=st.integers(0, 3 * HOUR) | st.integers(0, 5 * MINUTE),
    most_missed=st.sampled_from([1000, 100, 65]),
    most_started=st.sampled_from([50, 3]),
)
@example(Every("1s"), Lateness("run_once", None), 20 * MINUTE, 1_865_673, 65, 50)  # many came on time behind the missed
@settings(max_examples=300, deadline=None)
def test_every_planned_time_comes_to_what_the_model_says(
    timing: Any, late: Lateness, jitter: int, behind: int, most_missed: int, most_started: int
) -> None:
    times = Times(timing.bound("w/s", {}), "w/s", jitter)
    planned = times.next(START)
    assert planned is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planning, "MOST_MISSED", most_missed)
        patch.setattr(planning, "MOST_STEPS", most_started)
        found = decisions(times, planned, planned + behind, late)
    assert found == model(times, planned, planned + behind, late)


def minutely(planned: int, now: int, misfire: Any, grace_ms: int | None = None) -> list[Start | Miss]:
    return list(steps(Times(Every("1m"), "w/s"), planned, now, Lateness(misfire, grace_ms)))


@pytest.mark.parametrize("misfire", ["skip", "run_once", "run_all"])
def test_a_minute_late_is_on_time(misfire: str) -> None:
    assert minutely(START, START + MINUTE - 1, misfire) == [Start(START, START + MINUTE)]


@pytest.mark.parametrize(
    ("every", "late"),
    [("1s", 10_000), ("5s", 10_000), ("10s", 10_000), ("25s", 25_000), ("1m", MINUTE), ("1d", MINUTE)],
)
def test_a_time_is_on_time_until_the_following_comes(every: str, late: int) -> None:
    times = Times(Every(every), "w/s")
    at = times.next(START)
    assert at is not None
    following = times.next(at)
    first = next(steps(times, at, at + late, Lateness("skip", None)))
    assert first == Start(at, following)
    assert isinstance(next(steps(times, at, at + late + 1, Lateness("skip", None))), Miss)


@pytest.mark.parametrize(
    ("misfire", "ran"), [("skip", [50, 55, 60]), ("run_once", [60]), ("run_all", [*range(0, 61, 5)])]
)
def test_an_outage_of_a_minute_is_no_burst(misfire: Any, ran: list[int]) -> None:
    found, _ = decisions(Times(Every("5s"), "w/s"), START, START + MINUTE, Lateness(misfire, None))
    assert [(at - START) // 1000 for at in found] == ran


def test_each_time_goes_by_what_follows_it() -> None:
    """The first is on time for the 25 s until the second; the second, which nothing follows, for a minute."""
    first, second = START, START + 25_000
    times = Times(At(to_datetime(first, "UTC"), to_datetime(second, "UTC")), "w/s")
    late = Lateness("skip", None)
    assert decisions(times, first, second, late) == ([first, second], [])
    assert decisions(times, first, second + MINUTE, late) == ([second], [first])
    assert decisions(times, first, second + MINUTE + 1, late) == ([], [first, second])


def test_a_grace_below_a_minute_rules() -> None:
    assert minutely(START, START + 5_001, "run_all", 5_000) == [Miss(START, START, 1, START + MINUTE)]


def test_an_outage_is_one_run_where_one_is_wanted() -> None:
    now = START + HOUR + 1
    assert minutely(START, now, "run_once") == [
        Miss(START, START + 59 * MINUTE, 60, START + HOUR),
        Start(START + HOUR, START + 61 * MINUTE),
    ]


def test_a_backlog_longer_than_one_call_is_still_one_run() -> None:
    """The first call ends where all that is left has come on time."""
    times, late = Times(Every("1s"), "w/s"), Lateness("run_once", None)
    now = START + 1_030_000
    assert decisions(times, START, now, late) == ([now], list(range(START, now, 1000)))


def test_all_run_in_parts() -> None:
    first = minutely(START, START + 2 * HOUR, "run_all")
    assert len(first) == planning.MOST_STEPS
    assert first[-1] == Start(START + 49 * MINUTE, START + 50 * MINUTE)


def test_jitter_beyond_the_interval_makes_nobody_late() -> None:
    """A planned time that has to wait for the one before it, which was drawn a later start, is on time."""
    times = Times(Every("1m"), "w/s", 10 * MINUTE)
    at: int | None = times.next(START)
    run = 0
    for now in range(START, START + 2 * HOUR, 1000):
        while at is not None and times.due(at) <= now:
            for step in steps(times, at, now, Lateness("skip", None)):
                assert isinstance(step, Start), step
                run, at = run + 1, step.next
    assert run > 100


def test_the_last_of_all_is_the_end() -> None:
    times = Times(At(to_datetime(START, "UTC")), "w/s")
    planned = times.next(START - 1)
    assert planned == START
    assert list(steps(times, planned, planned, Lateness("run_once", None))) == [Start(planned, None)]
    assert list(steps(times, planned, planned + HOUR, Lateness("skip", None))) == [Miss(planned, planned, 1, None)]


def test_what_is_not_due_comes_to_nothing() -> None:
    assert minutely(START, START - 1, "run_all") == []
