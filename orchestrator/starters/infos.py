"""What is known of stored schedules, triggers and calendars, and how people see it.

Times are milliseconds since 1970 by the clock of Redis; None where there is none. `to_json` gives the shape of
`--json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.model import shapes
from orchestrator.model.run import iso
from orchestrator.model.states import RunState
from orchestrator.starters.schedule import Schedule
from orchestrator.starters.trigger import Trigger
from orchestrator.timing.calendars import Calendar


@dataclass(frozen=True, slots=True)
class StarterInfo:
    """What schedules and triggers have in common."""

    id: str
    """`workflow/name`."""
    workflow: str
    generation: int
    """The number of the last edit. An edit that passes it is refused if somebody else has edited since."""
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
class ScheduleInfo(StarterInfo):
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
class TriggerInfo(StarterInfo):
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
class HookInfo:
    """The trigger of a webhook."""

    id: str
    """`workflow/name`."""
    workflow: str
    trigger: Trigger
    paused: bool


@dataclass(frozen=True, slots=True)
class CalendarInfo:
    """One stored calendar, and the schedules that use it."""

    name: str
    calendar: Calendar
    used_by: tuple[str, ...]

    def to_json(self) -> shapes.Calendar:
        """Return its shape."""
        return {"name": self.name, "definition": self.calendar.document(), "used_by": list(self.used_by)}
