from __future__ import annotations

import pytest

from orchestrator.model.ids import new_run_id
from orchestrator.model.states import JobState, RunState
from orchestrator.state.transitions.nodes import Beaten
from orchestrator.state.transitions.replies import Missing
from orchestrator.state.transitions.runs import Cancel, Ended, Marked
from orchestrator.state.transitions.values import Kill
from support.cases import STATES, bring
from support.machine import DIAMOND, Machine, chain, fan, plan_of


@pytest.mark.parametrize("state", STATES)
def test_from_every_state_what_has_not_started_never_will(machine: Machine, state: JobState) -> None:
    case = bring(machine, state)
    before = machine.state(case.run)
    reply = machine.do(Cancel(case.run, "ops", "no need"))
    if before.final:
        assert reply == Ended(before)
        return
    assert reply == Marked(todo=True)
    assert machine.do(Cancel(case.run, "another", "again")) == Marked(todo=True)
    info = machine.info(case.run)
    assert (info.state, info.who, info.why) == (RunState.cancelling, "ops", "no need")
    machine.carry_on(case.run)
    if state is JobState.running:
        assert machine.states(case.run)[1] == "running"
        assert machine.state(case.run) is RunState.cancelling
        case.slot.finish("cancelled")
    assert machine.state(case.run) is RunState.cancelled
    assert machine.timers() == {}
    assert machine.ready() == []
    kept = {JobState.succeeded, JobState.failed, JobState.skipped, JobState.timed_out}
    assert machine.states(case.run)[1] == (state.name if state in kept else "cancelled")


@pytest.mark.parametrize("outcome", ["ok", "failed", "retry", "unknown", "timed_out", "lost", "returned"])
def test_a_finish_that_comes_first_stands_and_the_run_is_cancelled(machine: Machine, outcome: str) -> None:
    case = bring(machine, JobState.running)
    machine.cancel(case.run)
    case.slot.finish(outcome, b"1", 10)
    expected = {"ok": "succeeded", "timed_out": "timed_out", "lost": "cancelled", "returned": "cancelled"}
    assert machine.states(case.run) == ["succeeded", expected.get(outcome, "failed"), "cancelled"]
    assert machine.state(case.run) is RunState.cancelled
    assert machine.timers() == {}


def test_its_node_is_told_to_end_it(machine: Machine) -> None:
    case = bring(machine, JobState.running)
    machine.cancel(case.run)
    beaten = case.slot.node.beat()
    assert isinstance(beaten, Beaten)
    assert beaten.kills == (Kill("h1", case.ref, "cancelled"),)


@pytest.mark.parametrize("stage", ["roots", "spread"])
def test_work_left_over_is_dropped(machine: Machine, stage: str) -> None:
    if stage == "roots":
        run = machine.submit(plan_of(1000), carry_on=False)
    else:
        run = machine.submit(fan(1000))
        slot = machine.node().slot()
        slot.take()
        slot.finish()
    machine.cancel(run)
    assert machine.state(run) is RunState.cancelled
    assert machine.ready() == []
    assert len(machine.transitions(run)) < 600  # the run's own transition stands for the jobs that were never touched


def test_a_lost_attempt_of_a_cancelled_run_ends_it(machine: Machine) -> None:
    case = bring(machine, JobState.running)
    machine.cancel(case.run)
    assert machine.reap_at_last() == 1
    assert machine.states(case.run) == ["succeeded", "cancelled", "cancelled"]
    assert machine.state(case.run) is RunState.cancelled


def test_it_ends_no_other_run(machine: Machine) -> None:
    kept, cancelled = machine.submit(DIAMOND), machine.submit(DIAMOND)
    machine.cancel(cancelled)
    assert machine.node().slot().work() == 4
    assert machine.state(kept) is RunState.succeeded


def test_a_missing_run_is_not_brought_back(machine: Machine) -> None:
    before = machine.snapshot()
    assert machine.do(Cancel(new_run_id(), "a", "b")) == Missing()
    assert machine.snapshot() == before


def test_ten_thousand_queued_jobs_are_cancelled_in_slices(machine: Machine) -> None:
    run = machine.submit(plan_of(2000))
    machine.cancel(run, carry_on=False)
    assert machine.carry_on(run) > 2000 // 256
    assert machine.states(run) == ["cancelled"] * 2000


def test_a_timer_that_fires_between_cancel_and_its_advance_starts_nothing(machine: Machine) -> None:
    run = machine.submit(chain(1))
    slot = machine.node().slot()
    slot.take()
    slot.finish("retry", b"", 10)
    machine.cancel(run, carry_on=False)
    machine.wait(10)
    assert machine.fire() == 1
    assert machine.states(run) == ["retrying"]
    machine.carry_on(run)
    assert machine.states(run) == ["cancelled"]
    assert machine.state(run) is RunState.cancelled


def test_a_reason_of_any_length_leaves_the_stream_readable(machine: Machine) -> None:
    run = machine.submit(plan_of(1))
    machine.do(Cancel(run, "someone", "because " * 10_000))
    machine.carry_on(run)
    assert [each.after.name for each in machine.transitions(run)][-3:] == ["cancelling", "cancelled", "cancelled"]
    assert machine.info(run).why == "because " * 10_000


def test_a_run_is_not_over_while_its_todo_has_lines(machine: Machine) -> None:
    run = machine.submit(chain(2))
    slot = machine.node().slot()
    slot.take()
    machine.cancel(run, carry_on=False)
    slot.finish("cancelled")
    assert machine.state(run) is RunState.cancelling
    machine.carry_on(run)
    assert machine.state(run) is RunState.cancelled
