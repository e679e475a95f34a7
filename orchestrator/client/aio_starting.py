"""The same as `starting`, for asyncio, and what the end of the webhooks asks for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from orchestrator.client import backfills, calendars, events, schedules, triggers
from orchestrator.client.events import Hook, Taken
from orchestrator.client.infos import Backfill, CalendarInfo, NextStart, ScheduleInfo, TriggerInfo
from orchestrator.starters.schedule import Schedule
from orchestrator.starters.trigger import Trigger
from orchestrator.state.reads.starters import Past
from orchestrator.timing.calendars import Calendar

if TYPE_CHECKING:
    from orchestrator.client.aio import AsyncClient, AsyncRun
    from orchestrator.client.base import AnyWorkflow


class AsyncSchedules:
    """See `Schedules`."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._keys = client.keys

    async def put(self, workflow: AnyWorkflow, schedule: Schedule, *, generation: int | None = None) -> ScheduleInfo:
        """Create or change a schedule."""
        return await self._client._drive(
            schedules.put(self._keys, workflow, schedule, generation, self._client.route_of)
        )

    async def get(self, schedule: str) -> ScheduleInfo:
        """Return what is known of a schedule."""
        return await self._client._drive(schedules.get(self._keys, schedule))

    async def all(self, workflow: str | None = None) -> list[ScheduleInfo]:
        """Return all schedules, or those of a workflow, in the order of their ids."""
        return await self._client._drive(schedules.every(self._keys, workflow))

    async def next(self, count: int = 50, of: str | None = None) -> list[NextStart]:
        """Return the next runs of all schedules together (or of a workflow\'s), in the order in which they start."""
        return await self._client._drive(schedules.next_starts(self._keys, count, of))

    async def preview(self, workflow: str, schedule: Schedule, count: int = 5) -> list[NextStart]:
        """Return the first runs that a schedule would start. It is checked as by `put`; nothing is stored."""
        return await self._client._drive(schedules.preview(self._keys, workflow, schedule, count))

    async def past(self, schedule: str) -> list[Past]:
        """Return what became of its planned times, the oldest first: of the last 1,000."""
        return await self._client._drive(schedules.past(self._keys, schedules.KIND, schedule))

    async def pause(self, schedule: str) -> None:
        """Let it start nothing until it is resumed. What waits for room waits on, and runs go on."""
        await self._client._drive(schedules.pause(self._keys, schedules.KIND, schedule))

    async def resume(self, schedule: str, *, catch_up: bool = False) -> None:
        """Let it go on, from now; with `catch_up` from the pause: its misfire policy decides about the times since."""
        await self._client._drive(schedules.resume(self._keys, schedules.KIND, schedule, catch_up))

    async def delete(self, schedule: str) -> None:
        """Delete it, with its past, what waits and its backfills. Runs go on."""
        await self._client._drive(schedules.delete(self._keys, schedules.KIND, schedule))

    async def trigger(self, schedule: str, params: Mapping[str, Any] | None = None, **more: Any) -> AsyncRun:
        """Start a run with its parameters now, paused or not."""
        return self._client._run(
            await self._client._drive(schedules.trigger(self._keys, schedule, {**(params or {}), **more}))
        )

    async def backfill(
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
        """Let the schedule\'s planned times in [start, end) make runs, `parallel` of them at a time."""
        return await self._client._drive(
            backfills.backfill(
                self._keys, schedule, start, end, parallel=parallel, order=order, only=only, priority=priority,
                dry_run=dry_run,
            )
        )  # fmt: skip

    async def backfills(self, schedule: str | None = None) -> list[Backfill]:
        """Return how far all backfills are, or those of a schedule, the newest first."""
        return await self._client._drive(backfills.every(self._keys, schedule))

    async def get_backfill(self, backfill: str) -> Backfill:
        """Return how far a backfill is."""
        return await self._client._drive(backfills.get(self._keys, backfill))

    async def cancel_backfill(self, backfill: str) -> Backfill:
        """Let what waits of it make no run any more. Its runs go on."""
        return await self._client._drive(backfills.cancel(self._keys, backfill))


class AsyncTriggers:
    """See `Triggers`."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._keys = client.keys

    async def put(self, workflow: AnyWorkflow, trigger: Trigger, *, generation: int | None = None) -> TriggerInfo:
        """Create or change a trigger; a webhook keeps its token. Otherwise as `Schedules.put`."""
        return await self._client._drive(triggers.put(self._keys, workflow, trigger, generation, self._client.route_of))

    async def get(self, trigger: str) -> TriggerInfo:
        """Return what is known of a trigger."""
        return await self._client._drive(triggers.get(self._keys, trigger))

    async def all(self, workflow: str | None = None) -> list[TriggerInfo]:
        """Return all triggers, or those of a workflow, in the order of their ids."""
        return await self._client._drive(triggers.every(self._keys, workflow))

    async def past(self, trigger: str) -> list[Past]:
        """Return what became of its deliveries, the oldest first: of the last 1,000."""
        return await self._client._drive(schedules.past(self._keys, triggers.KIND, trigger))

    async def pause(self, trigger: str) -> None:
        """Let it start nothing until it is resumed: events that come meanwhile are not for it, what waits is kept."""
        await self._client._drive(schedules.pause(self._keys, triggers.KIND, trigger))

    async def resume(self, trigger: str) -> None:
        """Let it go on."""
        await self._client._drive(schedules.resume(self._keys, triggers.KIND, trigger))

    async def delete(self, trigger: str) -> None:
        """Delete it, with its past and what waits. Runs go on."""
        await self._client._drive(schedules.delete(self._keys, triggers.KIND, trigger))


class AsyncCalendars:
    """See `Calendars`."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._keys = client.keys

    async def put(self, name: str, calendar: Calendar) -> CalendarInfo:
        """Create or change a calendar; the schedules that use it are planned anew from now on, in the same step."""
        return await self._client._drive(calendars.put(self._keys, name, calendar))

    async def get(self, name: str) -> CalendarInfo:
        """Return a calendar, with the schedules that use it; `NotFound` where there is none."""
        return await self._client._drive(calendars.get(self._keys, name))

    async def all(self) -> list[CalendarInfo]:
        """Return all calendars, in the order of their names."""
        return await self._client._drive(calendars.every(self._keys))

    async def resolve(self, calendar: Calendar) -> Calendar:
        """Return a calendar with those that it names put in place, so that it can be asked for its days."""
        return await self._client._drive(calendars.resolved(self._keys, calendar))

    async def delete(self, name: str) -> None:
        """Delete a calendar; a `Conflict` names the schedules and calendars that use it."""
        await self._client._drive(calendars.delete(self._keys, name))


class AsyncHooks:
    """The webhooks, for the process that takes their messages: signatures are its affair, before all of this."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._keys = client.keys

    async def find(self, token: str) -> Hook | None:
        """Return the hook with a token, None where there is none."""
        return await self._client._drive(events.find_hook(self._keys, token))

    async def deliver(
        self, hook: Hook, delivery: str, payload: Any, headers: Mapping[str, str], received_ms: int
    ) -> Taken:
        """Keep a message that is genuine, once by its id; the time is that of Redis.

        A `ParameterError` (or `ExpressionError`) says why no run can be made of it: then nothing is stored.
        """
        return await self._client._drive(events.take(self._keys, self._client._ears, hook, delivery, payload, headers))
