from __future__ import annotations

from orchestrator.model.ids import new_run_id
from orchestrator.model.states import PriorityClass, RunState
from orchestrator.state.transitions.replies import NoPlan
from orchestrator.state.transitions.runs import Created, CreateRun, Exists, Forget, KeyConflict
from orchestrator.state.transitions.values import Permits
from support.machine import DIAMOND, LOW, NORMAL, Machine, chain, plan_of


def test_roots_become_ready_and_get_permits(machine: Machine) -> None:
    run = machine.submit(plan_of(3, [(0, 2)]), priority=LOW, params=b'{"a":1}')
    info = machine.info(run)
    assert machine.states(run) == ["queued", "queued", "waiting"]
    assert machine.permits == [Permits("default", LOW, 2)]
    assert (info.state, info.priority, info.params) == (RunState.queued, PriorityClass.low, {"a": 1})
    assert info.version == 1


def test_ten_thousand_roots_are_made_in_slices(machine: Machine) -> None:
    plan = plan_of(10_000)
    run = machine.submit(plan, carry_on=False)
    assert machine.states(run).count("queued") == 250
    assert machine.carry_on(run) == 39
    assert machine.states(run).count("queued") == 10_000


def test_the_same_run_again_exists(machine: Machine) -> None:
    run = machine.submit(DIAMOND)
    before = machine.snapshot()
    assert machine.do(CreateRun(run, DIAMOND.digest, b"{}", NORMAL)) == Exists(run)
    assert machine.snapshot() == before


def test_no_run_of_a_plan_that_is_not_stored(machine: Machine) -> None:
    before = machine.snapshot()
    assert machine.do(CreateRun(new_run_id(), "nowhere", b"{}", NORMAL)) == NoPlan()
    assert machine.snapshot() == before


def test_an_idempotency_key_gives_the_first_run_or_a_conflict(machine: Machine) -> None:
    plan = chain(1)
    machine.store.put_plan(plan)
    first, second, third = new_run_id(), new_run_id(), new_run_id()
    assert isinstance(machine.do(CreateRun(first, plan.digest, b"{}", NORMAL, "a key", "r1")), Created)
    before = machine.snapshot()
    assert machine.do(CreateRun(second, plan.digest, b"{}", NORMAL, "a key", "r1")) == Exists(first)
    assert machine.do(CreateRun(third, plan.digest, b"{}", NORMAL, "a key", "r2")) == KeyConflict(first)
    assert machine.snapshot() == before


def test_an_idempotency_key_outlives_its_run_to_a_day(machine: Machine) -> None:
    plan = chain(1)
    machine.store.put_plan(plan)
    run = new_run_id()
    machine.do(CreateRun(run, plan.digest, b"{}", NORMAL, "k", "r"))
    assert machine.client.ttl(machine.keys.key("k")) == -1
    machine.node().slot().work()
    machine.do(Forget(run))
    # Expiry is by the server's own clock, which is long before that of the test.
    assert machine.client.execute_command("PEXPIRETIME", machine.keys.key("k")) == machine.now + 86_400_000
    assert machine.do(CreateRun(new_run_id(), plan.digest, b"{}", NORMAL, "k", "r")) == Exists(run)


def test_a_deadline_is_a_timer_that_goes_with_the_run(machine: Machine) -> None:
    run = machine.submit(plan_of(1, deadline_ms=5000))
    assert machine.timers() == {f"deadline/{run}": 5000}
    machine.node().slot().work()
    assert machine.timers() == {}
