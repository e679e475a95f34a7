"""Schedules: the times at which a workflow runs by itself, its parameters, and the rules for late and overlapping runs.

    Schedule(Cron("0 2 * * *", tz="Europe/Paris"), name="nightly", days="business", grace="6h")

In a document the fields of the timing stand beside the others, and a text alone is a cron expression:

    schedules:
      nightly: {cron: "0 2 * * *", tz: Europe/Paris, days: business, grace: 6h}
      hourly: "0 * * * *"
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, InstanceOf, ValidationError

from orchestrator.model.complaints import Complain, Complaint, Path, listing
from orchestrator.model.errors import DefinitionError
from orchestrator.model.workflow import Name, PriorityName, check_name
from orchestrator.starters.fields import (
    Days,
    Description,
    Flag,
    Interval,
    Length,
    LengthOrNothing,
    Moment,
    Moments,
    Overlap,
    Params,
    Plain,
    RunHours,
    ZoneName,
    check_params,
    complaints_of,
    read_or_raise,
    validate,
)
from orchestrator.timing.adjust import LONGEST_JITTER_MS, Between, Jittered
from orchestrator.timing.base import MILLISECOND, Rule, Timing, iso
from orchestrator.timing.calendars import Calendar
from orchestrator.timing.cron import Cron
from orchestrator.timing.days import OnDays, Otherwise
from orchestrator.timing.intervals import Every
from orchestrator.timing.nth_day import NthDay
from orchestrator.timing.once import At
from orchestrator.timing.rrule import RRule
from orchestrator.timing.windows import Hours, Waiting, WithinHours
from orchestrator.timing.zones import zone

Misfire = Literal["skip", "run_once", "run_all"]
"""What happens to planned times at which no scheduler ran."""
KINDS = ("cron", "every", "at", "rrule", "nth_day")
"""The fields for the timing. A document has exactly one of them."""
VARIABLES = ("planned", "interval_start", "interval_end", "schedule", "workflow")
"""The variables that expressions in params may use."""
BELONGS = {"anchor": "every", "align": "every", "time": "nth_day", "of": "nth_day", "hash_id": "cron"}
"""The fields that belong to one kind of timing, each with that kind."""


class Policies(Plain):
    """The fields of a schedule beside its timing."""

    params: Annotated[
        Params, Field(description='Parameters of its runs; {"$expr": "CEL"} is worked out when a run starts.')
    ] = {}  # noqa: RUF012 — pydantic copies it
    days: Annotated[Days | None, Field(description="The days on which it may run: a calendar, or its name.")] = None
    move: Annotated[Otherwise, Field(description="Where a time on another day goes.")] = "skip"
    hours: Annotated[RunHours | None, Field(description="Windows and blackouts.")] = None
    outside: Annotated[Waiting, Field(description="What a time outside of the hours does.")] = "skip"
    start: Annotated[Moment | None, Field(description="The first moment at which it may run.")] = None
    end: Annotated[Moment | None, Field(description="The first moment at which it may not run any more.")] = None
    jitter: Annotated[LengthOrNothing, Field(description="Runs start up to so much later, at most 24h.")] = timedelta()
    overlap: Annotated[Overlap, Field(description="What a run does while an earlier one goes on.")] = "allow"
    misfire: Annotated[Misfire, Field(description="What happens to times that were missed.")] = "run_once"
    grace: Annotated[Length | None, Field(description="How late a missed time may still run; always if unset.")] = None
    depends_on_past: Annotated[Flag, Field(description="Whether a run waits for the success of the one before.")] = (
        False
    )
    priority: Annotated[PriorityName | None, Field(description="The class of its runs, else the workflow's.")] = None
    enabled: Flag = True
    description: Description = ""


class ScheduleFields(Policies):
    """A schedule as plain data."""

    cron: Annotated[str | None, Field(description="A cron expression of 5 fields, 6 with seconds last.")] = None
    hash_id: Annotated[str | None, Field(description="What H is drawn from, else from the schedule's id.")] = None
    every: Annotated[Interval | None, Field(description="An interval.")] = None
    anchor: Annotated[Moment | None, Field(description="The first moment of the interval.")] = None
    align: Annotated[Literal["day"] | None, Field(description="Count the interval anew from each midnight.")] = None
    at: Annotated[Moments | None, Field(description="One-off times.")] = None
    rrule: Annotated[str | None, Field(description="A recurrence rule of iCalendar, with its DTSTART.")] = None
    nth_day: Annotated[
        int | None, Field(strict=True, description="Which day of the calendar in each month; -1 is the last.")
    ] = None
    of: Annotated[Days | None, Field(description="The calendar of nth_day, or its name.")] = None
    time: Annotated[str | None, Field(description="The time of day of nth_day.")] = None
    tz: Annotated[ZoneName | None, Field(description="The time zone, UTC if unset.")] = None


class Schedule(Policies):
    """Runs a workflow at the moments of a timing (Cron, Every, At, RRule, NthDay).

    `name` is unique in its workflow. `params` are the parameters of its runs. `{"$expr": "CEL"}` anywhere in them
    stands for a value that is evaluated when a run starts, from `planned`, `interval_start`, `interval_end`, `schedule`
    and `workflow`.

    Planned times: `days` (a Calendar, or the name of a stored one) restricts them to days; a time on another day is
    left out or moved (`move`: skip, next, previous). `hours` restricts them to windows; a time outside is left out or
    waits (`outside`: skip, wait). No planned time is before `start`, or at or after `end`. `jitter` (a length, at most
    24h) lets each run start later by a random length.

    Runs: `overlap` (allow, skip, queue_one, queue_all, cancel_old) decides about a run that would start while an
    earlier one is running. `misfire` (skip, run_once, run_all) decides about planned times that were missed; those that
    are more than `grace` old are dropped. With `depends_on_past` a run waits for the success of the run before.
    `priority` is the class of the runs.

    Lengths are seconds, a timedelta, or text such as `5m`. Raises DefinitionError.
    """

    timing: InstanceOf[Rule]
    name: Name

    def __init__(
        self,
        timing: Rule,
        *,
        name: str = "default",
        params: Mapping[str, Any] | None = None,
        days: Calendar | str | None = None,
        move: Otherwise = "skip",
        hours: Hours | None = None,
        outside: Waiting = "skip",
        start: datetime | None = None,
        end: datetime | None = None,
        jitter: float | timedelta | str = 0,
        overlap: Overlap = "allow",
        misfire: Misfire = "run_once",
        grace: float | timedelta | str | None = None,
        depends_on_past: bool = False,
        priority: PriorityName | None = None,
        enabled: bool = True,
        description: str = "",
    ) -> None:
        given = {key: value for key, value in locals().items() if key in type(self).model_fields}
        where = f"schedule {name!r}"
        if not isinstance(timing, Rule):
            remedy = "give Cron, Every, At, RRule or NthDay, and calendars, hours and bounds as fields of the schedule"
            what = f"a {type(timing).__name__} is not what a schedule can be made of"
            raise DefinitionError(what, where=where, remedy=remedy)
        given["params"] = dict(params or {})
        try:
            super().__init__(**given)
        except ValidationError as error:
            raise DefinitionError(listing(complaints_of(error, type(self))), where=where) from None
        complaints = _conflicts(self)
        if complaints:
            raise DefinitionError(listing(complaints), where=where)

    @classmethod
    def read(cls, name: str, document: Any) -> Schedule:
        """Make a schedule of plain data, or of a cron expression.

        Raises:
            DefinitionError: something is wrong. The error names every mistake.
        """
        return read_or_raise(read_schedule, name, document, f"schedule {name!r}")

    def document(self) -> dict[str, Any]:
        """Return it as plain data without its name and defaults. Times are in the zone of the timing."""
        document = self.timing.document()
        document |= self.model_dump(mode="json", exclude_defaults=True, exclude={"timing", "name", "start", "end"})
        for field, moment in (("start", self.start), ("end", self.end)):
            if moment is not None:
                document[field] = iso(moment, self.timing.zone_name)
        return document

    @property
    def jitter_ms(self) -> int:
        """Return the longest delay of its runs by jitter, in milliseconds."""
        return self.jitter // MILLISECOND

    @property
    def grace_ms(self) -> int | None:
        """Return how many milliseconds late a planned time may still run, None for any number."""
        return None if self.grace is None else self.grace // MILLISECOND

    def calendars(self) -> set[str]:
        """Return the names of the stored calendars that it uses."""
        names = self.timing.calendars()
        names |= self.days.names() if self.days else set()
        return names | (self.hours.calendars() if self.hours else set())

    def planned(self, schedule_id: str, calendars: Mapping[str, Calendar]) -> Timing:
        """Return the timing of its planned times, without jitter.

        The `H` of a cron expression is drawn from `schedule_id` (`workflow/name`). `calendars` are the stored calendars
        by name.

        Raises:
            DefinitionError: a calendar that it names is missing.
        """
        days = self.days.resolve(calendars) if self.days else None
        hours = self.hours.resolve(calendars) if self.hours else None
        return self._composed(self.timing.bound(schedule_id, calendars), days, hours)

    def describe(self, schedule_id: str | None = None) -> str:
        """Describe its times in words that follow "Runs …". With its id the drawn values of `H` are named too."""
        timing: Rule = self.timing
        if schedule_id is not None and isinstance(timing, Cron):
            timing = timing.bound(schedule_id, {})
        composed = self._composed(timing, self.days, self.hours)
        return (Jittered(composed, self.jitter_ms, "") if self.jitter else composed).describe()

    def _composed(self, timing: Timing, days: Calendar | None, hours: Hours | None) -> Timing:
        if days is not None:
            timing = OnDays(timing, days, self.move)
        if hours is not None:
            timing = WithinHours(timing, hours, self.outside)
        return timing if self.start is None and self.end is None else Between(timing, self.start, self.end)


def read_schedule(name: str, value: Any, complain: Complain, path: Path = ()) -> Schedule | None:
    """Make a schedule of plain data; or call `complain` with each mistake and its path, which begins with `path`."""
    complaints: list[Complaint] = []
    schedule = _read(name, value, complaints)
    for step, what in complaints:
        complain((*path, *step), what)
    return None if complaints else schedule


def _read(name: str, value: Any, complaints: list[Complaint]) -> Schedule | None:
    if isinstance(value, str):
        value = {"cron": value}
    if not isinstance(value, dict):
        complaints.append(Complaint((), f"a schedule is a mapping or a cron expression, not a {type(value).__name__}"))
        return None
    try:
        check_name(name)
    except ValueError as error:
        complaints.append(Complaint((), str(error)))
    kinds = [kind for kind in KINDS if value.get(kind) is not None]
    complaints += _timing_conflicts(kinds, value)
    fields = validate(ScheduleFields, value, complaints)
    if fields is None or complaints:
        return None
    try:
        timing = _timing(fields)
    except DefinitionError as error:
        complaints.append(Complaint((kinds[0],), str(error)))
        return None
    given: dict[str, Any] = {field: getattr(fields, field) for field in Policies.model_fields}
    for field in ("start", "end"):
        given[field] = _placed(given[field], timing.zone_name)
    schedule = Schedule.model_construct(timing=timing, name=name, **given)  # each field was read already
    complaints += _conflicts(schedule)
    return schedule


def _timing_conflicts(kinds: list[str], value: dict[str, Any]) -> Iterator[Complaint]:
    """Yield the complaints about a document whose timing is missing, or given by fields that do not go together."""
    if not kinds:
        yield Complaint((), f"it says no time: give one of {', '.join(KINDS)}")
    for kind in kinds[1:]:
        yield Complaint((kind,), f"it is {kinds[0]} already: a schedule has one of {', '.join(KINDS)}")
    if kinds == ["nth_day"] and value.get("of") is None:
        yield Complaint((), "nth_day counts the days of a calendar: name it in `of`")
    for field, kind in BELONGS.items():
        if value.get(field) is not None and kinds and kind not in kinds:
            yield Complaint((field,), f"it goes with {kind} only")
    if value.get("anchor") is not None and value.get("align") is not None:
        yield Complaint(("anchor",), "what is aligned to the day has no anchor")


def _timing(fields: ScheduleFields) -> Rule:
    tz = fields.tz or "UTC"
    if fields.cron is not None:
        return Cron(fields.cron, tz, fields.hash_id)
    if fields.every is not None:
        return Every(fields.every, _placed(fields.anchor, tz), fields.align, tz)
    if fields.at is not None:
        return At(*(moment if moment.tzinfo else moment.replace(tzinfo=zone(tz)) for moment in fields.at), tz=tz)
    if fields.rrule is not None:
        return RRule(fields.rrule, fields.tz)
    assert fields.of is not None
    assert fields.nth_day is not None
    return NthDay(fields.of, fields.nth_day, fields.time or "00:00", tz)


def _placed(moment: datetime | None, zone_name: str) -> datetime | None:
    """Read a moment without an offset as local time of a zone, and return it in UTC."""
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=zone(zone_name)).astimezone(UTC)


def _conflicts(policies: Policies) -> list[Complaint]:
    """Return the complaints about fields that are right alone, but not together."""
    complaints = check_params(policies.params, VARIABLES)
    bounds = {"start": policies.start, "end": policies.end}
    local = [name for name, moment in bounds.items() if moment is not None and moment.tzinfo is None]
    complaints += [Complaint((name,), "it has no time zone: give it an offset or a zone") for name in local]
    if not local and policies.start is not None and policies.end is not None and policies.end <= policies.start:
        what = f"the end {policies.end.isoformat()} is not after the start {policies.start.isoformat()}"
        complaints.append(Complaint(("end",), what))
    if policies.move != "skip" and policies.days is None:
        complaints.append(Complaint(("move",), "there is nothing to move to: it goes with days"))
    if policies.outside != "skip" and policies.hours is None:
        complaints.append(Complaint(("outside",), "there is nothing to wait for: it goes with hours"))
    if policies.depends_on_past and policies.overlap == "cancel_old":
        what = "it does not go with depends_on_past: what is cancelled has not succeeded, and nothing would follow it"
        complaints.append(Complaint(("overlap",), what))
    if policies.jitter // MILLISECOND > LONGEST_JITTER_MS:
        complaints.append(Complaint(("jitter",), "it is over 24 hours"))
    return complaints
