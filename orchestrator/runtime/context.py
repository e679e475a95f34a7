"""What a task can learn about the attempt that it runs in."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrator.model.run import RunInfo


@dataclass(frozen=True, slots=True)
class Attempt:
    """The running attempt of a job run."""

    id: str
    """`run/job@attempt`: also the Celery task id."""
    run: str
    job: str
    """The job's name."""
    attempt: int
    """1 for the first try; it also counts those that were lost."""
    retries: int
    """How many earlier attempts ended in a retry."""
    losses: int
    """How many earlier attempts were lost with their worker."""
    workflow: str
    task: str
    namespace: str
    look: Callable[[], RunInfo] = field(repr=False, compare=False)
    """Reads the run's record: what is known of the run is read when it is asked for."""

    @property
    def logical_date(self) -> datetime:
        """The time that the run is for (in UTC): its planned time if a schedule started it, else its creation."""
        return self.look().logical

    @property
    def data_interval(self) -> tuple[datetime, datetime]:
        """From the planned time before to its own; without a schedule both are the run's creation."""
        return self.look().interval

    @property
    def started_by(self) -> dict[str, Any]:
        """What started the run: `schedule` (and `backfill`) or `trigger` and `deliveries`; empty for a submit."""
        return self.look().started_by

    @property
    def key(self) -> str:
        """A text that is the same in every attempt of this job run: a key for idempotent calls to others."""
        return self.id.rpartition("@")[0]


running: ContextVar[Attempt | None] = ContextVar("orchestrator_attempt", default=None)


def current() -> Attempt | None:
    """Return the attempt that calls this, or None outside of a workflow's job (a plain call of the same task)."""
    return running.get()
