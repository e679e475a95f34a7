"""Celery beat's schedules in Python, dicts and apps, become workflows that fire when beat would."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from celery import Celery
from celery.beat import BeatLazyFunc, ScheduleEntry
from celery.schedules import BaseSchedule, crontab
from celery.schedules import schedule as interval
from hypothesis import given
from hypothesis import strategies as st
from kombu import Queue

from orchestrator.importers.beat import Setup
from orchestrator.importers.beat_json import read_json
from orchestrator.importers.beat_python import read_app, read_schedule
from orchestrator.importers.beat_times import cron_times, interval_times
from orchestrator.importers.report import Imported
from orchestrator.model.errors import DefinitionError
from orchestrator.starters.schedule import Schedule
from orchestrator.timing.base import iso
from support.examples import examples

START = datetime(2027, 1, 1, 0, 0, 30, tzinfo=UTC)


def app(**conf: Any) -> Celery:
    made = Celery("shop", set_as_current=False, broker=conf.pop("broker", "memory://"))
    made.conf.update(conf)
    return made


def fires(document: dict[str, Any], start: datetime, count: int) -> list[datetime]:
    timing = Schedule.read("beat", document).planned("x/beat", {})
    return [time.astimezone(UTC) for time in islice(timing.times(start), count)]


def beats(schedule: crontab, start: datetime, count: int) -> list[datetime]:
    """Let Celery say when it would send next, time after time."""
    found = []
    for _ in range(count):
        now = start
        schedule.nowfun = lambda now=now: now
        start += schedule.remaining_estimate(start)
        found.append(start.astimezone(UTC))
    return found


def by_name(imported: Imported) -> dict[str, dict[str, Any]]:
    return {document["name"]: document for document in imported.workflows}


def lacks(imported: Imported) -> dict[str, str]:
    return {remark.where: remark.why for remark in imported.left}


def fields(low: int, high: int) -> st.SearchStrategy[Any]:
    number = st.integers(low, high)
    span = st.tuples(number, number).map(lambda ends: f"{ends[0]}-{ends[1]}")
    step = st.integers(1, high).map(lambda n: f"/{n}")
    part = st.one_of(number.map(str), span, st.builds("".join, st.tuples(span, step)), step.map(lambda s: f"*{s}"))
    listed = st.lists(part, min_size=1, max_size=3).map(",".join)
    return st.one_of(st.just("*"), listed, number, st.sets(number, min_size=1, max_size=4))


@examples(100)
@given(fields(0, 59), fields(0, 23), fields(1, 28), fields(1, 12), fields(0, 6), st.integers(0, 3_000))
def test_crontabs_fire_when_celery_says_so(minute, hour, day, month, weekday, days):
    given = {"minute": minute, "hour": hour, "day_of_month": day, "month_of_year": month, "day_of_week": weekday}
    start = START + timedelta(days=days)
    document = cron_times(given, "UTC")
    assert fires(document, start, 4) == beats(crontab(**given, app=app()), start, 4)


@pytest.mark.parametrize(
    ("given", "document"),
    [
        ({}, {"cron": "* * * * *"}),
        ({"minute": 0, "hour": "*/3"}, {"cron": "0 */3 * * *"}),
        ({"minute": "0,30", "day_of_week": "mon-fri"}, {"cron": "0,30 * * * mon-fri"}),
        ({"minute": "1", "day_of_week": "Sunday,tuesday-thursday"}, {"cron": "1 * * * 0,2-4"}),
        ({"minute": {0, 15, 16, 17}, "hour": [8]}, {"cron": "0,15-17 8 * * *"}),
        ({"minute": "50-10/5", "hour": "22-2"}, {"cron": "0,5,10,50,55 0-2,22,23 * * *"}),
        ({"minute": "0-59", "day_of_month": "1-31", "day_of_week": "0-6"}, {"cron": "* * * * *"}),
        (
            {"minute": 0, "hour": 0, "day_of_month": 13, "day_of_week": "fri"},
            {"cron": "0 0 13 * *", "days": {"weekdays": ["fri"]}},
        ),
        (
            {"minute": 0, "hour": 0, "day_of_month": "1-7", "day_of_week": {1, 3}, "month_of_year": "*/6"},
            {"cron": "0 0 1-7 */6 *", "days": {"weekdays": ["mon", "wed"]}},
        ),
    ],
)
def test_crontabs_stay_as_they_were_written_where_cron_reads_them_so(given, document):
    assert cron_times(given, "UTC") == document


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"minute": "61"}, "Invalid end range: 61"),
        ({"minute": "x"}, "Celery cannot read the crontab"),
        ({"minute": ""}, "Celery cannot read the crontab"),
        ({"minute": 1.5}, "Celery cannot read the crontab"),
        ({"day_of_month": 31, "month_of_year": "4,6"}, "Celery cannot read the crontab"),
        ({"second": 1}, "a crontab has no second"),
    ],
)
def test_crontabs_that_celery_refuses(given, what):
    with pytest.raises(DefinitionError, match=what):
        cron_times(given, "UTC")


def test_crontabs_follow_their_zone():
    document = cron_times({"minute": 0, "hour": 9}, "America/New_York")
    theirs = crontab(0, 9, app=app(timezone="America/New_York"))
    start = datetime(2027, 6, 1, 12, tzinfo=UTC)
    assert fires(document, start, 3) == beats(theirs, start.astimezone(ZoneInfo("America/New_York")), 3)


def test_an_interval_goes_on_from_when_beat_sent_it_last():
    last = datetime(2027, 1, 5, 8, 15, 3, 250_000, tzinfo=UTC)
    document, lacking = interval_times(timedelta(seconds=90), "UTC", relative=False, anchor=last)
    assert fires(document, last, 2) == [last + timedelta(seconds=90), last + timedelta(seconds=180)]
    assert not lacking


@pytest.mark.parametrize("step", [timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)])
def test_relative_intervals_are_rounded_down_as_celery_does_it(step):
    document, lacking = interval_times(step, "Europe/Paris", relative=True, anchor=None)
    theirs = interval(step, relative=True, app=app(timezone="Europe/Paris"))
    start = START.astimezone(ZoneInfo("Europe/Paris"))
    theirs.nowfun = lambda: start
    assert fires(document, START, 1) == [(start + theirs.remaining_estimate(start)).astimezone(UTC)]
    assert not lacking


def test_other_relative_intervals_are_told():
    document, lacking = interval_times(timedelta(hours=2), "Europe/Paris", relative=True, anchor=None)
    assert document == {"every": "2h", "align": "day", "tz": "Europe/Paris"}
    assert "from each midnight" in lacking
    document, lacking = interval_times(timedelta(days=7), "Europe/Paris", relative=True, anchor=START)
    assert document == {"every": "1w", "anchor": "2027-01-01T00:00:00+01:00", "tz": "Europe/Paris"}
    assert "elapsed time" in lacking


def test_an_app_made_ready_as_beat_does_it():
    made = app(timezone="Europe/Paris", broker="redis://", beat_cron_starting_deadline=300, task_default_queue="shop")
    made.conf.task_routes = {"shop.clean": {"queue": "slow"}}

    @made.task(name="shop.clean", shared=False)
    def clean() -> None: ...

    @made.on_after_finalize.connect
    def add(sender: Celery, **_: Any) -> None:
        sender.add_periodic_task(crontab(hour=2, minute=0), sender.signature("shop.load", (1,)), name="load")

    made.conf.beat_schedule = {
        "clean": {"task": "shop.clean", "schedule": timedelta(hours=1), "relative": True},
        "mail": {
            "task": "shop.mail",
            "schedule": 30,
            "args": ("daily",),
            "kwargs": {"when": datetime(2027, 1, 1)},
            "options": {
                "queue": Queue("mails"), "priority": 3, "time_limit": 60, "soft_time_limit": 50, "ignore_result": True,
                "headers": {"tenant": "north", "periodic_task_name": "mail"},
            },
        },
    }  # fmt: skip
    imported = read_app(made)
    found = by_name(imported)
    assert not imported.left
    assert found["load"]["schedules"] == {"beat": {"cron": "0 2 * * *", "tz": "Europe/Paris", "grace": "5m"}}
    assert found["load"]["jobs"] == {"load": {"task": "shop.load", "args": [1], "route": "shop"}}
    assert found["clean"]["schedules"] == {"beat": {"every": "1h", "align": "day", "tz": "Europe/Paris"}}
    assert found["clean"]["jobs"]["clean"]["route"] == "slow"
    assert found["mail"]["jobs"]["mail"] == {
        "task": "shop.mail",
        "args": ["daily"],
        "kwargs": {"when": {"__type__": "datetime", "__value__": "2027-01-01T00:00:00"}},
        "route": "mails",
        "number": 131,
        "timeout": 60,
        "soft_timeout": 50,
        "headers": {"tenant": "north"},
    }
    assert ["beat counts from its own start" in remark.why for remark in imported.notes] == [True]


@pytest.mark.parametrize(("broker", "number"), [("redis://", 133), ("pyamqp://", 123), ("amqp://h//", 123)])
def test_priorities_turn_with_the_broker(broker, number):
    entry = {"task": "t", "schedule": crontab(), "options": {"priority": 5}}
    (document,) = read_app(app(broker=broker, beat_schedule={"a": entry})).workflows
    assert document["jobs"]["t"]["number"] == number


class Tides(BaseSchedule):
    pass


class Workdays(crontab):
    def is_due(self, last_run_at):
        raise NotImplementedError


class Slowing(interval):
    def remaining_estimate(self, last_run_at):
        raise NotImplementedError


def test_schedules_of_the_user_s_own_classes_are_left():
    entries = {
        "workdays": {"task": "t", "schedule": Workdays(hour=9)},
        "slowing": {"task": "t", "schedule": Slowing(timedelta(minutes=1))},
        "plain": {"task": "t", "schedule": crontab(hour=9)},
    }
    imported = read_schedule(entries, Setup())
    assert list(by_name(imported)) == ["plain"]
    left = lacks(imported)
    assert list(left) == ["workdays", "slowing"]
    assert f"a {__name__}.Workdays says itself when it is due" in left["workdays"]
    assert f"a {__name__}.Slowing says itself when it is due" in left["slowing"]


def test_a_crontab_of_django_celery_beat_follows_its_own_zone():
    class TzAwareCrontab(crontab):  # it is known by its name, and as the package defines it
        def __init__(self, *args: Any, tz: ZoneInfo, **fields: Any) -> None:
            self.tz = tz
            super().__init__(*args, nowfun=lambda: datetime.now(tz), **fields)

    TzAwareCrontab.__module__ = "django_celery_beat.tzcrontab"
    TzAwareCrontab.__qualname__ = "TzAwareCrontab"
    entry = {"task": "t", "schedule": TzAwareCrontab(0, 9, tz=ZoneInfo("Asia/Tokyo"))}
    imported = read_schedule({"a": entry}, Setup(tz="Europe/Paris"))
    assert imported.workflows[0]["schedules"]["beat"] == {"cron": "0 9 * * *", "tz": "Asia/Tokyo"}
    assert not imported.left


def test_what_a_workflow_cannot_say_is_named_by_its_entry():
    entries = {
        "tides": {"task": "t", "schedule": Tides()},
        "lazy": {"task": "t", "schedule": crontab(), "args": (BeatLazyFunc(datetime.now),)},
        "object": {"task": "t", "schedule": crontab(), "kwargs": {"x": object()}},
        "half": {"task": "t", "schedule": 0.5},
        "none": {"task": "t", "schedule": None},
        "ages": {"task": "t", "schedule": 1e300},
        "word": {"task": "t", "schedule": crontab(), "args": "abc"},
        "dollar": {"task": "t", "schedule": crontab(), "kwargs": {"$x": 1}},
        "no task": {"schedule": crontab()},
        "clock": {"task": "t", "schedule": crontab(nowfun=lambda: START)},
        "options": {
            "task": "t", "schedule": crontab(),
            "options": {
                "queue": "a b", "priority": 3, "expires": 60, "countdown": 5, "routing_key": "x", "shadow": "y",
            },
        },
        "odd": {"task": "t", "schedule": crontab(), "colour": "red"},
    }  # fmt: skip
    imported = read_schedule(entries, Setup())
    assert list(by_name(imported)) == ["clock", "options", "odd"]
    left = lacks(imported)
    assert set(left) == set(entries)
    assert "Tides says itself when it is due" in left["tides"]
    assert "BeatLazyFunc is not JSON" in left["lazy"]
    assert "names no task" in left["no task"]
    assert "'$'" in left["dollar"]
    options = {remark.what: remark.why for remark in imported.left if remark.where == "options"}
    assert list(options) == [
        "queue='a b'", "priority=3", "expires=60", "countdown=5", "routing_key='x'", "shadow='y'",
    ]  # fmt: skip
    assert by_name(imported)["options"]["schedules"]["beat"]["grace"] == "1m"


def test_entries_may_have_the_fields_of_django_celery_beat():
    entries = {
        "off": {"task": "t", "schedule": crontab(minute=0, hour=1), "enabled": False},
        "zero": {"task": "t", "schedule": 30, "enabled": 0},
        "on": {"task": "t", "schedule": 30, "enabled": True, "description": "Why.", "last_run_at": START},
        "once": {"task": "t", "schedule": 30, "one_off": True},
        "window": {
            "task": "t", "schedule": 3600, "start_time": "2027-01-01T00:00:00", "expires": START + timedelta(days=400),
            "options": {"expire_seconds": 60},
        },
        "bad": {"task": "t", "schedule": 30, "start_time": "soon"},
    }  # fmt: skip
    imported = read_schedule(entries, Setup(tz="Europe/Paris"))
    found = {name: document["schedules"]["beat"] for name, document in by_name(imported).items()}
    assert {name: schedule.get("enabled", True) for name, schedule in found.items()} == {
        "off": False, "zero": False, "on": True, "once": False, "window": True,
    }  # fmt: skip
    assert by_name(imported)["on"]["description"] == "Why."
    assert found["on"]["anchor"] == iso(START, "Europe/Paris")
    assert found["window"]["start"] == found["window"]["anchor"] == "2027-01-01T00:00:00+01:00"
    assert found["window"]["end"] == iso(START + timedelta(days=400), "Europe/Paris")
    assert found["window"]["grace"] == "1m"
    left = lacks(imported)
    assert set(left) == {"once", "window", "bad"}
    assert "it was to run once" in left["once"]
    assert "does not expire" in left["window"]
    assert "'soon' is no ISO 8601 time" in left["bad"]


def test_the_same_entry_is_the_same_in_python_and_as_json():
    fields = {
        "task": "t", "schedule": 3600, "enabled": False, "description": "Why.", "start_time": "2027-01-01T00:00:00Z",
        "expires": "2028-01-01T00:00:00Z", "last_run_at": "2027-01-01T12:00:00Z",
    }  # fmt: skip
    in_python = read_schedule({"a": fields}, Setup())
    as_json = read_json(json.dumps({"a": fields}).encode(), "beat.json", Setup())
    assert in_python.workflows == as_json.workflows
    assert not in_python.left
    assert not as_json.left


def test_a_clocked_schedule_of_django_celery_beat_is_a_time():
    class clocked(BaseSchedule):
        clocked_time = START

    clocked.__module__ = "django_celery_beat.clockedschedule"
    clocked.__qualname__ = "clocked"
    imported = read_schedule({"a": {"task": "t", "schedule": clocked(), "one_off": True}}, Setup())
    assert list(imported.workflows[0]["schedules"]["beat"]) == ["at"]
    assert not imported.left


def test_how_intervals_count_is_told_of_converted_entries_only():
    entries = {
        "good": {"task": "t", "schedule": 30},
        "object": {"task": "t", "schedule": 30, "args": (object(),)},
        "no task": {"schedule": 30},
    }
    imported = read_schedule(entries, Setup())
    assert [(remark.where, remark.what) for remark in imported.notes] == [("good", "<freq: 30.00 seconds>")]
    assert set(lacks(imported)) == {"object", "no task"}


def test_an_expiry_at_a_moment_ends_the_schedule():
    entry = {"task": "t", "schedule": crontab(), "options": {"expires": datetime(2027, 6, 1, tzinfo=UTC)}}
    imported = read_schedule({"a": entry}, Setup(tz="Europe/Paris"))
    assert imported.workflows[0]["schedules"]["beat"]["end"] == "2027-06-01T02:00:00+02:00"
    assert not imported.left


def test_entries_may_be_celery_s_own_objects():
    made = app()
    entry = ScheduleEntry(name="a", task="t", schedule=crontab(), args=(1,), kwargs={"b": {"$c": 2}}, app=made)
    imported = read_schedule({"a": entry}, Setup())
    assert not imported.left
    assert imported.workflows[0]["jobs"]["t"] == {"task": "t", "args": [1], "kwargs": {"b": {"$literal": {"$c": 2}}}}
