"""What starts runs: schedules, backfills, triggers, calendars, events."""

from typing import Annotated, Any, Literal, TypedDict

from orchestrator.model.shapes.values import CalendarDocument, ScheduleDocument, Time, TriggerDocument


class Starter(TypedDict):
    """The fields that schedules and triggers have in common."""

    id: Annotated[str, "`workflow/name`."]
    workflow: str
    state: Annotated[str, "active, paused, disabled (by its definition), or over: no planned time is left."]
    paused: Annotated[Time | None, "Since when it is paused."]
    running: Annotated[int, "How many of its runs go on."]
    waiting: Annotated[int, "How many planned times or deliveries wait for their runs."]
    ended: Annotated[dict[str, int], "How many of its runs have ended in each state."]
    origin: Annotated[str | None, "Who manages it: `code` (whoever registers the workflow), `files`, or null: people."]
    generation: Annotated[int, "Raised by each edit."]


class NextStart(TypedDict):
    """A run that is to come."""

    starts: Time
    planned: Annotated[Time, "The planned time that it is of."]
    schedule: Annotated[str, "The id of its schedule."]
    workflow: str
    tz: Annotated[str, "The time zone of the schedule."]


class Occasion(TypedDict):
    """What became of a planned time or a delivery."""

    time: Annotated[Time, "The planned time, or when the delivery came."]
    what: Annotated[str, "run, missed, skipped or failed."]
    run: Annotated[str | None, "The id of its run."]
    state: Annotated[str | None, "How the run ended; null while it goes on."]
    detail: Annotated[str | None, "Why there is no run; of missed times how many, and the ms of the first."]


class Schedule(Starter):
    """What starts runs by time."""

    next: Annotated[Time | None, "Its next planned time."]
    starts: Annotated[Time | None, "When the run of the next planned time starts: later by its jitter."]
    blocked: Annotated[bool, "Whether it starts nothing because the run before did not succeed."]
    description: Annotated[str, "When it runs, in words."]
    definition: ScheduleDocument


class ScheduleWithNext(Schedule):
    """A schedule and its next runs."""

    coming: list[NextStart]


class ScheduleWithPast(ScheduleWithNext):
    """A schedule, its next runs, and what became of its last planned times."""

    past: list[Occasion]


class ScheduleTried(TypedDict):
    """What `set --dry-run` would store."""

    id: str
    dry_run: Literal[True]
    description: Annotated[str, "When it would run, in words."]
    definition: ScheduleDocument
    coming: list[NextStart]


class SimulatedTime(TypedDict):
    """What became of a planned time in a simulation."""

    schedule: str
    planned: Annotated[Time, "The planned time; of several missed ones the last."]
    what: Literal["run", "missed", "skipped", "waits"]
    started: Time | None
    ended: Time | None
    state: Annotated[str | None, "How its run ended."]
    count: Annotated[int, "How many missed times this stands for, else 1."]
    first: Annotated[Time | None, "The first of several missed times."]


class SimulatedSchedule(TypedDict):
    """The totals of a schedule in a simulation."""

    schedule: str
    runs: int
    missed: int
    skipped: int
    waiting: Annotated[int, "Planned times that have had no room until the end."]
    longest_queue: Annotated[int, "The most planned times that waited at once."]


class Simulation(TypedDict):
    """What schedules in files would do."""

    entries: list[SimulatedTime]
    schedules: list[SimulatedSchedule]


class BackfillRange(TypedDict):
    """The fields that a backfill has from its start."""

    id: Annotated[str | None, "Null where nothing is stored."]
    schedule: str
    workflow: str
    start: Time
    end: Annotated[Time, "The first moment that is not in its range."]
    count: Annotated[int, "How many planned times it has."]
    parallel: Annotated[int, "How many of its runs go on at a time."]
    order: Annotated[str, "`oldest` or `newest`: which planned times start first."]
    only: Annotated[str | None, "`missing` or `failed` where only such planned times were taken."]
    priority: str | None


class BackfillMade(BackfillRange):
    """A backfill that was just made, or tried."""

    planned: Annotated[list[Time], "The planned times, in the order in which they start."]


class Backfill(BackfillRange):
    """A backfill and how far it is."""

    state: Annotated[str, "running, cancelled or over."]
    waiting: Annotated[int, "Planned times that have no run yet."]
    running: int
    over: Annotated[int, "Planned times that are done with."]
    failed: Annotated[int, "Runs that did not succeed, or could not be made."]
    cancelled: Annotated[int, "Planned times that were dropped when it was cancelled."]
    ended: Annotated[dict[str, int], "How many of its runs have ended in each state."]
    created: Time | None


class Trigger(Starter):
    """What starts runs by events."""

    source: Annotated[str, "Where its events come from."]
    hook: Annotated[str | None, "The path of a webhook."]
    definition: TriggerDocument


class TriggerWithPast(Trigger):
    """A trigger and what became of its last deliveries."""

    past: list[Occasion]


class Calendar(TypedDict):
    """A named set of days."""

    name: str
    definition: CalendarDocument
    used_by: Annotated[list[str], "The schedules that use it."]


class Emitted(TypedDict):
    """An event that was emitted."""

    id: Annotated[str, "The id of its delivery."]
    duplicate: Annotated[bool, "Whether it came before, and has changed nothing."]


class Event(TypedDict):
    """Something that happened outside."""

    id: str
    topic: str
    source: Annotated[str, "Who told of it."]
    time: Annotated[Time, "When it came."]
    payload: Any
    outcomes: Annotated[dict[str, str], "By trigger: the id of the run that it started, or words."]
    runs: Annotated[list[str], "The ids of the runs that it started."]


class Deleted(TypedDict):
    """A schedule or trigger that was deleted."""

    id: str
    deleted: Literal[True]


class DeletedCalendar(TypedDict):
    """A calendar that was deleted."""

    name: str
    deleted: Literal[True]
