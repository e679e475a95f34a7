from __future__ import annotations

from orchestrator.model.ids import new_run_id
from orchestrator.model.states import RunState
from orchestrator.state.transitions.replies import Missing
from orchestrator.state.transitions.runs import Advance, Advanced
from support.machine import Machine, chain, fan, plan_of


def test_nothing_to_do_changes_nothing(machine: Machine) -> None:
    run = machine.submit(chain(2))
    before = machine.snapshot()
    assert machine.do(Advance(run)) == Advanced(more=False, permits=())
    assert machine.snapshot() == before


def test_a_missing_run_is_not_brought_back(machine: Machine) -> None:
    before = machine.snapshot()
    assert machine.do(Advance(new_run_id())) == Missing()
    assert machine.snapshot() == before


def test_each_slice_touches_at_most_250_jobs(machine: Machine) -> None:
    run = machine.submit(fan(1000))
    slot = machine.node().slot()
    slot.take()
    slot.finish()
    for told in (500, 750):
        assert machine.do(Advance(run)).more  # type: ignore[union-attr]
        assert machine.states(run).count("queued") == told
    assert machine.do(Advance(run)) == Advanced(more=False, permits=())
    assert machine.states(run).count("queued") == 1000


def test_several_may_carry_on_while_others_work(machine: Machine) -> None:
    run = machine.submit(fan(1000))
    slot = machine.node().slot()
    slot.take()
    slot.finish()
    done = 0
    while slot.claim() and slot.claimed:
        slot.finish("ok", b"1")
        done += 1
        machine.do(Advance(run))
    assert done == 1001
    assert machine.state(run) is RunState.succeeded


def test_a_run_does_not_end_while_something_is_left_to_do(machine: Machine) -> None:
    run = machine.submit(fan(300))
    slot = machine.node().slot()
    slot.take()
    slot.finish("skipped")
    assert machine.state(run) is RunState.running
    machine.carry_on(run)
    assert machine.state(run) is RunState.succeeded


def test_leaves_that_end_by_the_thousand_leave_no_lines(machine: Machine) -> None:
    """A line that costs a script nothing would let it go on without a bound."""
    run = machine.submit(plan_of(1001, [(0, job) for job in range(1, 1001)]))
    slot = machine.node().slot()
    slot.take()
    slot.finish("failed")
    assert machine.client.lrange(machine.keys.todo(run), 0, -1) == [b"spread 0 250"]
    assert machine.carry_on(run) == 3
    assert machine.state(run) is RunState.failed


def test_lines_of_a_cancelled_run_are_dropped_in_slices(machine: Machine) -> None:
    run = machine.submit(plan_of(2000), carry_on=False)
    todo = machine.keys.todo(run)
    machine.client.rpush(todo, *[b"roots 0 250"] * 999)
    machine.cancel(run, carry_on=False)
    machine.do(Advance(run))
    assert machine.client.llen(todo) == 1001 - 250
    machine.carry_on(run)
    assert machine.state(run) is RunState.cancelled


def test_a_slice_without_a_move_makes_no_entry_in_the_stream(machine: Machine) -> None:
    run = machine.submit(plan_of(1002, [(0, job) for job in range(2, 1002)] + [(1, job) for job in range(2, 1002)]))
    slot = machine.node().slot()
    slot.take()
    slot.finish()
    entries = machine.client.xlen(machine.keys.transitions)
    machine.carry_on(run)
    assert machine.client.xlen(machine.keys.transitions) == entries
