"""`Client` and `Run`: for programs, threads and processes."""

from __future__ import annotations

import time
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
from orchestrator.state.store import Store
from orchestrator.state.transitions.values import Permits
from orchestrator.state.transitions.workflows import Stored

if TYPE_CHECKING:
    from celery import Celery

    from orchestrator.client.base import AnyWorkflow
    from orchestrator.client.infos import Delivery, Emitted
    from orchestrator.client.starting import Calendars, Schedules, Triggers
    from orchestrator.client.whole import WholeDefinitions
    from orchestrator.dsl.builder import Workflow
    from orchestrator.model.workflow import WorkflowDefinition

T = TypeVar("T")


class Client(ClientBase):
    """Submits workflows and asks about their runs. Safe to share between threads; a context manager.

    `app` is the user's Celery app, if there is one at hand: it routes tasks that are known by name only, and its
    broker carries the messages.
    """

    def __init__(self, settings: Settings | None = None, *, app: Celery | None = None) -> None:
        super().__init__(settings, app)
        self.store = Store.connect(store_url(self.settings), self.settings.namespace)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self.store.close()
        self._close_publisher()

    def submit(
        self,
        workflow: AnyWorkflow,
        params: Mapping[str, Any] | None = None,
        *,
        priority: str | None = None,
        idempotency_key: str | None = None,
        **more: Any,
    ) -> Run:
        """Start a run of a workflow, or of a stored one by its name; parameters as a mapping, by keyword, or both.

        They are checked before anything is stored. The same `idempotency_key` again returns the same run; with
        another workflow or other parameters it is a `Conflict`.
        """
        return Run(self, self._drive(self._submit(workflow, params, more, priority, idempotency_key)))

    def run(self, run_id: str) -> Run:
        """Return a run by its id; `NotFound` where there is none."""
        return Run(self, run_id, self._drive(flows.run_info(self.keys, run_id)))

    def runs(
        self, *, state: RunState | str | None = None, workflow: str | None = None, limit: int = 50
    ) -> list[RunInfo]:
        """Return the newest runs: those that are live first."""
        return self._read(reads.runs(self.keys, state=run_state(state), workflow=workflow, limit=limit))

    def register(self, workflow: Workflow | WorkflowDefinition) -> Stored:
        """Store a workflow as its current version, with its schedules and triggers, in one step; nothing runs.

        The workflow's own set takes the place of the one that was registered before: what it has no more is deleted.
        Schedules and triggers that were put by other ways stay, unless it has one of the same name. One that has not
        changed is left alone; one that is paused stays so. A `submit` stores the plan only.
        """
        from orchestrator.client.editing import register

        return self._drive(register(self.keys, workflow, self.route_of))

    @cached_property
    def schedules(self) -> Schedules:
        """The schedules: create, change, pause, look ahead, backfill."""
        from orchestrator.client.starting import Schedules

        return Schedules(self)

    @cached_property
    def triggers(self) -> Triggers:
        """The triggers: create, change, pause."""
        from orchestrator.client.starting import Triggers

        return Triggers(self)

    @cached_property
    def calendars(self) -> Calendars:
        """The calendars that schedules name."""
        from orchestrator.client.starting import Calendars

        return Calendars(self)

    @cached_property
    def definitions(self) -> WholeDefinitions:
        """All definitions together: compare with files, apply, go back."""
        from orchestrator.client.whole import WholeDefinitions

        return WholeDefinitions(self)

    def emit(self, name: str, payload: Any = None, id: str | None = None, *, source: str = "emit") -> Emitted:
        """Tell that something happened, for the triggers that listen to events of that name (`order.paid`).

        `payload` is anything that JSON can say. With the same `id` it is taken once: a second time changes nothing,
        and the answer says `duplicate`. A payload that one of the triggers cannot make a run of is a `ParameterError`
        (or `ExpressionError`), and nothing is stored.
        """
        from orchestrator.client import events

        return self._drive(events.emit(self.keys, self._ears, name, payload, id, source))

    def emit_dataset(self, name: str, payload: Any = None, id: str | None = None, *, source: str = "emit") -> Emitted:
        """Tell that a dataset was written, by somebody else than a workflow that produces it. See `emit`."""
        from orchestrator.client import events

        return self._drive(events.emit_dataset(self.keys, self._ears, name, payload, id, source))

    def deliveries(self, limit: int = 50, name: str | None = None) -> list[Delivery]:
        """Return the newest events that came, with their runs; only those of a name or topic if one is given."""
        from orchestrator.client import events

        return self._drive(events.deliveries(self.keys, limit, name))

    def delivery(self, delivery_id: str) -> Delivery:
        """Return one event that came, with the runs that it started; `NotFound` where there is none."""
        from orchestrator.client import events

        return self._drive(events.delivery(self.keys, delivery_id))

    def workflow(self, name: str) -> WorkflowInfo:
        """Return a stored workflow's versions; `NotFound` where there is none."""
        return self._drive(flows.workflow_info(self.keys, name))

    def workflows(self) -> list[str]:
        """Name the stored workflows."""
        return self._read(reads.workflows(self.keys))

    def definition(self, name: str, version: int | None = None) -> WorkflowDefinition:
        """Return a stored workflow's definition, of its current version where none is given."""
        return self._drive(flows.definition(self.keys, name, version))

    def schema(self, name: str) -> dict[str, Any] | None:
        """Return the JSON Schema of a stored workflow's parameters; None where it has none."""
        return self._drive(flows.schema(self.keys, name))

    def nodes(self) -> list[NodeInfo]:
        """Return the live worker nodes."""
        return self._read(reads.nodes(self.keys))

    def queues(self) -> list[QueueInfo]:
        """Return what waits on each route and priority class."""
        return self._read(reads.queues(self.keys))

    def events(self, after: str = "-", limit: int = 500) -> list[TransitionInfo]:
        """Return the transitions after an event's id, the oldest first."""
        return self._read(reads.transitions(self.keys, after, limit))

    def last_event(self) -> str:
        """Return the id of the newest transition: where to begin to follow."""
        return self._read(reads.last_transition(self.keys))

    def sleep(self, seconds: float) -> None:
        """Wait (a step of the logic; see `flows.Port`)."""
        time.sleep(seconds)  # noqa: TID251 — the pause between two polls of `wait`

    def ring(self, rings: Sequence[Permits]) -> None:
        """Publish permits. It never fails: the work is stored, and a broker that was away is rung by the beats."""
        if rings:
            self.publisher.publish(rings)

    def _run(self, run_id: str) -> Run:
        return Run(self, run_id)

    def _read(self, read: Read[T]) -> T:
        return self.store.read(read)

    def _drive(self, flow: flows.Flow[T]) -> T:
        try:
            step = next(flow)
            while True:
                step = flow.send(step(self))
        except StopIteration as end:
            result: T = end.value
            return result


class Run:
    """A run. `state` and `info` are as last read: `refresh` and `wait` read anew."""

    def __init__(self, client: Client, run_id: str, info: RunInfo | None = None) -> None:
        self.id = run_id
        self._client = client
        self._info = info

    @property
    def info(self) -> RunInfo:
        """All that is known of the run, as last read."""
        return self._info or self.refresh().info

    @property
    def state(self) -> RunState:
        """Its state, as last read."""
        return self.info.state

    def refresh(self) -> Run:
        """Read the run anew."""
        self._info = self._client._drive(flows.run_info(self._client.keys, self.id))
        return self

    def wait(self, timeout: float | None = None, *, raise_on_failure: bool = False) -> Run:
        """Wait until the run is over; `WaitTimeout` after `timeout` seconds, `RunFailed` for a bad end if asked for."""
        self._info = self._client._drive(flows.wait(self._client.keys, self.id, timeout, raise_on_failure))
        return self

    def jobs(self) -> list[JobRun]:
        """Return its jobs, in the order of the definition."""
        return self._client._drive(flows.job_runs(self._client.keys, self.id))

    def output(self, job: str) -> Any:
        """Return what a job returned; None where it returned nothing or is not over."""
        return self._client._drive(flows.output(self._client.keys, self.id, job))

    def cancel(self, why: str = "", *, who: str = "") -> Run:
        """Wish its end: nothing starts any more, what runs is stopped within a beat. A run that is over stays so."""
        self._info = self._client._drive(flows.cancel(self._client.keys, self.id, who, why))
        return self

    def failure(self) -> str:
        """Say in one line why it did not succeed."""
        return str(self._client._drive(flows.failure(self._client.keys, self.info)))

    def trace(self) -> dict[str, Any]:
        """Return it in the trace format, which `replay` runs again."""
        from orchestrator.client.traces import trace_json

        jobs = self.jobs()
        return trace_json(
            self.refresh().info, jobs, self._client._drive(flows.plan_of(self._client.keys, self.info.plan))
        )

    def __repr__(self) -> str:
        return (
            f"<Run {self.id}>" if self._info is None else f"<Run {self.id} of {self.info.workflow}: {self.state.name}>"
        )
