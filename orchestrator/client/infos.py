"""What is known of schedules, triggers, backfills, calendars and deliveries: plain values, as read from the store.

Times are milliseconds since 1970 by the clock of Redis; None where there is none. `to_json` gives what `--json` prints.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.model import shapes
from orchestrator.model.ids import is_run_id
from orchestrator.model.run import iso
from orchestrator.model.states import RunState
from orchestrator.starters.schedule import Schedule
from orchestrator.starters.trigger import Trigger
from orchestrator.state.reads.starters import DeliveryRecord, Load, StarterRecord
from orchestrator.timing.calendars import Calendar


@dataclass(frozen=True, slots=True)
class _StarterInfo:
    """What schedules and triggers have in common."""

    id: str
    """`workflow/name`."""
    workflow: str
    generation: int
    """Raised by each edit: an edit that passes it is refused where somebody else was first."""
    state: str
    paused_ms: int | None
    running: int
    waiting: int
    """Planned times or deliveries that wait for their runs."""
    ended: Mapping[RunState, int]
    """How many of its runs have ended in each state."""
    managed_by: str
    """`code` if whoever registers the workflow keeps it, `files` if it was applied from files, else empty."""

    def _common(self) -> shapes.Starter:
        return {
            "id": self.id, "workflow": self.workflow, "state": self.state, "paused": iso(self.paused_ms),
            "running": self.running, "waiting": self.waiting,
            "ended": {state.name: number for state, number in self.ended.items()},
            "origin": self.managed_by or None, "generation": self.generation,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class ScheduleInfo(_StarterInfo):
    """One schedule. `state` is active, paused, disabled (by its definition), or over (no planned time is left)."""

    schedule: Schedule
    next_ms: int | None
    """Its next planned time."""
    starts_ms: int | None
    """When the run of that starts: later by its jitter."""
    blocked: bool
    """Whether it starts nothing because each run depends on the one before, and the last did not succeed."""

    @property
    def description(self) -> str:
        """Say in words when it runs, as it stands after "Runs …"."""
        return self.schedule.describe(self.id)

    def to_json(self) -> shapes.Schedule:
        """Return its shape."""
        return {
            **self._common(), "next": iso(self.next_ms), "starts": iso(self.starts_ms),
            "blocked": self.blocked, "description": self.description, "definition": self.schedule.document(),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class TriggerInfo(_StarterInfo):
    """One trigger. `state` is active, paused, or disabled (by its definition)."""

    trigger: Trigger
    token: str
    """Of a webhook: it is reached at /hooks/TOKEN."""

    @property
    def hook(self) -> str | None:
        """Return the path at which a webhook is reached."""
        return f"/hooks/{self.token}" if self.token else None

    def to_json(self) -> shapes.Trigger:
        """Return its shape."""
        document = self.trigger.document()
        return {**self._common(), "source": self.trigger.source_kind, "hook": self.hook, "definition": document}


@dataclass(frozen=True, slots=True)
class NextStart:
    """A run that is to come."""

    starts_ms: int
    schedule: str
    workflow: str
    planned_ms: int
    zone: str

    def to_json(self) -> shapes.NextStart:
        """Return its shape."""
        return {
            "starts": iso(self.starts_ms), "planned": iso(self.planned_ms), "schedule": self.schedule,
            "workflow": self.workflow, "tz": self.zone,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Backfill:
    """Runs of a schedule's planned times in a range, `count` of them. `id` is None where nothing was stored."""

    id: str | None
    schedule: str
    workflow: str
    start_ms: int
    end_ms: int
    count: int
    parallel: int
    order: str
    only: str | None
    priority: str | None
    planned: tuple[int, ...] = ()
    """The planned times, in the order in which they start; only where it has just been made."""
    waiting: int = 0
    running: int = 0
    cleared: int = 0
    """How many were let go when it was cancelled."""
    ended: Mapping[RunState, int] | None = None
    created_ms: int | None = None

    @property
    def over(self) -> int:
        """Return how many of its planned times are done with, whatever the end."""
        return self.count - self.waiting - self.running

    @property
    def state(self) -> str:
        """Return where it stands: running, cancelled or over."""
        if self.waiting or self.running:
            return "running"
        return "cancelled" if self.cleared else "over"

    @property
    def failed(self) -> int:
        """Return how many runs ended otherwise than well, or could not be made."""
        return self.over - self.cleared - (self.ended or {}).get(RunState.succeeded, 0)

    def to_json(self) -> shapes.Backfill | shapes.BackfillMade:
        """Return its shape."""
        said: shapes.BackfillRange = {
            "id": self.id, "schedule": self.schedule, "workflow": self.workflow, "start": iso(self.start_ms),
            "end": iso(self.end_ms), "count": self.count, "parallel": self.parallel, "order": self.order,
            "only": self.only, "priority": self.priority,
        }  # fmt: skip
        if self.planned or self.ended is None:
            return {**said, "planned": [iso(ms) for ms in self.planned]}
        ended = {state.name: number for state, number in self.ended.items()}
        return {
            **said, "state": self.state, "waiting": self.waiting, "running": self.running, "over": self.over,
            "failed": self.failed, "cancelled": self.cleared, "ended": ended, "created": iso(self.created_ms),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class CalendarInfo:
    """One stored calendar, and the schedules that use it."""

    name: str
    calendar: Calendar
    used_by: tuple[str, ...]

    def to_json(self) -> shapes.Calendar:
        """Return its shape."""
        return {"name": self.name, "definition": self.calendar.document(), "used_by": list(self.used_by)}


@dataclass(frozen=True, slots=True)
class Emitted:
    """An event that is kept under its id. A `duplicate` came before, and has changed nothing."""

    id: str
    duplicate: bool

    def to_json(self) -> shapes.Emitted:
        """Return its shape."""
        return {"id": self.id, "duplicate": self.duplicate}


@dataclass(frozen=True, slots=True)
class Delivery:
    """Something that happened outside. `outcomes` is what became of it at each trigger: a run's id, or words."""

    id: str
    topic: str
    source: str
    at_ms: int
    payload: Any
    outcomes: Mapping[str, str]

    @property
    def runs(self) -> tuple[str, ...]:
        """Return the runs that it started."""
        return tuple(outcome for outcome in self.outcomes.values() if is_run_id(outcome))

    def to_json(self) -> shapes.Event:
        """Return its shape."""
        return {
            "id": self.id, "topic": self.topic, "source": self.source, "time": iso(self.at_ms),
            "payload": self.payload, "outcomes": dict(self.outcomes), "runs": list(self.runs),
        }  # fmt: skip


def schedule_info(record: StarterRecord, load: Load) -> ScheduleInfo:
    """Return what is known of a schedule."""
    schedule = Schedule.read(record.id.partition("/")[2], json.loads(record.spec))
    state = "paused" if record.paused_ms else "disabled" if not schedule.enabled else "active"
    if state == "active" and record.next is None:
        state = "over"
    blocked = schedule.depends_on_past and record.last_end not in (None, RunState.succeeded)
    return ScheduleInfo(
        record.id, record.workflow, record.generation, state, record.paused_ms, load.living, load.waiting, record.ended,
        record.managed_by, schedule, record.next, record.due, blocked,
    )  # fmt: skip


def trigger_info(record: StarterRecord, load: Load) -> TriggerInfo:
    """Return what is known of a trigger."""
    trigger = Trigger.read(record.id.partition("/")[2], json.loads(record.spec))
    state = "paused" if record.paused_ms else "active" if trigger.enabled else "disabled"
    return TriggerInfo(
        record.id, record.workflow, record.generation, state, record.paused_ms, load.living, load.waiting, record.ended,
        record.managed_by, trigger, record.token,
    )  # fmt: skip


def backfill_info(record: StarterRecord, load: Load) -> Backfill:
    """Return how far a backfill is."""
    about = json.loads(record.about)
    return Backfill(
        record.id, record.log, record.workflow, **about,
        waiting=load.waiting, running=load.living, cleared=record.cleared, ended=record.ended,
        created_ms=record.created_ms,
    )  # fmt: skip


def delivery_info(record: DeliveryRecord) -> Delivery:
    """Return what is known of a delivery."""
    return Delivery(record.id, record.topic, record.source, record.at_ms, json.loads(record.body), record.outcomes)
