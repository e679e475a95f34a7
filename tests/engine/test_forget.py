from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.model.ids import new_run_id
from orchestrator.model.states import JobState
from orchestrator.plan.plan import Plan
from orchestrator.state import limits, reads
from orchestrator.state.layouts.change_ops import pack, put_workflow
from orchestrator.state.layouts.plans import upload_commands
from orchestrator.state.transitions.definitions import Apply
from orchestrator.state.transitions.replies import Dropped, Missing
from orchestrator.state.transitions.runs import CreateRun, DropTodo, Forget, Forgotten, Live, Trimmed, TrimTransitions
from support.cases import STATES, bring
from support.machine import Machine, fan, plan_of


def parts(machine: Machine, run: str) -> list[bytes]:
    return [key for key in machine.client.scan_iter(count=1000) if run.encode() in key]


def test_no_key_is_left(machine: Machine) -> None:
    run = machine.submit(fan(300))
    slot = machine.node().slot()
    slot.take()
    slot.finish("ok", b"1")
    machine.carry_on(run)
    slot.take()
    slot.finish("failed", b'{"type":"E"}', go_on=True)
    slot.finish(go_on=True)
    slot.work()
    kept = machine.submit(plan_of(1))
    assert len(parts(machine, run)) >= 7
    assert machine.do(Forget(run)) == Forgotten(more=False)
    assert parts(machine, run) == []
    assert machine.client.zrange(machine.keys.ended, 0, -1) == []
    assert machine.do(Forget(run)) == Missing()
    assert machine.info(kept)


def test_a_large_run_goes_in_slices_its_record_last(machine: Machine) -> None:
    total = 128 * 250 + 1
    run = machine.submit(plan_of(total), carry_on=False)
    machine.cancel(run)
    assert machine.do(Forget(run)) == Forgotten(more=True)
    assert machine.info(run).total == total
    assert machine.do(Forget(run)) == Forgotten(more=False)
    assert parts(machine, run) == []


@pytest.mark.parametrize("state", STATES)
def test_only_what_has_ended_is_forgotten(machine: Machine, state: JobState) -> None:
    case = bring(machine, state)
    before = machine.snapshot()
    over = machine.state(case.run).final
    assert machine.do(Forget(case.run)) == (Forgotten(more=False) if over else Live())
    assert (machine.snapshot() == before) != over


def test_nothing_brings_a_forgotten_run_back(machine: Machine) -> None:
    case = bring(machine, JobState.failed)
    machine.do(Forget(case.run))
    machine.fire()
    machine.carry_on(case.run)
    case.slot.finish("ok", b"1", ref=case.ref)
    case.slot.settle("lost", ref=case.ref)
    case.slot.node.beat()
    assert parts(machine, case.run) == []


def test_a_missing_run(machine: Machine) -> None:
    before = machine.snapshot()
    assert machine.do(Forget(new_run_id())) == Missing()
    assert machine.snapshot() == before


def test_a_missing_run_leaves_the_list_of_todos(machine: Machine) -> None:
    machine.client.zadd(machine.keys.todos, {"nosuch": 1})
    machine.client.rpush(machine.keys.todo("nosuch"), "roots 0 0")
    assert machine.do(DropTodo("nosuch")) == Dropped()
    assert not machine.client.exists(machine.keys.todos, machine.keys.todo("nosuch"))


@pytest.mark.parametrize("over", [True, False])
def test_a_run_that_is_there_keeps_its_todo(machine: Machine, over: bool) -> None:
    run = machine.submit(fan(600), carry_on=over)
    if over:
        machine.cancel(run)
    before = machine.snapshot()
    assert machine.do(DropTodo(run)) == Live()
    assert machine.snapshot() == before
    machine.carry_on(run)


def test_the_newest_transitions_are_kept(machine: Machine) -> None:
    for _ in range(300):
        machine.client.xadd(machine.keys.transitions, {"e": "x"})
    assert machine.do(TrimTransitions(1_000)) == Trimmed(0)
    trimmed = machine.do(TrimTransitions(100)).count
    assert trimmed > 0
    assert machine.client.xlen(machine.keys.transitions) == 300 - trimmed >= 100
    machine.client.delete(machine.keys.transitions)


def plans(machine: Machine) -> set[str]:
    """Return the plans of which any key is there."""
    names = (key.decode().partition(":plan:")[2] for key in machine.client.scan_iter(count=1000))
    return {name.partition(":")[0] for name in names if name}


def versions(machine: Machine, name: str = "w") -> list[int]:
    info = machine.store.read(reads.workflow(machine.keys, name))
    assert info is not None
    return sorted(info.versions)


def over(machine: Machine, plan: Plan) -> str:
    """Make a run of a plan that is over."""
    run = machine.submit(plan)
    machine.cancel(run)
    return run


def register(machine: Machine, plan: Plan) -> None:
    for batch in upload_commands(machine.keys, plan):
        machine.store.pipeline(batch)
    machine.do(Apply(-1, pack([put_workflow(plan.workflow, plan.digest)])))


def test_a_plan_goes_with_its_last_run_where_another_is_current(machine: Machine) -> None:
    first, wide, last = plan_of(1, workflow="w"), replace(fan(600), workflow="w"), plan_of(2, workflow="w")
    gone = [over(machine, plan) for plan in (first, first, wide)]
    kept = over(machine, last)
    machine.do(Forget(gone[0]))
    assert plans(machine) == {first.digest, wide.digest, last.digest}, "a run of it is left"
    for run in (*gone[1:], kept):
        machine.do(Forget(run))
    assert plans(machine) == {last.digest}, "which its workflow is started by"
    assert versions(machine) == [3]
    assert machine.info(machine.submit(first)).version == 4, "it comes again as a new version"


def test_a_plan_without_runs_goes_when_another_becomes_current(machine: Machine) -> None:
    first, second = plan_of(1, workflow="w"), plan_of(2, workflow="w")
    machine.do(Forget(over(machine, first)))
    assert plans(machine) == {first.digest}
    machine.store.put_plan(second)
    assert plans(machine) == {second.digest}


def test_a_plan_that_had_no_run_yet_stays_for_who_is_about_to_start_one(machine: Machine) -> None:
    first, second = plan_of(1, workflow="w"), plan_of(2, workflow="w")
    machine.store.put_plan(first)
    machine.store.put_plan(second)
    assert machine.do(CreateRun(new_run_id(), first.digest, b"{}", 2))
    assert plans(machine) == {first.digest, second.digest}


def test_a_registered_version_stays_without_runs(machine: Machine) -> None:
    first, second = plan_of(1, workflow="w"), plan_of(2, workflow="w")
    register(machine, first)
    run = over(machine, first)
    register(machine, second)
    machine.do(Forget(run))
    assert plans(machine) == {first.digest, second.digest}


def test_registered_versions_are_bounded(machine: Machine) -> None:
    made = [plan_of(total, workflow="w") for total in range(1, limits.VERSIONS_KEPT + 4)]
    register(machine, made[0])
    kept = machine.submit(made[0])
    for plan in made[1:]:
        register(machine, plan)
    assert versions(machine) == [1, *range(4, len(made) + 1)], "but one with runs stays for them"
    machine.cancel(kept)
    machine.do(Forget(kept))
    assert plans(machine) == {plan.digest for plan in made[3:]}
