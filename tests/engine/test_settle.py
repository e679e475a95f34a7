from __future__ import annotations

import pytest

from orchestrator.model.ids import new_run_id
from orchestrator.model.states import JobState, RunState
from orchestrator.state.transitions.attempts import Settled, Stale
from orchestrator.state.transitions.replies import Gone, Missing
from support.cases import OUTCOMES, STATES, bring
from support.machine import Machine, chain


@pytest.mark.parametrize("state", [state for state in OUTCOMES if state is not JobState.succeeded])
def test_each_outcome_has_its_state(machine: Machine, state: JobState) -> None:
    case = bring(machine, JobState.running)
    assert isinstance(case.slot.settle(OUTCOMES[state], b'{"type":"Dead"}', 1000, ref=case.ref), Settled)
    job = machine.jobs(case.run)[1]
    assert (job.state, job.error) == (state, {"type": "Dead"})


def test_the_slot_is_free_afterwards(machine: Machine) -> None:
    case = bring(machine, JobState.running)
    case.slot.settle("lost")
    machine.fire()
    case.slot.op = 0  # a new process has the slot
    assert case.slot.take() == f"{case.run}/1@2"


def test_lost_is_not_failed_and_has_a_budget(machine: Machine) -> None:
    case = bring(machine, JobState.running)
    for losses in (1, 2):
        case.slot.settle("lost")
        job = machine.jobs(case.run)[1]
        assert (job.state, job.losses, job.retries, job.quarantined) == (JobState.retrying, losses, 0, False)
        machine.fire()
        case.slot.take()
    case.slot.settle("lost")
    job = machine.jobs(case.run)[1]
    assert (job.state, job.losses, job.quarantined, job.attempt) == (JobState.failed, 3, True, 3)
    assert job.error is not None
    assert job.error["type"] == "Quarantined"
    assert machine.states(case.run) == ["succeeded", "failed", "upstream_failed"]
    assert machine.state(case.run) is RunState.failed


def test_what_is_handed_back_costs_nothing(machine: Machine) -> None:
    case = bring(machine, JobState.running)
    for _ in range(5):
        case.slot.settle("returned", b"", 100)
        machine.wait(100)
        machine.fire()
        case.slot.take()
    job = machine.jobs(case.run)[1]
    assert (job.attempt, job.losses, job.retries) == (6, 0, 0)


@pytest.mark.parametrize("state", [state for state in STATES if state is not JobState.running])
def test_an_attempt_that_is_not_the_slots_is_stale_from_every_state(machine: Machine, state: JobState) -> None:
    case = bring(machine, state)
    before = machine.snapshot()
    assert case.slot.settle("failed", ref=case.ref) == Stale(state)
    assert machine.snapshot() == before


def test_wrong_tokens_and_the_same_again_change_nothing(machine: Machine) -> None:
    case = bring(machine, JobState.running)
    before = machine.snapshot()
    assert isinstance(case.slot.settle("failed", ref=f"{case.run}/1@2"), Stale)
    assert isinstance(case.slot.node.slot("other").settle("failed", ref=case.ref), Stale)
    assert case.slot.settle("failed", ref=f"{new_run_id()}/0@1") == Missing()
    assert machine.snapshot() == before
    case.slot.settle("failed", ref=case.ref)
    before = machine.snapshot()
    assert case.slot.settle("failed", ref=case.ref) == Stale(JobState.failed)
    assert machine.snapshot() == before


def test_the_report_of_a_dead_slot_comes_too_late(machine: Machine) -> None:
    case = bring(machine, JobState.running)
    slot = case.slot
    slot.settle("lost", ref=case.ref)
    before = machine.snapshot()
    assert isinstance(slot.finish("ok", b"1", ref=case.ref), Stale)
    assert machine.snapshot() == before


def test_a_closed_incarnation_is_gone(machine: Machine) -> None:
    case = bring(machine, JobState.running)
    machine.node()
    assert case.slot.settle("failed", ref=case.ref) == Gone()


@pytest.mark.parametrize("outcome", ["lost", "returned"])
def test_what_a_dead_slot_was_given_and_never_began_is_handed_back(machine: Machine, outcome: str) -> None:
    """It reported one attempt and died before it read which it was given next."""
    run = machine.submit(chain(2))
    slot = machine.node().slot()
    first = slot.take()
    slot.finish(go_on=True)
    assert isinstance(slot.settle(outcome, ref=first), Settled)
    before, after = machine.jobs(run)
    assert (before.state, before.losses) == (JobState.succeeded, 0)
    assert (after.state, after.attempt, after.losses) == (JobState.retrying, 1, 0)


def test_what_a_slot_was_given_in_its_first_claim_comes_back_when_it_dies(machine: Machine) -> None:
    run = machine.submit(chain(1))
    slot = machine.node().slot()
    slot.take()
    slot.claimed = None
    assert isinstance(slot.settle("returned"), Settled)
    (job,) = machine.jobs(run)
    assert (job.state, job.losses) == (JobState.retrying, 0)


def test_a_slot_that_died_with_nothing_has_nothing_to_settle(machine: Machine) -> None:
    assert machine.node().slot().settle("returned") == Stale(JobState.waiting)
