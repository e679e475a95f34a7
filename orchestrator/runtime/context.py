"""What a task can learn about the attempt that it runs in."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass


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

    @property
    def key(self) -> str:
        """A text that is the same in every attempt of this job run: a key for idempotent calls to others."""
        return self.id.rpartition("@")[0]


running: ContextVar[Attempt | None] = ContextVar("orchestrator_attempt", default=None)


def current() -> Attempt | None:
    """Return the attempt that calls this, or None outside of a workflow's job (a plain call of the same task)."""
    return running.get()
