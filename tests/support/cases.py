"""A job run in any state that it can rest in, so that a test can try a transition from each of them."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.model.states import JobState
from support.machine import Machine, Slot, chain

OUTCOMES = {
    JobState.succeeded: "ok", JobState.failed: "failed", JobState.timed_out: "timed_out",
    JobState.cancelled: "cancelled", JobState.skipped: "skipped", JobState.retrying: "retry",
    JobState.parked: "unknown",
}  # fmt: skip
"""What a node reports to bring a running job run into a state."""
STATES = (JobState.waiting, JobState.queued, JobState.running, JobState.upstream_failed, *OUTCOMES)
"""Every state that a job run can rest in."""
DELAY_MS = 60_000


@dataclass
class Case:
    """A run of three jobs in a row, of which the second is in the state wanted."""

    run: str
    slot: Slot
    ref: str
    """The first attempt of the second job, whether there is one yet or not."""


def bring(machine: Machine, state: JobState) -> Case:
    """Make a run whose second job is in a state."""
    run = machine.submit(chain(3))
    slot = machine.node().slot()
    case = Case(run, slot, f"{run}/1@1")
    if state is JobState.waiting:
        return case
    slot.take()
    slot.finish("failed" if state is JobState.upstream_failed else "ok")
    if state in (JobState.queued, JobState.upstream_failed):
        return case
    assert slot.take() == case.ref
    if state is not JobState.running:
        slot.finish(OUTCOMES[state], b'{"type":"E"}' if state is not JobState.succeeded else b"", DELAY_MS)
    assert machine.jobs(run)[1].state is state
    return case
