"""What starts runs, for threads and processes: `client.schedules`, `client.triggers` and `client.calendars`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from orchestrator.client import backfills, calendars, schedules, triggers
from orchestrator.client.infos import Backfill, CalendarInfo, NextStart, ScheduleInfo, TriggerInfo
from orchestrator.starters.schedule import Schedule
from orchestrator.starters.trigger import Trigger
from orchestrator.state.reads.starters import Past
from orchestrator.timing.calendars import Calendar

if TYPE_CHECKING:
    from orchestrator.client.base import AnyWorkflow
    from orchestrator.client.sync import Client, Run


class Schedules:
    """The schedules of stored workflows. An id is `workflow/name`; one that is not there is a `NotFound`."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._keys = client.keys

    def put(self, workflow: AnyWorkflow, schedule: Schedule, *, generation: int | None = None) -> ScheduleInfo:
        """Create or change a schedule; a workflow that is given whole is stored with it.

        It holds at once: the next run is the first that the schedule plans from now on. One that is paused stays so.
        With `generation`, of the `ScheduleInfo` that was looked at (0 for none), it is a `Conflict` if anybody else has
        changed the schedule since. Parameters that the workflow does not take, and a schedule that never runs, are a
        `DefinitionError`; an unknown workflow or calendar is a `NotFound`.
        """
        return self._client._drive(schedules.put(self._keys, workflow, schedule, generation, self._client.route_of))

    def get(self, schedule: str) -> ScheduleInfo:
        """Return what is known of a schedule."""
        return self._client._drive(schedules.get(self._keys, schedule))

    def all(self, workflow: str | None = None) -> list[ScheduleInfo]:
        """Return all schedules, or those of a workflow, in the order of their ids."""
        return self._client._drive(schedules.every(self._keys, workflow))

    def next(self, count: int = 50, of: str | None = None) -> list[NextStart]:
        """Return the next runs of all schedules together (or of a workflow, or one), in the order in which they start.

        Those are the runs that start if nothing is edited: only what overlap policies will make of them cannot be
        foreseen.
        """
        return self._client._drive(schedules.next_starts(self._keys, count, of))

    def preview(self, workflow: str, schedule: Schedule, count: int = 5) -> list[NextStart]:
        """Return the first runs that a schedule would start. It is checked as by `put`; nothing is stored."""
        return self._client._drive(schedules.preview(self._keys, workflow, schedule, count))

    def past(self, schedule: str) -> list[Past]:
        """Return what became of its planned times, the oldest first: of the last 1,000."""
        return self._client._drive(schedules.past(self._keys, schedules.KIND, schedule))

    def pause(self, schedule: str) -> None:
        """Let it start nothing until it is resumed. What waits for room waits on, and runs go on."""
        self._client._drive(schedules.pause(self._keys, schedules.KIND, schedule))

    def resume(self, schedule: str, *, catch_up: bool = False) -> None:
        """Let it go on, from now; with `catch_up` from the pause: its misfire policy decides about the times since."""
        self._client._drive(schedules.resume(self._keys, schedules.KIND, schedule, catch_up))

    def delete(self, schedule: str) -> None:
        """Delete it, with its past, what waits and its backfills. Runs go on."""
        self._client._drive(schedules.delete(self._keys, schedules.KIND, schedule))

    def trigger(self, schedule: str, params: Mapping[str, Any] | None = None, **more: Any) -> Run:
        """Start a run with its parameters now, paused or not; those that are given here come before its own.

        The run's logical date is now. It is beside the schedule: overlap policies do not count it.
        """
        return self._client._run(
            self._client._drive(schedules.trigger(self._keys, schedule, {**(params or {}), **more}))
        )

    def backfill(
        self,
        schedule: str,
        start: datetime | date,
        end: datetime | date,
        *,
        parallel: int = 1,
        order: backfills.Order = "oldest",
        only: backfills.Only | None = None,
        priority: str | None = "low",
        dry_run: bool = False,
    ) -> Backfill:
        """Let the schedule's planned times in [start, end) make runs, `parallel` of them at a time.

        Moments without an offset are local time of the schedule's zone. Times that are still to come are left to the
        schedule. `only` takes those that made no run (`missing`) or whose run ended badly (`failed`); it knows the
        last 1,000. The runs are of the class `priority` (None: the schedule's own), by default the lowest, so that
        live runs do not wait for them. `dry_run` returns the planned times and stores nothing; where there are none,
        nothing is stored either, and the id is None.
        """
        return self._client._drive(
            backfills.backfill(
                self._keys, schedule, start, end, parallel=parallel, order=order, only=only, priority=priority,
                dry_run=dry_run,
            )
        )  # fmt: skip

    def backfills(self, schedule: str | None = None) -> list[Backfill]:
        """Return how far all backfills are, or those of a schedule, the newest first."""
        return self._client._drive(backfills.every(self._keys, schedule))

    def get_backfill(self, backfill: str) -> Backfill:
        """Return how far a backfill is."""
        return self._client._drive(backfills.get(self._keys, backfill))

    def cancel_backfill(self, backfill: str) -> Backfill:
        """Let what waits of it make no run any more. Its runs go on."""
        return self._client._drive(backfills.cancel(self._keys, backfill))


class Triggers:
    """The triggers of stored workflows. An id is `workflow/name`; one that is not there is a `NotFound`."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._keys = client.keys

    def put(self, workflow: AnyWorkflow, trigger: Trigger, *, generation: int | None = None) -> TriggerInfo:
        """Create or change a trigger; a webhook keeps its token. Otherwise as `Schedules.put`."""
        return self._client._drive(triggers.put(self._keys, workflow, trigger, generation, self._client.route_of))

    def get(self, trigger: str) -> TriggerInfo:
        """Return what is known of a trigger."""
        return self._client._drive(triggers.get(self._keys, trigger))

    def all(self, workflow: str | None = None) -> list[TriggerInfo]:
        """Return all triggers, or those of a workflow, in the order of their ids."""
        return self._client._drive(triggers.every(self._keys, workflow))

    def past(self, trigger: str) -> list[Past]:
        """Return what became of its deliveries, the oldest first: of the last 1,000."""
        return self._client._drive(schedules.past(self._keys, triggers.KIND, trigger))

    def pause(self, trigger: str) -> None:
        """Let it start nothing until it is resumed: events that come meanwhile are not for it, what waits is kept."""
        self._client._drive(schedules.pause(self._keys, triggers.KIND, trigger))

    def resume(self, trigger: str) -> None:
        """Let it go on."""
        self._client._drive(schedules.resume(self._keys, triggers.KIND, trigger))

    def delete(self, trigger: str) -> None:
        """Delete it, with its past and what waits. Runs go on."""
        self._client._drive(schedules.delete(self._keys, triggers.KIND, trigger))


class Calendars:
    """The calendars that schedules name."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._keys = client.keys

    def put(self, name: str, calendar: Calendar) -> CalendarInfo:
        """Create or change a calendar; the schedules that use it are planned anew from now on, in the same step."""
        return self._client._drive(calendars.put(self._keys, name, calendar))

    def get(self, name: str) -> CalendarInfo:
        """Return a calendar, with the schedules that use it; `NotFound` where there is none."""
        return self._client._drive(calendars.get(self._keys, name))

    def all(self) -> list[CalendarInfo]:
        """Return all calendars, in the order of their names."""
        return self._client._drive(calendars.every(self._keys))

    def resolve(self, calendar: Calendar) -> Calendar:
        """Return a calendar with those that it names put in place, so that it can be asked for its days."""
        return self._client._drive(calendars.resolved(self._keys, calendar))

    def delete(self, name: str) -> None:
        """Delete a calendar; a `Conflict` names the schedules and calendars that use it."""
        self._client._drive(calendars.delete(self._keys, name))
