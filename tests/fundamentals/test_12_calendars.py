"""Calendars."""

from __future__ import annotations

from datetime import UTC, date, datetime

from fundamentals.tasks import add

from orchestrator import Calendar, Client, Cron, Schedule, Workflow


def test_a_calendar_keeps_a_schedule_to_days(client: Client) -> None:
    """A stored calendar has a name, by which schedules use it: days outside of it are left out, or moved."""
    client.calendars.put("work", Calendar(weekdays="mon-fri", without=[Calendar(dates=["12-24", "12-25"])]))
    closing = Workflow("closing")
    closing.job("add", add.s(1, 2))
    monthly = Schedule(Cron("0 17 L * *"), name="monthly", days="work", move="previous")

    client.schedules.put(closing, monthly)
    coming = client.schedules.next(12, of="closing/monthly")
    client.schedules.delete("closing/monthly")

    days = [datetime.fromtimestamp(start.planned_ms / 1000, UTC) for start in coming]
    assert len(days) == 12
    assert all(day.weekday() < 5 for day in days)


def test_calendars_are_sets_of_days() -> None:
    """`|`, `&` and `-` combine calendars; `in` asks for a day, `next` for the first one from a day on."""
    work = Calendar(weekdays="mon-fri") - Calendar(dates=["2027-05-03"])

    assert date(2027, 5, 3) not in work
    assert work.next(date(2027, 5, 1)) == date(2027, 5, 4)
    assert Cron("0 9 * * mon-fri").next(datetime(2027, 5, 1, tzinfo=UTC)).date() == date(2027, 5, 3)
