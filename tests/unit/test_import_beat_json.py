"""Celery beat's schedules as JSON: real exports of django-celery-beat and RedBeat, and a beat_schedule written out."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from orchestrator.importers.beat import Setup
from orchestrator.importers.beat_json import read_json
from orchestrator.importers.beat_times import rule_times
from orchestrator.importers.report import Imported
from orchestrator.model.errors import DefinitionError, DocumentError
from orchestrator.starters.schedule import Schedule

BEAT = Path(__file__).parents[1] / "data" / "beat"
START = datetime(2027, 1, 1, 0, 0, 30, tzinfo=UTC)


def load(document: Any, **setup: Any) -> Imported:
    return read_json(json.dumps(document).encode(), "beat.json", Setup(**setup))


def fires(document: dict[str, Any], start: datetime, count: int) -> list[datetime]:
    timing = Schedule.read("beat", document).planned("x/beat", {})
    return [time.astimezone(UTC) for time in islice(timing.times(start), count)]


def by_name(imported: Imported) -> dict[str, dict[str, Any]]:
    return {document["name"]: document for document in imported.workflows}


def lacks(imported: Imported) -> dict[str, str]:
    return {remark.where: remark.why for remark in imported.left}


def test_a_dump_of_django_celery_beat():
    imported = read_json((BEAT / "django.json").read_bytes(), "django.json", Setup(tz="Europe/Berlin"))
    found = by_name(imported)
    report = found["Mail-the-morning-report"]
    assert report["description"] == "For the sales team."
    assert report["schedules"]["beat"] == {"cron": "30 7 * * 1-5", "tz": "Europe/Berlin"}
    assert report["jobs"]["report"] == {
        "task": "shop.tasks.report",
        "args": ["daily"],
        "kwargs": {"to": "sales@example.org"},
        "route": "mails",
        "headers": {"tenant": "north"},
    }
    assert found["celery.backend_cleanup"]["schedules"]["beat"] == {"cron": "0 4 * * *", "grace": "12h"}
    assert found["friday-13"]["schedules"]["beat"] == {
        "cron": "0 0 13 * *",
        "tz": "America/New_York",
        "days": {"weekdays": ["fri"]},
        "enabled": False,
    }
    assert found["poll"]["schedules"]["beat"]["anchor"] == "2027-01-05T09:15:03.250000+01:00"
    assert found["poll"]["schedules"]["beat"]["end"] == "2027-12-31T01:00:00+01:00"
    assert found["rotate"]["schedules"]["beat"]["anchor"] == found["rotate"]["schedules"]["beat"]["start"]
    assert found["launch"]["schedules"]["beat"]["at"] == "2027-06-01T14:00:00+02:00"
    assert found["once"]["schedules"]["beat"]["enabled"] is False
    assert lacks(imported).keys() == {
        "celery.backend_cleanup", "Mail the morning report", "rotate", "too fast", "dusk", "once",
    }  # fmt: skip


def test_definitions_of_redbeat():
    exported = json.loads((BEAT / "redbeat.json").read_text())
    imported = load(exported)
    found = by_name(imported)
    assert found["report"]["schedules"]["beat"] == {"cron": "*/15 8-18 * * mon-fri"}
    assert found["report"]["jobs"]["report"]["kwargs"]["day"]["__value__"] == "2027-01-01T00:00:00+00:00"
    assert found["poll"]["schedules"]["beat"] == {"every": "1m30s", "anchor": "2027-01-05T08:15:03+00:00"}
    assert found["weekly"]["schedules"]["beat"]["enabled"] is False
    assert list(lacks(imported)) == ["redbeat:easter"]

    decoded = {key: json.loads(item["definition"]) for key, item in exported.items()}
    for form in (decoded, list(decoded.values()), {key: item["definition"] for key, item in exported.items()}):
        assert set(by_name(load(form))) == set(found)
    assert load({"redbeat::schedule": {"redbeat:a": 1}}).to_json() == Imported().to_json()


def test_rules_of_redbeat_fire_as_dateutil_says():
    from dateutil.rrule import MONTHLY, WEEKLY, rrule

    start = datetime(2027, 1, 4, 9, 30, tzinfo=UTC)
    MONDAY = {"__type__": "weekday", "wkday": 0}
    rules = [
        (rrule(MONTHLY, start, bymonthday=-1, byhour=18, byminute=0, bysecond=0),
         {"freq": 1, "bymonthday": -1, "byhour": 18, "byminute": 0, "bysecond": 0}),
        (rrule(WEEKLY, start, interval=2, wkst=6, byweekday=[0, 3], count=20),
         {"freq": "weekly", "interval": 2, "wkst": 6, "count": 20, "byweekday": [MONDAY, 3]}),
        (rrule(WEEKLY, start, until=datetime(2027, 4, 1, tzinfo=UTC)),
         {"freq": 2, "until": datetime(2027, 4, 1, tzinfo=UTC).timestamp(), "until_tz": 0}),
    ]  # fmt: skip
    for theirs, stored in rules:
        document = rule_times({"dtstart": start.timestamp(), "dtstart_tz": 0, **stored})
        assert fires(document, START, 15) == list(islice(theirs.xafter(START), 15))


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        ({"freq": 3}, "no dtstart"),
        ({"dtstart": 0}, "has no freq"),
        ({"freq": 9, "dtstart": 0}, "rule's freq cannot be read: 9 is no frequency"),
        ({"freq": -1, "dtstart": 0}, "rule's freq cannot be read: -1 is no frequency"),
        ({"freq": {}, "dtstart": 0}, "rule's freq cannot be read: {} is no frequency"),
        ({"freq": 3, "dtstart": "x"}, "rule's dtstart cannot be read: 'x' is no time in Unix seconds"),
        ({"freq": 3, "dtstart": {"year": 2027}}, "rule's dtstart cannot be read: {'year': 2027} is no time"),
        ({"freq": 3, "dtstart": 1e300}, "rule's dtstart cannot be read: 1e.300 is no time"),
        ({"freq": 3, "dtstart": 0, "until": []}, "rule's until cannot be read"),
        ({"freq": 3, "dtstart": 0, "dtstart_tz": "x"}, "rule's dtstart_tz cannot be read: 'x' is no offset"),
        ({"freq": 3, "dtstart": 0, "byweekday": [{"day": 1}]}, "rule's byweekday cannot be read"),
        ({"freq": 3, "dtstart": 0, "byhour": [None]}, "rule's byhour cannot be read: .None. is no number"),
        ({"freq": 3, "dtstart": 0, "dtstart_tz": 330}, "330 minutes"),
        ({"freq": 3, "dtstart": 0, "colour": 1}, "no colour"),
    ],
)
def test_rules_that_cannot_be_converted(rule, what):
    with pytest.raises(DefinitionError, match=what):
        rule_times(rule)


def test_a_beat_schedule_written_out_as_json():
    imported = load(
        {
            "a": {"task": "t", "schedule": 600, "args": [1], "options": {"queue": "q"}},
            "b": {"task": "t", "schedule": "0 9 * * 1-5"},
            "c": {"task": "t", "schedule": {"minute": "0", "hour": "*/2"}},
            "d": {"task": "t", "schedule": {"__type__": "interval", "every": 60, "relative": True}},
            "e": {"task": "t", "schedule": {"__type__": "solar", "event": "sunset"}},
            "f": {"task": "t", "schedule": [1]},
            "g": {"schedule": 5},
            "h": "no JSON",
            "i": {"task": "t", "schedule": "0 9 * *"},
            "j": {"task": "t", "schedule": 60, "options": [1]},
            "k": {"task": "t", "schedule": 60, "options": {"expires": 1e300}},
            "l": {"task": "t", "schedule": 60, "args": json.loads("[" * 900 + "]" * 900)},
        },
        tz="Europe/Paris",
    )
    timings = {name: document["schedules"]["beat"] for name, document in by_name(imported).items()}
    assert timings == {
        "a": {"every": "10m", "tz": "Europe/Paris"},
        "b": {"cron": "0 9 * * 1-5", "tz": "Europe/Paris"},
        "c": {"cron": "0 */2 * * *", "tz": "Europe/Paris"},
        "d": {"every": "1m", "align": "day", "tz": "Europe/Paris"},
        "k": {"every": "1m", "tz": "Europe/Paris"},
    }
    assert set(lacks(imported)) == set("efghijkl")


@pytest.mark.parametrize(
    ("data", "where", "what"),
    [
        (b"{", "beat.json:1:2", "not JSON"),
        (b'{"a": {},\n "a": {}}', "beat.json", "twice"),
        (b"\xff", "beat.json, byte 0", "not UTF-8"),
        (b"3", "beat.json", "no beat schedule"),
        (b'{"a": ' + b"1" * 5000 + b"}", "beat.json", "too long"),
        (b"[" * 100_000, "beat.json", "too deep"),
    ],
)
def test_a_file_that_is_none_is_one_error(data, where, what):
    with pytest.raises(DocumentError, match=what) as caught:
        read_json(data, "beat.json", Setup())
    assert caught.value.where == where


def test_how_intervals_count_is_told_of_converted_entries_only():
    imported = load({"good": {"task": "t", "schedule": 30}, "bad": {"task": "t", "schedule": 30, "args": "x"}})
    assert [(remark.where, remark.what) for remark in imported.notes] == [("good", "30")]
    models = [
        ("periodictask", name, {"name": name, "interval": 1, "task": task}) for name, task in (("a", "t"), ("b", ""))
    ]
    rows = [("intervalschedule", 1, {"every": 5, "period": "days"}), *models]
    imported = load([{"model": f"django_celery_beat.{model}", "pk": pk, "fields": row} for model, pk, row in rows])
    assert [(remark.where, remark.what) for remark in imported.notes] == [("a", "every 5 days")]
    assert set(lacks(imported)) == {"b"}


def test_nothing_of_a_json_file_is_imported_or_called():
    imported = load({"a": {"task": "os.system", "schedule": 60, "args": ["touch /tmp/x"]}})
    assert imported.workflows[0]["jobs"]["system"] == {"task": "os.system", "args": ["touch /tmp/x"]}


def test_rows_of_django_that_do_not_fit_are_named():
    def task(pk: int, **fields: Any) -> dict[str, Any]:
        return {
            "model": "django_celery_beat.periodictask",
            "pk": pk,
            "fields": {"name": f"n{pk}", "task": "t", **fields},
        }

    hourly = {"every": 1, "period": "hours"}
    imported = load(
        [
            {"model": "django_celery_beat.intervalschedule", "pk": 1, "fields": hourly},
            {"model": "django_celery_beat.intervalschedule", "pk": 2, "fields": {"every": 1, "period": "weeks"}},
            {"model": "auth.user", "pk": 1, "fields": {}},
            task(1, interval=7),
            task(2),
            task(3, interval=1, crontab=1),
            task(4, interval=1, kwargs="{nope"),
            task(5, interval=2),
            task(6, interval=1, start_time="soon"),
            task(7, interval=1, start_time="2027-01-01T10:00:00", kwargs='{"a": 1}'),
        ],
        tz="Asia/Tokyo",
    )
    assert set(lacks(imported)) == {f"n{pk}" for pk in range(1, 7)}
    (good,) = imported.workflows
    assert good["schedules"]["beat"]["start"] == "2027-01-01T10:00:00+09:00"
    assert [remark.where for remark in imported.notes] == ["auth.user"]
