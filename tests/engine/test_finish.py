from __future__ import annotations

import pytest

from orchestrator.model.ids import new_run_id
from orchestrator.model.states import JobState, RunState
from orchestrator.state.transitions.attempts import Done, Stale
from orchestrator.state.transitions.replies import Gone, Missing
from orchestrator.state.transitions.values import Permits
from support.cases import OUTCOMES, STATES, bring
from support.machine import DIAMOND, LOW, NORMAL, Machine, chain, fan, plan_of


@pytest.mark.parametrize("state", OUTCOMES)
def test_each_outcome_has_its_state_and_tells_the_jobs_behind(machine: Machine, state: JobState) -> None:
    case = bring(machine, state)
    behind = {
        JobState.succeeded: "queued", JobState.skipped: "skipped", JobState.retrying: "waiting",
        JobState.parked: "waiting",
    }.get(state, "upstream_failed")  # fmt: skip
    assert machine.states(case.run) == ["succeeded", state.name, behind]
    ended = {"upstream_failed": RunState.failed, "skipped": RunState.succeeded}
    assert machine.state(case.run) is ended.get(behind, RunState.running)


@pytest.mark.parametrize("state", [state for state in STATES if state is not JobState.running])
def test_an_attempt_that_is_not_the_slots_is_stale_from_every_state(machine: Machine, state: JobState) -> None:
    case = bring(machine, state)
    before = machine.snapshot()
    assert case.slot.finish("ok", b"9", ref=case.ref) == Stale(state)
    assert machine.snapshot() == before


@pytest.mark.parametrize("outcome", ["ok", "failed", "retry", "lost", "nonsense"])
def test_a_wrong_token_changes_nothing(machine: Machine, outcome: str) -> None:
    case = bring(machine, JobState.running)
    before = machine.snapshot()
    for ref in (f"{case.run}/1@2", f"{case.run}/0@1", f"{case.run}/2@1", f"{case.run}/99@1", f"{case.run}/1.0@1"):
        assert isinstance(case.slot.finish(outcome, b"9", ref=ref), Stale)
    assert isinstance(case.slot.node.slot("other").finish(outcome, ref=case.ref), Stale)
    assert machine.snapshot() == before


def test_an_operation_that_comes_late_changes_nothing(machine: Machine) -> None:
    slot = bring(machine, JobState.running).slot
    ref = slot.ref
    slot.op -= 2  # as if a call sent before the claim arrived only now
    before = machine.snapshot()
    assert slot.finish(ref=ref) == Stale(JobState.running)
    assert machine.snapshot() == before


def test_a_closed_incarnation_is_gone(machine: Machine) -> None:
    case = bring(machine, JobState.running)
    machine.node()  # the same node comes in again
    before = machine.snapshot()
    assert case.slot.finish() == Gone()
    assert machine.snapshot() == before


def test_a_missing_run_is_not_brought_back(machine: Machine) -> None:
    slot = bring(machine, JobState.running).slot
    before = machine.snapshot()
    assert slot.finish("ok", b"1", ref=f"{new_run_id()}/0@1") == Missing()
    assert machine.snapshot() == before


@pytest.mark.parametrize("outcome", ["ok", "failed", "retry", "lost"])
@pytest.mark.parametrize("go_on", [True, False])
def test_the_same_operation_again_gets_the_same_reply(machine: Machine, outcome: str, go_on: bool) -> None:
    machine.submit(DIAMOND)
    other = machine.submit(plan_of(1, inputs={}, params=[0]), params=b'{"a":1}')
    slot = machine.node().slot()
    slot.take()
    reply = slot.finish(outcome, b"1", go_on=go_on)
    assert isinstance(reply, Done)
    assert (reply.claimed is not None) == go_on
    before = machine.snapshot()
    assert slot.again() == reply
    assert slot.again() == reply
    assert machine.snapshot() == before
    assert machine.jobs(other)[0].attempt == 1


def test_a_finish_whose_number_was_a_claims_is_stale(machine: Machine) -> None:
    case = bring(machine, JobState.running)
    case.slot.op -= 1
    before = machine.snapshot()
    assert isinstance(case.slot.finish(ref=case.ref), Stale)
    assert machine.snapshot() == before


@pytest.mark.parametrize(("outcome", "retries"), [("retry", 1), ("unknown", 0)])
def test_output_and_error_are_kept_and_an_error_goes_with_success(machine: Machine, outcome: str, retries: int) -> None:
    run = machine.submit(chain(1))
    slot = machine.node().slot()
    slot.take()
    slot.finish(outcome, b'{"type":"E"}', 10)
    assert machine.jobs(run)[0].error == {"type": "E"}
    machine.wait(10)
    machine.fire()
    slot.take()
    slot.finish("ok", b"[1]")
    job = machine.jobs(run)[0]
    assert (job.error, job.attempt, job.retries, job.losses) == (None, 2, retries, 0)
    assert machine.client.hgetall(machine.keys.outputs(run)) == {b"0": b"[1]"}


def test_a_turn_that_ends_publishes_one_permit_for_what_is_left(machine: Machine) -> None:
    machine.submit(plan_of(4, classes={3: LOW}))
    slot = machine.node().slot()
    slot.take()
    machine.client.hdel(machine.keys.route("default"), "out:2")
    slot.finish(leave=True)
    assert machine.permits == [Permits("default", NORMAL, 1)]
    slot.take()
    slot.finish()
    assert machine.permits == []


def test_what_the_slot_takes_itself_needs_no_permit(machine: Machine) -> None:
    machine.submit(fan(3))
    slot = machine.node().slot()
    slot.take()
    reply = slot.finish(go_on=True)
    assert isinstance(reply, Done)
    assert reply.permits == (Permits("default", NORMAL, 2),)


@pytest.mark.parametrize("outcome", ["ok", "failed", "skipped"])
def test_a_wide_fan_out_is_told_in_slices(machine: Machine, outcome: str) -> None:
    run = machine.submit(fan(1000))
    slot = machine.node().slot()
    slot.take()
    reply = slot.finish(outcome)
    assert isinstance(reply, Done)
    assert reply.todo
    behind = {"ok": "queued", "failed": "upstream_failed", "skipped": "skipped"}[outcome]
    assert machine.states(run)[1:-1].count(behind) == 250
    slices = machine.carry_on(run)
    assert slices <= {"ok": 4, "failed": 9, "skipped": 9}[outcome]
    assert machine.states(run)[1:].count(behind) == 1000 + (outcome != "ok")
    if outcome == "ok":
        assert slot.work() == 1001
    assert machine.state(run).final


def test_a_deep_failure_is_told_in_slices(machine: Machine) -> None:
    run = machine.submit(chain(1000))
    slot = machine.node().slot()
    slot.take()
    slot.finish("failed")
    assert machine.states(run).count("upstream_failed") == 250
    assert machine.state(run) is RunState.running
    machine.carry_on(run)
    assert machine.states(run).count("upstream_failed") == 999
    assert machine.state(run) is RunState.failed


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("ok", "ok", "queued"),
        ("ok", "skipped", "skipped"),
        ("skipped", "failed", "upstream_failed"),
        ("ok", "timed_out", "upstream_failed"),
        ("cancelled", "ok", "upstream_failed"),
    ],
)
def test_a_join_is_decided_by_all_its_parents(machine: Machine, first: str, second: str, expected: str) -> None:
    run = machine.submit(plan_of(3, [(0, 2), (1, 2)]))
    slot = machine.node().slot()
    slot.take()
    slot.finish(first)
    assert machine.states(run)[2] == "waiting"
    slot.take()
    slot.finish(second)
    assert machine.states(run)[2] == expected


def test_a_job_behind_a_failure_fails_the_run_and_a_skip_does_not(machine: Machine) -> None:
    failed = machine.submit(chain(2))
    machine.wait(1)
    skipped = machine.submit(chain(2))
    slot = machine.node().slot()
    slot.take()
    slot.finish("failed")
    slot.take()
    slot.finish("skipped")
    assert (machine.state(failed), machine.state(skipped)) == (RunState.failed, RunState.succeeded)
