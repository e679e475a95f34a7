"""The compiled plan that runs execute: immutable, and addressed by its content.

Jobs are numbered in the order of the definition. `specs` and `routes` are interned, so a job costs a few integers.
`state.layouts.plans` packs a plan into Redis buckets and reads it back.
"""

from __future__ import annotations

from dataclasses import dataclass

INHERIT_PRIORITY = 255
"""The priority of a job that takes its run's."""
DEFAULT_RANK = 128
"""The rank of a job inside its priority class (0 to 255, lower first) where its definition gives no `number`."""
MAX_IN_DEGREE = 100_000
MAX_JOBS = 1_000_000


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """One job, by indexes into the plan's `specs`, `routes` and jobs."""

    spec: int
    route: int
    priority: int
    """Its `PriorityClass`, or `INHERIT_PRIORITY`."""
    rank: int
    in_degree: int
    inputs: tuple[int, ...]
    """The jobs whose outputs the arguments use, in ascending order without repeats (all are predecessors)."""
    successors: tuple[int, ...]
    """The jobs that wait for this one, in ascending order without repeats."""
    uses_params: bool
    """Whether the arguments use the run's parameters."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A workflow version ready to run.

    `head` is JSON of the definition without its jobs (name, description, priority, deadline, parameters' schema,
    datasets). `specs` are JSON documents for the worker (see `plan.specs`). The scripts read neither.
    """

    digest: str
    workflow: str
    head: bytes
    deadline_ms: int
    """Milliseconds that a run may take from its creation, 0 for no limit."""
    priority: int
    """The `PriorityClass` of a run where the submitter gives none."""
    names: tuple[str, ...]
    specs: tuple[bytes, ...]
    routes: tuple[str, ...]
    jobs: tuple[PlannedJob, ...]
    roots: tuple[int, ...]
