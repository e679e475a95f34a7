"""Schedules as values and as plain data, alone and in workflows: what they say, and what is said about wrong ones."""

# ruff: noqa: E501 — a case a line

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import jsonschema
import pytest
from celery import Celery
from pydantic import BaseModel

from orchestrator import Calendar, Cron, Every, Schedule, Workflow, workflow
from orchestrator.dsl.documents import dump, load, schema, to_document
from orchestrator.model.errors import DefinitionError, DocumentError
from orchestrator.plan.compile import compile_plan
from orchestrator.plan.decompile import decompile
from orchestrator.timing.days import OnDays
from orchestrator.timing.nth_day import NthDay
from orchestrator.timing.once import At
from orchestrator.timing.rrule import RRule
from orchestrator.timing.windows import Hours, Window

PARIS = ZoneInfo("Europe/Paris")
NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC)
FRANCE = Calendar(weekdays="mon-fri", without=[Calendar(holidays="FR")])
app = Celery("shop", set_as_current=False)


@app.task(name="shop.extract", shared=False)
def extract(day): ...


class Params(BaseModel):
    day: str
    limit: int = 10


def a_workflow(**options) -> Workflow:
    made = Workflow("nightly", params=Params, **options)
    made.job("extract", extract.s(day=made.params.day))
    return made


WHOLE = Schedule(
    Cron("0 2 * * *", tz="Europe/Paris"),
    name="nightly",
    params={"day": {"$expr": "string(planned)"}, "limit": 3, "plain": {"$literal": {"$x": 1}}},
    days="business",
    move="previous",
    hours=Hours(
        windows=[Window(start="01:00", end="05:00", days="open")], blackouts=[Window(start="03:00", end="04:00")]
    ),
    outside="wait",
    start=datetime(2027, 1, 1, tzinfo=PARIS),
    end=datetime(2028, 1, 1, tzinfo=UTC),
    jitter=1.5,
    overlap="queue_one",
    misfire="run_all",
    grace=timedelta(hours=6),
    depends_on_past=True,
    priority="high",
    enabled=False,
    description="Load the day.",
)


def test_plain_data_says_what_is_no_default_with_times_in_the_schedules_zone() -> None:
    assert WHOLE.document() == {
        "cron": "0 2 * * *",
        "tz": "Europe/Paris",
        "params": {"day": {"$expr": "string(planned)"}, "limit": 3, "plain": {"$literal": {"$x": 1}}},
        "days": "business",
        "move": "previous",
        "hours": {
            "windows": [{"start": "01:00", "end": "05:00", "days": {"calendar": "open"}}],
            "blackouts": [{"start": "03:00", "end": "04:00"}],
        },
        "outside": "wait",
        "start": "2027-01-01T00:00:00+01:00",
        "end": "2028-01-01T01:00:00+01:00",
        "jitter": 1.5,
        "overlap": "queue_one",
        "misfire": "run_all",
        "grace": "6h",
        "depends_on_past": True,
        "priority": "high",
        "enabled": False,
        "description": "Load the day.",
    }
    assert Schedule(Every("15m")).document() == {"every": "15m"}


@pytest.mark.parametrize(
    "schedule",
    [
        WHOLE,
        Schedule(Cron("H H * * *", hash_id="mine")),
        Schedule(
            Every(90, anchor=datetime(2027, 10, 31, 2, 30, tzinfo=PARIS), tz="Europe/Paris"),
            params={"a": [1, None, "x"]},
        ),
        Schedule(Every("6h", align="day", tz="Asia/Tokyo")),
        Schedule(At(NEW_YEAR)),
        Schedule(At(NEW_YEAR, datetime(2026, 1, 1, 9, tzinfo=PARIS), tz="Europe/Paris")),
        Schedule(RRule("DTSTART;TZID=Europe/Paris:20270101T090000\nRRULE:FREQ=DAILY")),
        Schedule(RRule("DTSTART:20270101T090000\nRRULE:FREQ=DAILY", tz="Asia/Tokyo")),
        Schedule(NthDay(FRANCE, -2, "17:00", "Europe/Paris")),
        Schedule(NthDay(Calendar(calendar="business"), 1), days=Calendar(weekdays="mon-fri")),
    ],
    ids=lambda schedule: schedule.timing.document().__str__()[:40],
)
def test_it_is_read_back_as_the_same(schedule: Schedule) -> None:
    document = schedule.document()
    assert Schedule.read(schedule.name, document) == schedule
    assert Schedule.read(schedule.name, document).document() == document


def test_a_text_is_a_cron_expression() -> None:
    assert Schedule.read("hourly", "0 * * * *") == Schedule(Cron("0 * * * *"), name="hourly")


def test_times_without_an_offset_are_local_in_documents() -> None:
    read = Schedule.read(
        "x", {"at": ["2027-03-01T09:00", "2027-03-01T09:00:00+00:00"], "tz": "Europe/Paris", "start": "2027-01-01"}
    )
    assert read.document()["at"] == ["2027-03-01T09:00:00+01:00", "2027-03-01T10:00:00+01:00"]
    assert read.start == datetime(2026, 12, 31, 23, tzinfo=UTC)
    assert (
        Schedule.read("x", {"every": "1d", "anchor": "2027-01-01T06:00", "tz": "Asia/Tokyo"}).document()["anchor"]
        == "2027-01-01T06:00:00+09:00"
    )


def test_blackouts_without_an_offset_are_local_in_documents() -> None:
    document = {
        "cron": "0 0 * * *",
        "tz": "Europe/Paris",
        "hours": {"blackouts": [{"start": "2027-02-01T00:00:00", "end": "2027-03-01T00:00:00"}]},
    }
    read = Schedule.read("x", document)
    assert read.document() == document
    times = read.planned("a/x", {}).times(datetime(2027, 1, 31, 12, tzinfo=UTC))
    assert next(times).isoformat() == "2027-03-01T00:00:00+01:00"


def test_several_one_off_times_come_in_order_and_once_each() -> None:
    at = At([NEW_YEAR + timedelta(days=9), NEW_YEAR], NEW_YEAR)
    assert list(at.times(NEW_YEAR - timedelta(days=1))) == [NEW_YEAR, NEW_YEAR + timedelta(days=9)]
    assert at.prev(NEW_YEAR + timedelta(days=9)) == NEW_YEAR
    assert at.next(NEW_YEAR + timedelta(days=9)) is None
    assert at.describe() == "2 times, at 2027-01-01T00:00:00+00:00 and 2027-01-10T00:00:00+00:00"
    with pytest.raises(DefinitionError, match="1 to 1000 moments, not 0"):
        At()


def test_lengths_are_milliseconds_to_those_who_count() -> None:
    assert (WHOLE.jitter_ms, WHOLE.grace_ms) == (1500, 21_600_000)
    assert (Schedule(Every("5m")).jitter_ms, Schedule(Every("5m")).grace_ms) == (0, None)


def test_planned_times_keep_to_named_calendars_hours_and_bounds() -> None:
    calendars = {"business": FRANCE, "open": Calendar(weekdays="mon-thu")}
    assert WHOLE.calendars() == {"business", "open"}
    times = WHOLE.planned("nightly/nightly", calendars).times(datetime(2026, 1, 1, tzinfo=UTC))
    # The 1st is a holiday, and the days that follow would move to before the start.
    assert next(times).isoformat() == "2027-01-04T02:00:00+01:00"
    times = WHOLE.planned("nightly/nightly", calendars).times(datetime(2027, 1, 7, tzinfo=UTC))
    # Friday's 2:00, and the weekend's, moved to Friday, wait for the window of Monday.
    assert [next(times).isoformat() for _ in range(3)] == [
        "2027-01-07T02:00:00+01:00",
        "2027-01-11T01:00:00+01:00",
        "2027-01-11T02:00:00+01:00",
    ]
    with pytest.raises(DefinitionError, match="there is no calendar 'business'"):
        WHOLE.planned("nightly/nightly", {})


def test_the_calendar_of_the_nth_day_may_be_named() -> None:
    schedule = Schedule(NthDay(Calendar(calendar="business"), -1, "17:00"))
    assert schedule.calendars() == {"business"}
    assert schedule.planned("a/b", {"business": FRANCE}).next(NEW_YEAR) == datetime(2027, 1, 29, 17, tzinfo=UTC)


def test_a_hash_is_drawn_from_the_schedules_id_unless_it_has_one() -> None:
    schedule = Schedule(Cron("H H * * *"))
    assert schedule.planned("a/b", {}).next(NEW_YEAR) == Cron("H H * * *", hash_id="a/b").next(NEW_YEAR)
    own = Schedule(Cron("H H * * *", hash_id="own"))
    assert own.planned("a/b", {}).next(NEW_YEAR) == own.planned("c/d", {}).next(NEW_YEAR)
    assert schedule.describe() == "by H H * * *, where H is drawn from the schedule's id (UTC)"
    assert schedule.describe("a/b") == Cron("H H * * *", hash_id="a/b").describe()


def test_it_says_itself() -> None:
    assert Schedule(Cron("0 2 * * *"), days="business", move="next", jitter="5m").describe() == (
        "at 02:00 every day (UTC), or on the next day of the calendar business, up to 5 minutes later"
    )


WRONG = [
    (5, "a schedule is a mapping or a cron expression, not a int"),
    ({}, "it says no time: give one of cron, every, at, rrule, nth_day"),
    ("0 0 30 2 *", "cron: cannot use the cron expression '0 0 30 2 *': it never matches"),
    ({"cron": "* * * * *", "every": "5m"}, "every: it is cron already"),
    ({"cron": "* * * * *", "tz": "Europe/Pari"}, "tz: there is no time zone 'Europe/Pari' (did you mean Europe/Paris"),
    ({"cron": "* * * * *", "enbled": True}, "enbled: there is no such field (did you mean 'enabled'?)"),
    ({"cron": "* * * * *", "anchor": "2027-01-01"}, "anchor: it goes with every only"),
    ({"every": "5m", "align": "day", "anchor": "2027-01-01"}, "anchor: what is aligned to the day has no anchor"),
    ({"every": "5 minutes"}, "every: cannot read '5 minutes' as a length of time"),
    ({"every": True}, "every: should be a length of time"),
    ({"at": "tomorrow"}, "at[0]: 'tomorrow' is no ISO 8601 time"),
    ({"at": []}, "at: it needs at least one"),
    ({"rrule": "DTSTART:20270101T090000\nRRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"}, "rrule: the recurrence rule"),
    ({"nth_day": -2}, "nth_day counts the days of a calendar: name it in `of`"),
    ({"nth_day": 40, "of": "business"}, "nth_day: no month has a day 40"),
    ({"cron": "* * * * *", "days": {"holidays": "XX"}}, "days: no holidays are known of 'XX'"),
    ({"cron": "* * * * *", "days": {"weekdays": "funday"}}, "days: weekdays: the calendar is not valid: 'funday' is no weekday"),
    ({"cron": "* * * * *", "move": "next"}, "move: there is nothing to move to: it goes with days"),
    ({"cron": "* * * * *", "outside": "wait"}, "outside: there is nothing to wait for: it goes with hours"),
    ({"cron": "* * * * *", "hours": {"windows": [{"start": "25:00"}]}}, "hours: '25:00' is no time of day"),
    ({"cron": "* * * * *", "start": "2027-01-01", "end": "2026-01-01"}, "end: the end 2026-01-01T00:00:00+00:00 is not after the start"),
    ({"cron": "* * * * *", "jitter": "2d"}, "jitter: it is over 24 hours"),
    ({"cron": "* * * * *", "grace": -1}, "grace: a length of time of -1 is not between 1 ms and a hundred years"),
    ({"every": "0s"}, "every: a length of time of 0s is not between a second and a hundred years"),
    ({"every": 0.5}, "every: a length of time of 0.5 is not between a second and a hundred years"),
    ({"cron": "* * * * *", "overlap": "maybe"}, "overlap: should be 'allow', 'skip', 'queue_one', 'queue_all' or 'cancel_old', not 'maybe'"),
    ({"cron": "* * * * *", "enabled": "no"}, "enabled: should be a valid boolean, not 'no'"),
    ({"cron": "* * * * *", "params": [1]}, "params: should be a mapping from names of parameters to values"),
    ({"cron": "* * * * *", "params": {"a": [{"$expr": "plannd"}]}}, "params.a[0].$expr: plannd: there is no variable 'plannd' (did you mean 'planned'?)"),
    ({"cron": "* * * * *", "params": {"a": {"$expr": "1 +"}}}, "params.a.$expr: "),
    ({"cron": "* * * * *", "params": {"a": {"$expr": "1", "b": 2}}}, "params.a: the key '$expr' begins with '$'"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "message"), WRONG)
def test_one_mistake_is_one_line_with_its_path(document: object, message: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        Schedule.read("x", document)
    assert str(caught.value).startswith(f"schedule 'x': {message}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Schedule("0 2 * * *"), "a str is not what a schedule can be made of (give Cron, Every, At, RRule or NthDay"),
        (lambda: Schedule(OnDays(Cron("0 2 * * *"), Calendar(weekdays="mon"))), "a OnDays is not what"),
        (lambda: Schedule(Every("5m"), start=datetime(2027, 1, 1)), "start: it has no time zone"),
        (lambda: Schedule(Every("5m"), start=NEW_YEAR, end=NEW_YEAR), "end: the end"),
        (lambda: Schedule(Every("5m"), grace="soon"), "grace: cannot read 'soon'"),
        (lambda: Schedule(Every("5m"), params={"a": float("nan")}), "params: not JSON"),
        (lambda: Schedule(Every("5m"), name="a b"), "name: 'a b' is not a good name"),
    ],
)  # fmt: skip
def test_python_is_told_the_same(make, message: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        make()
    assert message in str(caught.value)


DOCUMENT = """\
name: nightly
params:
  type: object
  properties: {day: {type: string, format: date}, limit: {type: integer, maximum: 9, default: 3}}
  required: [day]
produces: [sales]
schedules:
  nightly: {cron: H 2 * * *, tz: Europe/Paris, params: {day: {$expr: string(planned)}}, days: business}
  once: {at: 2027-01-01T09:00, tz: Europe/Paris, params: {day: "2027-01-01", limit: {$expr: "1 + 1"}}}
jobs:
  extract: {task: shop.extract}
"""


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_a_workflows_document_holds_them_and_comes_back(form: str) -> None:
    definition = load(DOCUMENT)
    assert definition.produces == ("sales",)
    assert list(definition.schedules) == ["nightly", "once"]
    assert load(dump(definition, form)) == definition
    again = Workflow.from_definition(definition)
    assert again.schedules["nightly"].days == Calendar(calendar="business")
    assert again.definition().schedules == definition.schedules
    jsonschema.validate(
        to_document(Workflow.from_definition(definition).definition())["schedules"],
        schema()["properties"]["schedules"] | {"$defs": schema()["$defs"]},
    )


def test_they_are_no_part_of_the_plan_but_what_it_produces_is() -> None:
    bare, timed, producing = a_workflow(), a_workflow(), a_workflow(produces=["sales"])
    timed.schedule(Every("5m"), params={"day": "x"})
    assert bare.compile().digest == timed.compile().digest != producing.compile().digest
    back = decompile(compile_plan(producing.definition()))
    assert (back.produces, back.schedules) == (("sales",), {})


def test_a_workflow_in_python_takes_timings_and_schedules() -> None:
    made = a_workflow()
    default = made.schedule(Cron("0 2 * * *"), params={"day": "x"}, overlap="skip")
    often = made.schedule(Schedule(Every("5m"), name="often", params={"day": "y"}))
    assert (default.name, default.overlap) == ("default", "skip")
    assert dict(made.schedules) == {"default": default, "often": often}
    assert Workflow.from_definition(made.definition()).schedules == made.schedules
    with pytest.raises(DefinitionError, match="there is already a schedule 'often'"):
        made.schedule(Every("6m"), name="often", params={"day": "y"})
    with pytest.raises(DefinitionError, match=r"has its fields already \(overlap\)"):
        made.schedule(often, overlap="skip")


def test_the_decorator_takes_them_along() -> None:
    @workflow(params=Params, produces=["sales"], schedules=[Schedule(Cron("0 2 * * *"), params={"day": "x"})])
    def daily(made, params) -> None:
        made.job("extract", extract.s(day=params.day))

    assert (list(daily.schedules), daily.definition().produces) == (["default"], ("sales",))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "params.day: is missing"),
        ({"day": "x", "limt": 3}, "params.limt: there is no such parameter (did you mean 'limit'?)"),
        ({"day": "x", "limit": "many"}, "params.limit: 'many' is not of type 'integer'"),
        ({"day": {"$literal": {"$expr": "x"}}}, "params.day: {'$expr': 'x'} is not of type 'string'"),
        ({"limit": {"$expr": "1"}}, "params.day: is missing"),
    ],
)
def test_parameters_must_fit_as_far_as_they_are_known(params: dict[str, object], message: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        a_workflow().schedule(Every("5m"), params=params)
    assert str(caught.value) == f"workflow 'nightly', schedule 'default': {message}"
    with pytest.raises(DefinitionError, match="the workflow has no parameters"):
        Workflow("plain").schedule(Every("5m"), params={"day": 1})


def test_what_holds_an_expression_is_checked_around_it() -> None:
    class Deep(BaseModel):
        days: list[str]
        limits: dict[str, int]

    made = Workflow("deep", params=Deep)
    made.schedule(Every("5m"), params={"days": ["x", {"$expr": "string(planned)"}], "limits": {"$expr": "{}"}})
    with pytest.raises(DefinitionError, match=r"params\.days\[0\]: 1 is not of type 'string'"):
        made.schedule(Every("5m"), name="b", params={"days": [1, {"$expr": "string(planned)"}], "limits": {}})


def test_mistakes_in_a_document_have_places_and_come_all_at_once() -> None:
    text = DOCUMENT.replace(
        "jobs:",
        "  bad: {cron: 0 0 30 2 *, params: {limit: 10}}\n  worse: {every: 5m, params: {day: x}, jiter: 5m}\njobs:",
    )
    with pytest.raises(DocumentError) as caught:
        load(text, "f.yaml")
    assert str(caught.value).splitlines()[1:] == [
        "  f.yaml:10:15: schedules.bad.cron: cannot use the cron expression '0 0 30 2 *': it never matches: no month in it has such a day (see the day and month fields)",
        "  f.yaml:10:35: schedules.bad.params.day: is missing",
        "  f.yaml:10:43: schedules.bad.params.limit: 10 is greater than the maximum of 9",
        "  f.yaml:11:36: schedules.worse.params.day: 'x' is not a 'date'",
        "  f.yaml:11:40: schedules.worse.jiter: there is no such field (did you mean 'jitter'?)",
    ]
    with pytest.raises(DocumentError, match=r"^f.yaml:2:12: schedules: should be a valid dictionary"):
        load("name: x\nschedules: [a]\njobs: {a: {task: t}}", "f.yaml")
