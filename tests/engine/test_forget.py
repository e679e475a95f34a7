from __future__ import annotations

import pytest

from orchestrator.model.ids import new_run_id
from orchestrator.model.states import JobState
from orchestrator.state.transitions.replies import Dropped, Missing
from orchestrator.state.transitions.runs import DropTodo, Forget, Forgotten, Live, Trimmed, TrimTransitions
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
