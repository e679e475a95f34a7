from __future__ import annotations

import pytest

from orchestrator.model.ids import AttemptRef
from orchestrator.model.states import JobState, RunState
from orchestrator.state.transitions.timers import Fire
from orchestrator.state.transitions.values import Permits
from support.cases import DELAY_MS, STATES, bring
from support.machine import NORMAL, Machine, chain, plan_of


@pytest.mark.parametrize("state", [JobState.retrying, JobState.parked])
def test_what_is_due_is_queued_again(machine: Machine, state: JobState) -> None:
    case = bring(machine, state)
    machine.wait(DELAY_MS - 1)
    assert machine.fire() == 0
    assert machine.states(case.run)[1] == state.name
    machine.wait(1)
    fired = machine.do(Fire())
    assert (fired.count, fired.permits, fired.next_due_ms) == (1, (Permits("default", NORMAL, 1),), None)
    assert machine.ready() == [f"{case.run}/1@2"]
    assert machine.fire() == 0


@pytest.mark.parametrize("state", [state for state in STATES if state not in (JobState.retrying, JobState.parked)])
def test_a_stray_timer_moves_nothing(machine: Machine, state: JobState) -> None:
    case = bring(machine, state)
    before = machine.snapshot()
    machine.client.zadd(machine.keys.timers, {f"retry/{case.ref}": machine.now})
    assert machine.fire() == 1
    after = machine.snapshot()
    assert after.pop(machine.keys.meta.encode())  # the clock is kept
    before.pop(machine.keys.meta.encode())
    assert after == before


def test_a_timer_of_an_earlier_attempt_moves_nothing(machine: Machine) -> None:
    case = bring(machine, JobState.retrying)
    machine.wait(DELAY_MS)
    machine.fire()
    case.slot.take()
    case.slot.finish("retry", b"", DELAY_MS)
    machine.client.zadd(machine.keys.timers, {f"retry/{case.ref}": machine.now})
    assert machine.fire() == 1
    assert machine.states(case.run)[1] == "retrying"


def test_a_timer_of_a_missing_run_is_dropped(machine: Machine) -> None:
    machine.client.zadd(machine.keys.timers, {"retry/nothing/0@1": 1, "deadline/nothing": 1})
    assert machine.fire() == 2
    assert machine.timers() == {}


def test_at_most_100_a_call_and_the_next_is_told(machine: Machine) -> None:
    run = machine.submit(plan_of(150))
    slot = machine.node().slot()
    slot.claim()
    for _ in range(150):
        slot.finish("retry", b"", 500, go_on=True)
    machine.wait(500)
    first = machine.do(Fire())
    assert (first.count, first.next_due_ms, first.now_ms) == (100, machine.now, machine.now)
    assert machine.fire() == 50
    assert machine.states(run) == ["queued"] * 150


def test_a_deadline_times_the_run_out(machine: Machine) -> None:
    run = machine.submit(plan_of(3, [(0, 1)], deadline_ms=5000))
    slot = machine.node().slot()
    slot.take()
    machine.wait(5000)
    assert machine.fire() == 1
    machine.carry_on(run)
    beaten = slot.node.beat()
    assert [kill.why for kill in beaten.kills] == ["timed_out"]  # type: ignore[union-attr]
    slot.finish("timed_out")
    assert machine.state(run) is RunState.timed_out
    assert machine.info(run).who == "deadline"
    assert machine.states(run) == ["timed_out", "cancelled", "cancelled"]


def test_a_deadline_after_a_cancel_changes_nothing(machine: Machine) -> None:
    run = machine.submit(plan_of(1, deadline_ms=5000))
    slot = machine.node().slot()
    slot.take()
    machine.cancel(run)
    machine.wait(5000)
    machine.fire()
    slot.finish("ok")
    assert machine.state(run) is RunState.cancelled


def test_time_does_not_go_back(machine: Machine, redis_client: object) -> None:
    """The real clock: never behind what the namespace has seen."""
    seconds, _ = machine.client.time()
    ahead = (seconds + 30) * 1000
    machine.client.hset(machine.keys.meta, "clock", ahead)
    run = machine.submit(chain(1))
    store = type(machine.store)(machine.client, machine.store.namespace)
    assert store.run(Fire()).now_ms == ahead
    machine.client.hset(machine.keys.meta, "clock", 0)
    seconds, micros = machine.client.time()
    assert abs(store.run(Fire()).now_ms - (seconds * 1000 + micros // 1000)) < 5000
    assert machine.state(run) is RunState.queued


def test_a_job_that_waits_for_its_task_for_days_keeps_its_count(machine: Machine) -> None:
    """At a try each five seconds, 65,536 attempts are less than four days."""
    run = machine.submit(chain(1))
    slot = machine.node().slot()
    slot.take()
    key = machine.keys.records(run, 0)
    packed = machine.client.hget(key, 0)
    machine.client.hset(key, 0, packed[:2] + (65_535).to_bytes(3) + packed[5:])
    machine.client.hset(machine.keys.node("n1"), "slot:h1", f"1\n{run}/0@65535\ntook\n0")
    slot.finish("unknown", ref=f"{run}/0@65535")
    machine.fire()
    assert slot.take() == f"{run}/0@65536"
    assert AttemptRef.parse(f"{run}/0@65536").attempt == machine.jobs(run)[0].attempt == 65_536
    machine.client.delete(machine.keys.transitions, machine.keys.node("n1"), machine.keys.nodes)  # nothing to replay
    machine.client.zrem(machine.keys.live, run)


def test_a_timer_of_an_instance_is_not_for_the_job_itself(machine: Machine) -> None:
    """No job has instances yet; a later release may leave such timers."""
    run = machine.submit(chain(1))
    slot = machine.node().slot()
    slot.take()
    slot.finish("retry", b"", 60_000)
    machine.client.zadd(machine.keys.timers, {f"retry/{run}/0.0@1": machine.now})
    assert machine.fire() == 1
    assert machine.states(run) == ["retrying"]
    machine.wait(60_000)
    machine.fire()
    assert machine.states(run) == ["queued"]
