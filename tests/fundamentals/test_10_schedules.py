"""Schedules."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from fundamentals.tasks import add

from orchestrator import Client, Cron, Every, Schedule, Workflow
from support.waiting import wait_until


def test_a_schedule_starts_runs_by_itself(client: Client) -> None:
    """A schedule is a timing of a workflow: each planned time starts one run, however many schedulers there are."""
    sums = Workflow("sums-each-second")
    sums.job("add", add.s(1, 2))
    client.schedules.put(sums, Schedule(Every("1s"), name="second"))

    past = wait_until(lambda: client.schedules.past("sums-each-second/second"), 20)
    client.schedules.delete("sums-each-second/second")

    assert client.runs.get(past[0].run).wait(timeout=20).output("add") == 3


def test_a_timing_tells_its_times() -> None:
    """Times are those of a zone's wall clock: 02:30, which the clock leaps over in spring, is 03:00 on that day."""
    nightly = Cron("30 2 * * *", tz="Europe/Paris")
    midnight = datetime(2027, 3, 27, tzinfo=ZoneInfo("Europe/Paris"))

    first = nightly.next(midnight)
    second = nightly.next(first)

    assert first.isoformat() == "2027-03-27T02:30:00+01:00"
    assert second.isoformat() == "2027-03-28T03:00:00+02:00"
