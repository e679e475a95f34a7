from __future__ import annotations

from orchestrator.model.states import JobState, RunState
from support.cases import bring
from support.machine import Machine, plan_of


def test_a_node_that_is_silent_for_a_lease_is_closed(machine: Machine) -> None:
    case = bring(machine, JobState.running)
    machine.reap()
    for _ in range(9):
        machine.wait(1000)
        assert machine.reap() == 0
    machine.wait(1000)
    assert machine.reap() == 1
    job = machine.jobs(case.run)[1]
    assert (job.state, job.losses, job.attempt) == (JobState.retrying, 1, 1)
    assert machine.client.zcard(machine.keys.nodes) == 0
    assert 0 < machine.client.pttl(machine.keys.node("n1")) <= 3_600_000
    assert machine.client.hget(machine.keys.route("default"), "slots") == b"0"
    assert machine.reap() == 0


def test_the_budget_of_losses(machine: Machine) -> None:
    run = machine.submit(plan_of(2, [(0, 1)]))
    waits = []
    for _ in range(3):
        machine.node().slot().take()
        machine.reap_at_last()
        if timers := machine.timers():
            waits += timers.values()
            machine.wait(max(timers.values()))
            machine.fire()
    assert waits == [0, 1000]
    assert machine.states(run) == ["failed", "upstream_failed"]
    assert machine.jobs(run)[0].quarantined
    assert machine.state(run) is RunState.failed


def test_an_outage_is_not_a_death(machine: Machine) -> None:
    """A gap in the reaper's own ticks: whoever lives has a lease to say so."""
    case = bring(machine, JobState.running)
    machine.reap()
    machine.wait(60_000)
    assert machine.reap() == 0
    assert machine.client.zscore(machine.keys.nodes, "n1") == machine.now + 10_000
    case.slot.node.beat()
    machine.wait(3000)
    assert machine.reap() == 0
    assert machine.jobs(case.run)[1].state is JobState.running
    assert machine.reap_at_last() == 1


def test_three_seconds_are_no_gap_yet(machine: Machine) -> None:
    bring(machine, JobState.running)
    machine.reap()
    for _ in range(3):
        machine.wait(3000)
        assert machine.reap() == 0
    machine.wait(3000)
    assert machine.reap() == 1


def test_another_server_starts_leases_afresh(machine: Machine) -> None:
    bring(machine, JobState.running)
    for second in range(10):
        machine.reap()
        machine.wait(1000)
        assert second < 10
    assert machine.reap("restarted") == 0
    assert machine.client.zscore(machine.keys.nodes, "n1") == machine.now + 10_000
    assert machine.reap("restarted") == 0


def test_only_the_dead_are_closed(machine: Machine) -> None:
    run = machine.submit(plan_of(2))
    dead, alive = machine.node("dead"), machine.node("alive")
    dead.slot().take()
    alive.slot().take()
    machine.reap()
    for _ in range(6):
        machine.wait(2000)
        alive.beat()
        machine.reap()
    assert machine.states(run) == ["retrying", "running"]
    assert dead.beat() != alive.beat()


def test_idle_and_unknown_slots_cost_nothing(machine: Machine) -> None:
    node = machine.node()
    node.slot("a").claim()
    node.slot("b").claim()
    assert machine.reap_at_last() == 0
