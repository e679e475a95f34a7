"""What is known of the starts of runs: planned times to come and past, backfills, events and their deliveries.

Times are milliseconds since 1970 by the clock of Redis; None where there is none. `to_json` gives the shape of
`--json`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from orchestrator.model import shapes
from orchestrator.model.ids import is_run_id
from orchestrator.model.run import iso
from orchestrator.model.states import RunState


@dataclass(frozen=True, slots=True)
class PastOccasion:
    """What became of an occasion: `word` is `run`, `missed`, `skipped` or `failed`.

    `at_ms` is the planned time, or when the delivery came. An occasion with a run has the run's id and, once the run is
    over, its end. Another has a `detail`: the reason, or of missed times `how many, and the first's ms`.
    """

    at_ms: int
    occasion: str
    word: str
    detail: str
    run: str | None = None
    end: RunState | None = None

    def to_json(self) -> shapes.Occasion:
        """Return its shape."""
        return {
            "time": iso(self.at_ms),
            "what": self.word,
            "run": self.run,
            "state": self.end.name if self.end is not None else None,
            "detail": None if self.word == "run" else self.detail,
        }


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
class BackfillInfo:
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
class Emitted:
    """An event that is kept under its id. A `duplicate` came before, and has changed nothing."""

    id: str
    duplicate: bool

    def to_json(self) -> shapes.Emitted:
        """Return its shape."""
        return {"id": self.id, "duplicate": self.duplicate}


@dataclass(frozen=True, slots=True)
class DeliveryInfo:
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


@dataclass(frozen=True, slots=True)
class HookDelivery:
    """What became of a webhook's message: kept, let go by the trigger's `when`, or here before."""

    status: Literal["accepted", "ignored", "duplicate"]
    runs: Sequence[str] = ()
    """The runs that a duplicate has started."""
