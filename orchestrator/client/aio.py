"""`AsyncClient` and `AsyncRun`, for asyncio. Written by docs/faces.py from the nouns of this room: `make docs`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from orchestrator.client.base import AsyncClientBase, AsyncFace, AsyncRunBase

if TYPE_CHECKING:
    from datetime import date, datetime

    from orchestrator.client.backfills import BackfillsSteps, Only, Order
    from orchestrator.client.calendars import CalendarsSteps
    from orchestrator.client.definitions import DefinitionsSteps
    from orchestrator.client.events import EventsSteps
    from orchestrator.client.hooks import HooksSteps
    from orchestrator.client.new_runs import ClientSteps
    from orchestrator.client.nodes import NodesSteps
    from orchestrator.client.queues import QueuesSteps
    from orchestrator.client.runs import RunsSteps
    from orchestrator.client.schedules import SchedulesSteps
    from orchestrator.client.session import AnyWorkflow
    from orchestrator.client.transitions import TransitionsSteps
    from orchestrator.client.triggers import TriggersSteps
    from orchestrator.client.workflows import WorkflowsSteps
    from orchestrator.definitions.desired import DesiredState
    from orchestrator.definitions.proposal import Proposal
    from orchestrator.definitions.revisions import Note, Revision
    from orchestrator.dsl.builder import Workflow
    from orchestrator.model.run import JobRun, NodeInfo, QueueInfo, Registered, RunInfo, TransitionInfo, WorkflowInfo
    from orchestrator.model.starts import BackfillInfo, DeliveryInfo, Emitted, HookDelivery, NextStart, PastOccasion
    from orchestrator.model.states import RunState
    from orchestrator.model.workflow import WorkflowDefinition
    from orchestrator.starters.infos import CalendarInfo, HookInfo, ScheduleInfo, TriggerInfo
    from orchestrator.starters.schedule import Schedule
    from orchestrator.starters.trigger import Trigger
    from orchestrator.timing.calendars import Calendar


class AsyncClient(AsyncClientBase):
    """Submits workflows; everything else is `client.<noun>.<verb>`.

    `app` is the user's Celery app, if there is one: it routes tasks that are known by their names only, and its broker
    carries the messages.
    """

    async def submit(
        self,
        workflow: AnyWorkflow,
        params: Mapping[str, Any] | None = None,
        *,
        priority: str | None = None,
        idempotency_key: str | None = None,
        **more: Any,
    ) -> AsyncRun:
        """Start a run of a workflow, or of a stored workflow by its name.

        Parameters are a mapping, keywords, or both. They are checked before anything is stored. The same
        `idempotency_key` again returns the same run.

        Raises:
            DefinitionError: the workflow cannot be run.
            ParameterError: the parameters, the priority or the key do not fit.
            NotFound: there is no workflow of that name.
            Conflict: the key belongs to a run of another workflow, or with other parameters.
        """
        return AsyncRun(
            self._port,
            await self._port.drive(
                self._steps.submit(workflow, params, priority=priority, idempotency_key=idempotency_key, **more)
            ),
        )

    @cached_property
    def _steps(self) -> ClientSteps:
        from orchestrator.client.new_runs import ClientSteps

        return ClientSteps(self._session)

    @cached_property
    def runs(self) -> AsyncRuns:
        """The runs, live and over."""
        from orchestrator.client.runs import RunsSteps

        return AsyncRuns(self._port, RunsSteps(self._session))

    @cached_property
    def workflows(self) -> AsyncWorkflows:
        """The stored workflows and their versions."""
        from orchestrator.client.workflows import WorkflowsSteps

        return AsyncWorkflows(self._port, WorkflowsSteps(self._session))

    @cached_property
    def schedules(self) -> AsyncSchedules:
        """The schedules of stored workflows. An id is `workflow/name`."""
        from orchestrator.client.schedules import SchedulesSteps

        return AsyncSchedules(self._port, SchedulesSteps(self._session))

    @cached_property
    def backfills(self) -> AsyncBackfills:
        """The backfills of schedules, runs of planned times in the past. An id is `workflow/schedule~n`."""
        from orchestrator.client.backfills import BackfillsSteps

        return AsyncBackfills(self._port, BackfillsSteps(self._session))

    @cached_property
    def triggers(self) -> AsyncTriggers:
        """The triggers of stored workflows. An id is `workflow/name`."""
        from orchestrator.client.triggers import TriggersSteps

        return AsyncTriggers(self._port, TriggersSteps(self._session))

    @cached_property
    def calendars(self) -> AsyncCalendars:
        """The calendars that schedules name."""
        from orchestrator.client.calendars import CalendarsSteps

        return AsyncCalendars(self._port, CalendarsSteps(self._session))

    @cached_property
    def events(self) -> AsyncEvents:
        """Events from outside, and their deliveries."""
        from orchestrator.client.events import EventsSteps

        return AsyncEvents(self._port, EventsSteps(self._session))

    @cached_property
    def hooks(self) -> AsyncHooks:
        """The webhooks, for the process that takes their messages."""
        from orchestrator.client.hooks import HooksSteps

        return AsyncHooks(self._port, HooksSteps(self._session))

    @cached_property
    def definitions(self) -> AsyncDefinitions:
        """Sets of definitions: a `DesiredState` is proposed first, then applied, all of it or nothing."""
        from orchestrator.client.definitions import DefinitionsSteps

        return AsyncDefinitions(self._port, DefinitionsSteps(self._session))

    @cached_property
    def queues(self) -> AsyncQueues:
        """The queues: one for each route and priority class."""
        from orchestrator.client.queues import QueuesSteps

        return AsyncQueues(self._port, QueuesSteps(self._session))

    @cached_property
    def nodes(self) -> AsyncNodes:
        """The worker nodes: those that are alive, and those that were lost."""
        from orchestrator.client.nodes import NodesSteps

        return AsyncNodes(self._port, NodesSteps(self._session))

    @cached_property
    def transitions(self) -> AsyncTransitions:
        """The transitions of runs and job runs, as far back as the stream is kept."""
        from orchestrator.client.transitions import TransitionsSteps

        return AsyncTransitions(self._port, TransitionsSteps(self._session))


class AsyncRun(AsyncRunBase):
    """A run. `state` and `info` are as last read; `refresh` and `wait` read the run anew."""

    async def refresh(self) -> AsyncRun:
        """Read the run anew.

        Raises:
            NotFound: there is no such run.
        """
        await self._port.drive(self._steps.refresh())
        return self

    async def wait(self, timeout: float | None = None, *, raise_on_failure: bool = False) -> AsyncRun:
        """Wait until the run is over, for `timeout` seconds at most.

        Raises:
            NotFound: there is no such run.
            WaitTimeout: the run is not over in time.
            RunFailed: the run did not succeed, and `raise_on_failure` is set.
        """
        await self._port.drive(self._steps.wait(timeout, raise_on_failure=raise_on_failure))
        return self

    async def jobs(self) -> list[JobRun]:
        """Return the jobs of the run, in the order of the definition.

        Raises:
            NotFound: there is no such run.
        """
        return await self._port.drive(self._steps.jobs())

    async def output(self, job: str) -> Any:
        """Return the output of a job; None if the job returned nothing or is not over.

        Raises:
            NotFound: there is no such run, or it has no such job.
        """
        return await self._port.drive(self._steps.output(job))

    async def cancel(self, why: str = "", *, who: str = "") -> AsyncRun:
        """Ask for the end of the run: no more job starts, and running jobs are stopped within a beat.

        A run that is over stays as it is. `who` and `why` are kept with the run; by default they are those of the
        client's actor.

        Raises:
            NotFound: there is no such run.
        """
        await self._port.drive(self._steps.cancel(why, who=who))
        return self

    async def failure(self) -> str:
        """Return one line that says why the run did not succeed.

        Raises:
            NotFound: there is no such run.
        """
        return await self._port.drive(self._steps.failure())

    async def trace(self) -> dict[str, Any]:
        """Return the run in the trace format, which `orchestrator replay` runs again.

        Raises:
            NotFound: there is no such run.
        """
        return await self._port.drive(self._steps.trace())


class AsyncRuns(AsyncFace):
    """The runs, live and over."""

    _steps: RunsSteps

    async def get(self, run_id: str) -> AsyncRun:
        """Return a run by its id.

        Raises:
            NotFound: there is no such run.
        """
        return AsyncRun(self._port, await self._port.drive(self._steps.get(run_id)))

    async def list(
        self, *, state: RunState | str | None = None, workflow: str | None = None, limit: int = 50
    ) -> Sequence[RunInfo]:
        """Return the newest runs, the live ones first. `state` and `workflow` leave others out.

        Raises:
            ParameterError: a run has no such state.
        """
        return await self._port.drive(self._steps.list(state=state, workflow=workflow, limit=limit))


class AsyncWorkflows(AsyncFace):
    """The stored workflows and their versions."""

    _steps: WorkflowsSteps

    async def get(self, name: str) -> WorkflowInfo:
        """Return the versions of a workflow.

        Raises:
            NotFound: there is no such workflow.
        """
        return await self._port.drive(self._steps.get(name))

    async def list(self) -> Sequence[WorkflowInfo]:
        """Return all workflows, in the order of their names."""
        return await self._port.drive(self._steps.list())

    async def names(self) -> Sequence[str]:
        """Return the names of all workflows, in order."""
        return await self._port.drive(self._steps.names())

    async def definition(self, name: str, version: int | None = None) -> WorkflowDefinition:
        """Return the definition of a workflow's version, by default of its current one.

        Raises:
            NotFound: there is no such workflow or version.
        """
        return await self._port.drive(self._steps.definition(name, version))

    async def schema(self, name: str) -> dict[str, Any] | None:
        """Return the JSON Schema of a workflow's parameters; None if it has none.

        Raises:
            NotFound: there is no such workflow.
        """
        return await self._port.drive(self._steps.schema(name))

    async def register(self, workflow: Workflow | WorkflowDefinition) -> Registered:
        """Store a workflow as its current version, with its schedules and triggers, in one step; nothing runs.

        The schedules and triggers of the workflow replace those that were registered with it before: one that it has
        no longer is deleted. Those that were put in other ways stay, unless the workflow has one of the same name. One
        that has not changed is left alone; one that is paused stays so. `submit` stores the plan only.

        Raises:
            DefinitionError: the workflow, a schedule or a trigger cannot be used.
            NotFound: a calendar is missing.
            Conflict: a schedule has the name of a trigger, or the other way round; or others edit all the time.
        """
        return await self._port.drive(self._steps.register(workflow))


class AsyncSchedules(AsyncFace):
    """The schedules of stored workflows. An id is `workflow/name`."""

    _steps: SchedulesSteps

    async def put(self, workflow: AnyWorkflow, schedule: Schedule, *, generation: int | None = None) -> ScheduleInfo:
        """Create or change a schedule; a `Workflow` or a definition is stored with it.

        The schedule holds at once: its next run is the first that it plans from now on. A schedule that is paused
        stays so. `generation` is that of the `ScheduleInfo` that was looked at, 0 for none.

        Raises:
            DefinitionError: the workflow does not take the parameters, or the schedule never runs.
            NotFound: there is no such workflow or calendar.
            Conflict: somebody has changed the schedule since `generation`, or a trigger has its name.
        """
        return await self._port.drive(self._steps.put(workflow, schedule, generation=generation))

    async def get(self, schedule: str) -> ScheduleInfo:
        """Return a schedule, with its state and its runs.

        Raises:
            NotFound: there is no such schedule.
        """
        return await self._port.drive(self._steps.get(schedule))

    async def list(self, workflow: str | None = None) -> Sequence[ScheduleInfo]:
        """Return all schedules, or those of a workflow, in the order of their ids."""
        return await self._port.drive(self._steps.list(workflow))

    async def names(self) -> Sequence[str]:
        """Return the ids of all schedules, in order."""
        return await self._port.drive(self._steps.names())

    async def next(self, count: int = 50, of: str | None = None) -> Sequence[NextStart]:
        """Return the next runs of all schedules, or of a workflow, or of one schedule, in the order of their starts.

        Those are the runs that start if nothing is edited. The effects of overlap policies are not foreseen.

        Raises:
            NotFound: there is no such workflow or schedule.
        """
        return await self._port.drive(self._steps.next(count, of))

    async def preview(self, workflow: str, schedule: Schedule, count: int = 5) -> Sequence[NextStart]:
        """Return the first runs that a schedule would start. The schedule is checked as by `put`; nothing is stored.

        Raises:
            DefinitionError: the workflow does not take the parameters, or the schedule never runs.
            NotFound: there is no such workflow or calendar.
        """
        return await self._port.drive(self._steps.preview(workflow, schedule, count))

    async def past(self, schedule: str) -> Sequence[PastOccasion]:
        """Return the past planned times of a schedule, the oldest first; the last 1,000 are kept.

        Raises:
            NotFound: there is no such schedule.
        """
        return await self._port.drive(self._steps.past(schedule))

    async def pause(self, schedule: str) -> None:
        """Let a schedule start nothing until it is resumed. Planned times that wait for room wait on, and runs go on.

        Raises:
            NotFound: there is no such schedule.
        """
        await self._port.drive(self._steps.pause(schedule))

    async def resume(self, schedule: str, *, catch_up: bool = False) -> None:
        """Let a schedule go on from now. With `catch_up` its misfire policy decides about the times since the pause.

        Raises:
            NotFound: there is no such schedule.
            Conflict: the schedule is not paused, but disabled by its definition.
        """
        await self._port.drive(self._steps.resume(schedule, catch_up=catch_up))

    async def delete(self, schedule: str) -> None:
        """Delete a schedule, with its past, its waiting planned times and its backfills. Runs go on.

        Raises:
            NotFound: there is no such schedule.
        """
        await self._port.drive(self._steps.delete(schedule))

    async def trigger(self, schedule: str, params: Mapping[str, Any] | None = None, **more: Any) -> AsyncRun:
        """Start a run with the parameters of the schedule now, paused or not. Parameters given here replace those.

        The run's logical date is now. Overlap policies do not count the run, and it is no part of the schedule's past.

        Raises:
            NotFound: there is no such schedule.
            ParameterError: the parameters do not fit the workflow.
        """
        return AsyncRun(self._port, await self._port.drive(self._steps.trigger(schedule, params, **more)))


class AsyncBackfills(AsyncFace):
    """The backfills of schedules, runs of planned times in the past. An id is `workflow/schedule~n`."""

    _steps: BackfillsSteps

    async def create(
        self,
        schedule: str,
        start: datetime | date,
        end: datetime | date,
        *,
        parallel: int = 1,
        order: Order = "oldest",
        only: Only | None = None,
        priority: str | None = "low",
        dry_run: bool = False,
    ) -> BackfillInfo:
        """Let the planned times of a schedule in [start, end) make runs, `parallel` of them at a time.

        Moments without an offset are local time of the schedule's zone. Times that are still to come are left to the
        schedule. `only` takes the times that made no run (`missing`) or whose run did not succeed (`failed`); it knows
        the last 1,000. The runs are of the class `priority` (None: the schedule's own), by default the lowest, so that
        live runs do not wait for them. `dry_run` returns the planned times and stores nothing. If there are none,
        nothing is stored either, and the id is None.

        Raises:
            NotFound: there is no such schedule.
            ParameterError: an argument does not fit, or the range has too many planned times.
        """
        return await self._port.drive(
            self._steps.create(
                schedule, start, end, parallel=parallel, order=order, only=only, priority=priority, dry_run=dry_run
            )
        )

    async def get(self, backfill: str) -> BackfillInfo:
        """Return a backfill, and how far it is.

        Raises:
            NotFound: there is no such backfill.
        """
        return await self._port.drive(self._steps.get(backfill))

    async def list(self, schedule: str | None = None) -> Sequence[BackfillInfo]:
        """Return all backfills, or those of a schedule, the newest first."""
        return await self._port.drive(self._steps.list(schedule))

    async def cancel(self, backfill: str) -> BackfillInfo:
        """Drop the waiting planned times of a backfill. Its runs go on.

        Raises:
            NotFound: there is no such backfill.
        """
        return await self._port.drive(self._steps.cancel(backfill))


class AsyncTriggers(AsyncFace):
    """The triggers of stored workflows. An id is `workflow/name`."""

    _steps: TriggersSteps

    async def put(self, workflow: AnyWorkflow, trigger: Trigger, *, generation: int | None = None) -> TriggerInfo:
        """Create or change a trigger; a `Workflow` or a definition is stored with it. A webhook keeps its token.

        A trigger that is paused stays so. `generation` is that of the `TriggerInfo` that was looked at, 0 for none.

        Raises:
            DefinitionError: the workflow does not take the parameters.
            NotFound: there is no such workflow.
            Conflict: somebody has changed the trigger since `generation`, or a schedule has its name.
        """
        return await self._port.drive(self._steps.put(workflow, trigger, generation=generation))

    async def get(self, trigger: str) -> TriggerInfo:
        """Return a trigger, with its state and its runs.

        Raises:
            NotFound: there is no such trigger.
        """
        return await self._port.drive(self._steps.get(trigger))

    async def list(self, workflow: str | None = None) -> Sequence[TriggerInfo]:
        """Return all triggers, or those of a workflow, in the order of their ids."""
        return await self._port.drive(self._steps.list(workflow))

    async def names(self) -> Sequence[str]:
        """Return the ids of all triggers, in order."""
        return await self._port.drive(self._steps.names())

    async def past(self, trigger: str) -> Sequence[PastOccasion]:
        """Return the past deliveries of a trigger, the oldest first; the last 1,000 are kept.

        Raises:
            NotFound: there is no such trigger.
        """
        return await self._port.drive(self._steps.past(trigger))

    async def pause(self, trigger: str) -> None:
        """Let a trigger start nothing until it is resumed.

        Events that come while it is paused start nothing later either; deliveries that wait are kept.

        Raises:
            NotFound: there is no such trigger.
        """
        await self._port.drive(self._steps.pause(trigger))

    async def resume(self, trigger: str) -> None:
        """Let a trigger go on.

        Raises:
            NotFound: there is no such trigger.
            Conflict: the trigger is not paused, but disabled by its definition.
        """
        await self._port.drive(self._steps.resume(trigger))

    async def delete(self, trigger: str) -> None:
        """Delete a trigger, with its past and its waiting deliveries. Runs go on.

        Raises:
            NotFound: there is no such trigger.
        """
        await self._port.drive(self._steps.delete(trigger))


class AsyncCalendars(AsyncFace):
    """The calendars that schedules name."""

    _steps: CalendarsSteps

    async def put(self, name: str, calendar: Calendar) -> CalendarInfo:
        """Create or change a calendar. The schedules that use it are planned anew from now on, in the same transition.

        Raises:
            DefinitionError: the name or the calendar is not valid, or the calendar is made of itself.
            NotFound: a calendar that it names is missing.
        """
        return await self._port.drive(self._steps.put(name, calendar))

    async def get(self, name: str) -> CalendarInfo:
        """Return a calendar, with the schedules that use it.

        Raises:
            NotFound: there is no such calendar.
        """
        return await self._port.drive(self._steps.get(name))

    async def list(self) -> Sequence[CalendarInfo]:
        """Return all calendars, in the order of their names."""
        return await self._port.drive(self._steps.list())

    async def resolve(self, calendar: Calendar) -> Calendar:
        """Return a calendar in which the calendars that it names are put in their places, so that it has days.

        Raises:
            DefinitionError: a calendar that it names is missing, or it is made of itself.
        """
        return await self._port.drive(self._steps.resolve(calendar))

    async def delete(self, name: str) -> None:
        """Delete a calendar.

        Raises:
            NotFound: there is no such calendar.
            Conflict: schedules or calendars use it; the error names some of them.
        """
        await self._port.drive(self._steps.delete(name))


class AsyncEvents(AsyncFace):
    """Events from outside, and their deliveries."""

    _steps: EventsSteps

    async def emit(self, name: str, payload: Any = None, id: str | None = None, *, source: str = "emit") -> Emitted:
        """Send an event to the triggers that listen to its name (`order.paid`).

        `payload` is anything that JSON can say. An event with the same `id` is taken once: a second time changes
        nothing, and the answer says `duplicate`. `source` says where the event comes from, for people.

        Raises:
            ParameterError: the name, the id or the payload is not valid, or a trigger can make no run of the payload;
                an `ExpressionError` if it is an expression of the trigger that fails. Nothing is stored.
        """
        return await self._port.drive(self._steps.emit(name, payload, id, source=source))

    async def emit_dataset(
        self, name: str, payload: Any = None, id: str | None = None, *, source: str = "emit"
    ) -> Emitted:
        """Say that a dataset was written by a program outside. Workflows that produce a dataset say so by themselves.

        Arguments and answer are those of `emit`.

        Raises:
            ParameterError: as by `emit`.
        """
        return await self._port.drive(self._steps.emit_dataset(name, payload, id, source=source))

    async def get(self, delivery: str) -> DeliveryInfo:
        """Return one delivery, with the runs that it started.

        `delivery` is its id, or the id that its sender gave, if it is among the newest 1,000.

        Raises:
            NotFound: there is no such delivery, or there are several.
        """
        return await self._port.drive(self._steps.get(delivery))

    async def list(self, limit: int = 50, name: str | None = None) -> Sequence[DeliveryInfo]:
        """Return the newest deliveries, the newest first. `name` is an event or a topic; others are left out then."""
        return await self._port.drive(self._steps.list(limit, name))


class AsyncHooks(AsyncFace):
    """The webhooks, for the process that takes their messages."""

    _steps: HooksSteps

    async def find(self, token: str) -> HookInfo | None:
        """Return the webhook with a token; None if there is none, or its definition disables it."""
        return await self._port.drive(self._steps.find(token))

    async def deliver(
        self, hook: HookInfo, delivery: str, payload: Any, headers: Mapping[str, str], received_ms: int
    ) -> HookDelivery:
        """Store a message whose signature was checked. The same `delivery` again is stored once.

        `received_ms` is the caller's time; the stored time is that of Redis.

        Raises:
            Unavailable: the hook is paused.
            ParameterError: no run can be made of the message; an `ExpressionError` if it is an expression of the
                trigger that fails. Nothing is stored.
        """
        return await self._port.drive(self._steps.deliver(hook, delivery, payload, headers, received_ms))


class AsyncDefinitions(AsyncFace):
    """Sets of definitions: a `DesiredState` is proposed first, then applied, all of it or nothing."""

    _steps: DefinitionsSteps

    async def propose(self, desired: DesiredState) -> Proposal:
        """Compare the definitions of the namespace with the desired ones; nothing is changed.

        Raises:
            DefinitionError: the desired definitions cannot stand together.
        """
        return await self._port.drive(self._steps.propose(desired))

    async def apply(self, desired: DesiredState, seen: Proposal, note: Note | None = None) -> int:
        """Make the changes of a proposal; return the number of the new revision, or 0 if nothing is left to change.

        The revision keeps the note; by default its author and reason are those of the client's actor.

        Raises:
            Conflict: others have changed definitions, and the same apply would now make other changes.
        """
        return await self._port.drive(self._steps.apply(desired, seen, note))

    async def drift(self) -> Proposal:
        """Compare the definitions of the namespace with those of its latest revision.

        Raises:
            NotFound: there is no revision.
        """
        return await self._port.drive(self._steps.drift())

    async def revisions(self, limit: int = 200) -> Sequence[Revision]:
        """Return the latest revisions, the newest first; 200 are kept."""
        return await self._port.drive(self._steps.revisions(limit))

    async def back_to(self, revision: int) -> DesiredState:
        """Return the state that restores a revision; definitions that files added later are deleted.

        Raises:
            NotFound: the revision is not kept.
        """
        return await self._port.drive(self._steps.back_to(revision))


class AsyncQueues(AsyncFace):
    """The queues: one for each route and priority class."""

    _steps: QueuesSteps

    async def list(self) -> Sequence[QueueInfo]:
        """Return how many jobs are ready on each route and priority class, in that order."""
        return await self._port.drive(self._steps.list())


class AsyncNodes(AsyncFace):
    """The worker nodes: those that are alive, and those that were lost."""

    _steps: NodesSteps

    async def list(self) -> Sequence[NodeInfo]:
        """Return the live worker nodes, in the order in which their leases end."""
        return await self._port.drive(self._steps.list())

    async def gone(self) -> Sequence[NodeInfo]:
        """Return the worker nodes that were lost in the last hour, the last one first."""
        return await self._port.drive(self._steps.gone())

    async def elsewhere(self) -> str:
        """Say in one line that workers listen to another broker than this client publishes to; empty if all is well.

        Raises:
            StoreUnavailable: no broker is set, and no embedded Redis runs.
        """
        return await self._port.drive(self._steps.elsewhere())


class AsyncTransitions(AsyncFace):
    """The transitions of runs and job runs, as far back as the stream is kept."""

    _steps: TransitionsSteps

    async def list(self, after: str = "-", limit: int = 500) -> Sequence[TransitionInfo]:
        """Return the transitions after the one with the id `after`, the oldest first. `-` stands for the start.

        `limit` counts entries of the stream: the transitions that one script made in one run are one entry.
        """
        return await self._port.drive(self._steps.list(after, limit))

    async def last(self) -> str:
        """Return the id of the newest transition, `-` if there is none. A reader that follows begins there."""
        return await self._port.drive(self._steps.last())
