"""What is known of runs, job runs, worker nodes and queues: plain values, as read from the store.

Times are milliseconds since 1970 by the clock of Redis; None where it has not happened.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, overload

from orchestrator.model import shapes
from orchestrator.model.states import JobState, PriorityClass, RunState


@overload
def iso(ms: int) -> str: ...
@overload
def iso(ms: int | None) -> str | None: ...
def iso(ms: int | None) -> str | None:
    """Spell a time as ISO 8601 in UTC with microseconds."""
    if ms is None:
        return None
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="microseconds")


def _utc(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One run."""

    id: str
    workflow: str
    version: int
    plan: str
    state: RunState
    priority: PriorityClass
    created_ms: int
    started_ms: int | None
    ended_ms: int | None
    total: int
    counts: dict[JobState, int]
    """How many job runs are in each state that has any."""
    params: dict[str, Any]
    who: str | None = None
    why: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    """What started it: `schedule` and `backfill`, or `trigger` and `deliveries`; `logical_ms` and `interval_ms`."""

    @property
    def started_by(self) -> dict[str, Any]:
        """Say what started it, as JSON: the facts, with times as text."""
        said = {key: value for key, value in self.facts.items() if not key.endswith("_ms")}
        if "logical_ms" in self.facts:
            said["logical_date"] = iso(self.facts["logical_ms"])
            said["data_interval"] = [iso(ms) for ms in self.facts["interval_ms"]]
        return said

    @property
    def logical(self) -> datetime:
        """Return the time that the run is for: its planned time, else when it was created."""
        return _utc(self.facts.get("logical_ms", self.created_ms))

    @property
    def interval(self) -> tuple[datetime, datetime]:
        """Return the data interval: from the planned time before to its own; without a schedule both are `logical`."""
        start, end = self.facts.get("interval_ms", (self.created_ms, self.created_ms))
        return _utc(start), _utc(end)

    def known(self) -> dict[str, Any]:
        """Return what references to the run (`$run`) stand for: texts, or None."""
        start, end = self.interval
        return {
            "id": self.id,
            "logical_date": self.logical.isoformat(),
            "interval_start": start.isoformat(),
            "interval_end": end.isoformat(),
            "schedule": self.facts.get("schedule"),
            "trigger": self.facts.get("trigger"),
        }

    def to_json(self) -> shapes.Run:
        """Return its shape."""
        return {
            "id": self.id,
            "workflow": self.workflow,
            "version": self.version,
            "state": self.state.name,
            "created": iso(self.created_ms),
            "started": iso(self.started_ms),
            "finished": iso(self.ended_ms),
            "counts": {state.name: number for state, number in self.counts.items()},
        }


@dataclass(frozen=True, slots=True)
class JobRun:
    """One job inside one run. `error` is that of its last attempt that did not succeed."""

    index: int
    name: str
    state: JobState
    attempt: int = 0
    retries: int = 0
    losses: int = 0
    queued_ms: int | None = None
    started_ms: int | None = None
    ended_ms: int | None = None
    node: str | None = None
    error: shapes.Error | None = None
    quarantined: bool = False
    lost_with: tuple[tuple[int, str], ...] = ()
    """The attempts that were lost, each with its worker node."""

    def to_json(self) -> shapes.JobRun:
        """Return its shape."""
        return {
            "name": self.name,
            "state": self.state.name,
            "attempt": self.attempt,
            "queued": iso(self.queued_ms),
            "started": iso(self.started_ms),
            "finished": iso(self.ended_ms),
            "node": self.node,
            "error": self.error,
        }


@dataclass(frozen=True, slots=True)
class TransitionInfo:
    """One transition of a run (`job` is None) or of a job run, whose index `job` is."""

    id: str
    """The id of its entry in the stream; transitions that one script made in one run have the same."""
    run: str
    number: int
    """Its number among the transitions of the run: 1, 2, 3, … without gaps."""
    job: int | None
    attempt: int
    before: JobState | RunState | None
    """None for a run that has just been created."""
    after: JobState | RunState
    ms: int
    detail: str
    """A new run: `workflow\\nversion\\njobs`; a running job: its node; a run to be ended: `who\\nwhy`; else empty."""


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """One worker node: `subscriptions` are its routes and priority classes.

    `held` are the attempts that it runs, or that were lost with it.
    """

    name: str
    slots: int
    idle: int
    subscriptions: tuple[tuple[str, tuple[PriorityClass, ...]], ...]
    held: tuple[str, ...]
    deadline_ms: int
    info: dict[str, Any] = field(default_factory=dict)
    broker_ids: frozenset[str] = frozenset()
    """The ids of the broker that it listens to (see `dispatch.broker`); `info["broker"]` is its name."""
    gone_ms: int | None = None
    """When it was given up, for a node that was lost."""

    def to_json(self) -> shapes.Node:
        """Return its shape."""
        return {
            "name": self.name,
            "slots": self.slots,
            "idle": self.idle,
            "serves": {route: [priority.name for priority in classes] for route, classes in self.subscriptions},
            "runs": [] if self.gone_ms else list(self.held),
            "info": self.info,
            "gone": iso(self.gone_ms),
            "lost": list(self.held) if self.gone_ms else [],
        }


@dataclass(frozen=True, slots=True)
class QueueInfo:
    """What waits on one route in one priority class. `slots` are those of live nodes on the route."""

    route: str
    priority: PriorityClass
    ready: int
    oldest_ms: int | None
    slots: int
    permits: int
    """Messages that are thought to be out: an estimate."""

    def to_json(self) -> shapes.Queue:
        """Return its shape."""
        return {
            "route": self.route,
            "priority": self.priority.name,
            "ready": self.ready,
            "oldest": iso(self.oldest_ms),
            "slots": self.slots,
        }


@dataclass(frozen=True, slots=True)
class WorkflowInfo:
    """One workflow: its versions by number, each with its plan's digest."""

    name: str
    latest: int
    versions: dict[int, str]

    def to_json(self) -> shapes.StoredWorkflow:
        """Return its shape."""
        return {"name": self.name, "version": self.latest, "versions": sorted(self.versions)}


@dataclass(frozen=True, slots=True)
class Registered:
    """What became of a workflow that was registered: the number of its current version, and whether that is new."""

    version: int
    new: bool


def read_json(data: bytes | None) -> Any:
    """Read JSON bytes from the store, None for none."""
    return json.loads(data) if data else None
