"""`AsyncClient` and `AsyncRun`: the same as `Client` and `Run`, for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from orchestrator.client import flows
from orchestrator.client.base import ClientBase, run_state
from orchestrator.model.run import JobRun, NodeInfo, QueueInfo, RunInfo, TransitionInfo, WorkflowInfo
from orchestrator.model.states import RunState
from orchestrator.servers.addresses import store_url
from orchestrator.settings import Settings
from orchestrator.state import reads
from orchestrator.state.reads.base import Read
from orchestrator.state.store import AsyncStore
from orchestrator.state.transitions.values import Permits
from orchestrator.state.transitions.workflows import Stored

if TYPE_CHECKING:
    from celery import Celery

    from orchestrator.client.aio_starting import AsyncCalendars, AsyncHooks, AsyncSchedules, AsyncTriggers
    from orchestrator.client.base import AnyWorkflow
    from orchestrator.client.infos import Delivery, Emitted
    from orchestrator.client.whole import AsyncWholeDefinitions
    from orchestrator.dsl.builder import Workflow
    from orchestrator.model.workflow import WorkflowDefinition

T = TypeVar("T")


class AsyncClient(ClientBase):
    """Submits workflows and asks about their runs, in one event loop; an async context manager. See `Client`."""

    def __init__(self, settings: Settings | None = None, *, app: Celery | None = None) -> None:
        super().__init__(settings, app)
        self.store = AsyncStore.connect(store_url(self.settings), self.settings.namespace)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self.store.close()
        await asyncio.to_thread(self._close_publisher)

    async def submit(
        self,
        workflow: AnyWorkflow,
        params: Mapping[str, Any] | None = None,
        *,
        priority: str | None = None,
        idempotency_key: str | None = None,
        **more: Any,
    ) -> AsyncRun:
        """Start a run of a workflow, or of a stored one by its name. See `Client.submit`."""
        return AsyncRun(self, await self._drive(self._submit(workflow, params, more, priority, idempotency_key)))

    async def run(self, run_id: str) -> AsyncRun:
        """Return a run by its id; `NotFound` where there is none."""
        return AsyncRun(self, run_id, await self._drive(flows.run_info(self.keys, run_id)))

    async def runs(
        self, *, state: RunState | str | None = None, workflow: str | None = None, limit: int = 50
    ) -> list[RunInfo]:
        """Return the newest runs: those that are live first."""
        return await self._read(reads.runs(self.keys, state=run_state(state), workflow=workflow, limit=limit))

    async def register(self, workflow: Workflow | WorkflowDefinition) -> Stored:
        """Store a workflow as its current version, with its schedules and triggers. See `Client.register`."""
        from orchestrator.client.editing import register

        return await self._drive(register(self.keys, workflow, self.route_of))

    @cached_property
    def schedules(self) -> AsyncSchedules:
        """The schedules: create, change, pause, look ahead, backfill."""
        from orchestrator.client.aio_starting import AsyncSchedules

        return AsyncSchedules(self)

    @cached_property
    def triggers(self) -> AsyncTriggers:
        """The triggers: create, change, pause."""
        from orchestrator.client.aio_starting import AsyncTriggers

        return AsyncTriggers(self)

    @cached_property
    def calendars(self) -> AsyncCalendars:
        """The calendars that schedules name."""
        from orchestrator.client.aio_starting import AsyncCalendars

        return AsyncCalendars(self)

    @cached_property
    def definitions(self) -> AsyncWholeDefinitions:
        """All definitions together: compare with files, apply, go back."""
        from orchestrator.client.whole import AsyncWholeDefinitions

        return AsyncWholeDefinitions(self)

    @cached_property
    def hooks(self) -> AsyncHooks:
        """The webhooks, for the process that takes their messages."""
        from orchestrator.client.aio_starting import AsyncHooks

        return AsyncHooks(self)

    async def emit(self, name: str, payload: Any = None, id: str | None = None, *, source: str = "emit") -> Emitted:
        """Tell that something happened. See `Client.emit`."""
        from orchestrator.client import events

        return await self._drive(events.emit(self.keys, self._ears, name, payload, id, source))

    async def emit_dataset(
        self, name: str, payload: Any = None, id: str | None = None, *, source: str = "emit"
    ) -> Emitted:
        """Tell that a dataset was written. See `Client.emit_dataset`."""
        from orchestrator.client import events

        return await self._drive(events.emit_dataset(self.keys, self._ears, name, payload, id, source))

    async def deliveries(self, limit: int = 50, name: str | None = None) -> list[Delivery]:
        """Return the newest events that came, with their runs. See `Client.deliveries`."""
        from orchestrator.client import events

        return await self._drive(events.deliveries(self.keys, limit, name))

    async def delivery(self, delivery_id: str) -> Delivery:
        """Return one event that came, with the runs that it started; `NotFound` where there is none."""
        from orchestrator.client import events

        return await self._drive(events.delivery(self.keys, delivery_id))

    async def workflow(self, name: str) -> WorkflowInfo:
        """Return a stored workflow's versions; `NotFound` where there is none."""
        return await self._drive(flows.workflow_info(self.keys, name))

    async def workflows(self) -> list[str]:
        """Name the stored workflows."""
        return await self._read(reads.workflows(self.keys))

    async def definition(self, name: str, version: int | None = None) -> WorkflowDefinition:
        """Return a stored workflow's definition, of its current version where none is given."""
        return await self._drive(flows.definition(self.keys, name, version))

    async def schema(self, name: str) -> dict[str, Any] | None:
        """Return the JSON Schema of a stored workflow's parameters; None where it has none."""
        return await self._drive(flows.schema(self.keys, name))

    async def nodes(self) -> list[NodeInfo]:
        """Return the live worker nodes."""
        return await self._read(reads.nodes(self.keys))

    async def queues(self) -> list[QueueInfo]:
        """Return what waits on each route and priority class."""
        return await self._read(reads.queues(self.keys))

    async def events(self, after: str = "-", limit: int = 500) -> list[TransitionInfo]:
        """Return the transitions after an event's id, the oldest first."""
        return await self._read(reads.transitions(self.keys, after, limit))

    async def last_event(self) -> str:
        """Return the id of the newest transition: where to begin to follow."""
        return await self._read(reads.last_transition(self.keys))

    async def sleep(self, seconds: float) -> None:
        """Wait (a step of the logic; see `flows.Port`)."""
        await asyncio.sleep(seconds)

    async def ring(self, rings: Sequence[Permits]) -> None:
        """Publish permits; kombu blocks, so that a thread does it. See `Client.ring`."""
        if rings:
            await asyncio.to_thread(self.publisher.publish, rings)

    def _run(self, run_id: str) -> AsyncRun:
        return AsyncRun(self, run_id)

    async def _read(self, read: Read[T]) -> T:
        return await self.store.read(read)

    async def _drive(self, flow: flows.Flow[T]) -> T:
        try:
            step = next(flow)
            while True:
                step = flow.send(await step(self))
        except StopIteration as end:
            result: T = end.value
            return result


class AsyncRun:
    """A run. `state` and `info` are as last read: `refresh` and `wait` read anew."""

    def __init__(self, client: AsyncClient, run_id: str, info: RunInfo | None = None) -> None:
        self.id = run_id
        self._client = client
        self._info = info

    @property
    def info(self) -> RunInfo | None:
        """All that is known of the run, as last read; None before the first `refresh` or `wait`."""
        return self._info

    @property
    def state(self) -> RunState | None:
        """Its state, as last read."""
        return self._info.state if self._info else None

    async def refresh(self) -> AsyncRun:
        """Read the run anew."""
        self._info = await self._client._drive(flows.run_info(self._client.keys, self.id))
        return self

    async def wait(self, timeout: float | None = None, *, raise_on_failure: bool = False) -> AsyncRun:
        """Wait until the run is over; `WaitTimeout` after `timeout` seconds, `RunFailed` for a bad end if asked for."""
        self._info = await self._client._drive(flows.wait(self._client.keys, self.id, timeout, raise_on_failure))
        return self

    async def jobs(self) -> list[JobRun]:
        """Return its jobs, in the order of the definition."""
        return await self._client._drive(flows.job_runs(self._client.keys, self.id))

    async def output(self, job: str) -> Any:
        """Return what a job returned; None where it returned nothing or is not over."""
        return await self._client._drive(flows.output(self._client.keys, self.id, job))

    async def cancel(self, why: str = "", *, who: str = "") -> AsyncRun:
        """Wish its end: nothing starts any more, what runs is stopped within a beat. A run that is over stays so."""
        self._info = await self._client._drive(flows.cancel(self._client.keys, self.id, who, why))
        return self

    async def failure(self) -> str:
        """Say in one line why it did not succeed."""
        keys = self._client.keys
        return str(
            await self._client._drive(flows.failure(keys, await self._client._drive(flows.run_info(keys, self.id))))
        )

    async def trace(self) -> dict[str, Any]:
        """Return it in the trace format, which `replay` runs again."""
        from orchestrator.client.traces import trace_json

        drive, keys = self._client._drive, self._client.keys
        jobs = await self.jobs()
        info = await drive(flows.run_info(keys, self.id))
        return trace_json(info, jobs, await drive(flows.plan_of(keys, info.plan)))

    def __repr__(self) -> str:
        return f"<AsyncRun {self.id}>"
