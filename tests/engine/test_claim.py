from __future__ import annotations

import pytest

from orchestrator.model.states import JobState
from orchestrator.state.transitions.attempts import Nothing, Stale, Took
from orchestrator.state.transitions.replies import Gone
from orchestrator.state.transitions.values import Permits
from support.cases import STATES, bring
from support.machine import CRITICAL, DIAMOND, HIGH, LOW, NORMAL, Machine, chain, plan_of


def test_order_is_class_then_number_then_runs_start_then_ready_time(machine: Machine) -> None:
    slot = machine.node().slot()
    late = machine.submit(plan_of(3, classes={0: LOW, 1: CRITICAL}, numbers={2: 7}))
    machine.wait(1)
    later = machine.submit(chain(1))
    hurried = machine.submit(plan_of(1, classes={0: HIGH}))
    order = [slot.take() for _ in range(5) if slot.claimed is None or slot.finish()]
    assert order == [f"{late}/1@1", f"{hurried}/0@1", f"{late}/2@1", f"{later}/0@1", f"{late}/0@1"]


def test_of_one_run_what_was_ready_first_is_first(machine: Machine) -> None:
    run = machine.submit(plan_of(4, [(0, 3), (1, 2)]))
    first, second = machine.node().slot("a"), machine.node("n2").slot("b")
    first.take()
    second.take()
    second.finish()
    machine.wait(1)
    first.finish()
    assert machine.ready() == [f"{run}/2@1", f"{run}/3@1"]


def test_a_run_gives_its_class_to_jobs_without_one(machine: Machine) -> None:
    machine.submit(chain(1), priority=LOW)
    urgent = machine.submit(chain(1), priority=CRITICAL)
    assert machine.node().slot().take() == f"{urgent}/0@1"


def test_nothing_for_a_slot_without_work(machine: Machine) -> None:
    slot = machine.node().slot()
    assert slot.claim() == Nothing(())
    assert slot.again() == Nothing(())


def test_a_worker_takes_only_its_classes_and_passes_the_permit_on(machine: Machine) -> None:
    machine.submit(plan_of(2, classes={0: NORMAL, 1: LOW}))
    machine.client.hdel(machine.keys.route("default"), "out:2")
    slot = machine.node(classes=(CRITICAL, HIGH)).slot()
    passed = Nothing((Permits("default", NORMAL, 1),))
    assert slot.claim(permit=("default", CRITICAL)) == passed
    before = machine.snapshot()
    assert slot.again() == passed
    assert machine.snapshot() == before


def test_a_permit_is_never_passed_to_a_queue_of_ones_own(machine: Machine) -> None:
    machine.submit(plan_of(1, classes={0: LOW}))
    slot = machine.node(classes=(CRITICAL, LOW)).slot()
    slot.take()
    assert machine.permits == []
    slot.finish()
    assert slot.claim() == Nothing(())


def test_a_permit_counts_down_what_is_out(machine: Machine) -> None:
    machine.submit(plan_of(2))
    route = machine.keys.route("default")
    assert machine.client.hget(route, "out:2") == b"2"
    slot = machine.node().slot()
    for left in (b"1", b"0", b"0"):
        slot.claim(permit=("default", NORMAL))
        assert machine.client.hget(route, "out:2") == left
        if slot.claimed:
            slot.finish()


def test_at_most_w_permits_are_out(machine: Machine) -> None:
    machine.submit(plan_of(200))
    assert machine.client.hget(machine.keys.route("default"), "out:2") == b"16"
    machine.submit(plan_of(3))
    assert machine.permits == []
    machine.node(slots=10)
    machine.submit(plan_of(200))
    assert machine.permits == [Permits("default", NORMAL, 24)]


def test_a_slot_that_claims_again_has_lost_what_it_held(machine: Machine) -> None:
    run = machine.submit(plan_of(2))
    slot = machine.node().slot()
    slot.take()
    assert slot.take() == f"{run}/1@1"
    job = machine.jobs(run)[0]
    assert (job.state, job.losses) == (JobState.retrying, 1)


def test_the_last_loss_by_a_claim_is_told_to_the_jobs_behind(machine: Machine) -> None:
    run = machine.submit(chain(2))
    slot = machine.node().slot()
    for _ in range(3):
        slot.take()
        slot.claim()
        machine.wait(3000)
        machine.fire()
    assert machine.states(run) == ["failed", "upstream_failed"]
    assert machine.jobs(run)[0].quarantined


@pytest.mark.parametrize("state", STATES)
def test_the_same_claim_again_gets_the_same_reply(machine: Machine, state: JobState) -> None:
    slot = bring(machine, state).slot
    reply = slot.claim()
    before = machine.snapshot()
    assert slot.again() == reply
    assert machine.snapshot() == before


def test_a_late_claim_is_stale_and_a_closed_incarnation_gone(machine: Machine) -> None:
    slot = bring(machine, JobState.running).slot
    slot.op -= 2
    before = machine.snapshot()
    assert isinstance(slot.claim(), Stale)
    machine.node()
    assert machine.snapshot() != before
    before = machine.snapshot()
    assert slot.claim() == Gone()
    assert machine.snapshot() == before


def test_inputs_and_params_come_with_the_claim(machine: Machine) -> None:
    machine.submit(plan_of(3, [(0, 2), (1, 2)], inputs={2: (0, 1)}, params=[1]), params=b'{"day":1}')
    slot = machine.node().slot()
    first = slot.claim()
    assert isinstance(first, Took)
    assert (first.claimed.params, first.claimed.inputs, first.claimed.name) == (b"", {}, "j0")
    slot.finish("ok", b'{"rows":3}')
    second = slot.claim()
    assert isinstance(second, Took)
    assert second.claimed.params == b'{"day":1}'
    slot.finish("ok")
    third = slot.claim()
    assert isinstance(third, Took)
    assert third.claimed.inputs == {0: b'{"rows":3}', 1: b""}
    assert third.claimed.spec == b'{"task":"noop"}'


@pytest.mark.parametrize(("size", "inline"), [(32768, True), (32769, False)])
def test_large_inputs_are_fetched(machine: Machine, size: int, inline: bool) -> None:
    machine.submit(plan_of(3, [(0, 2), (1, 2)], inputs={2: (0, 1)}))
    slot = machine.node().slot()
    for _ in range(2):
        slot.take()
        slot.finish("ok", b"x" * size)
    took = slot.claim()
    assert isinstance(took, Took)
    assert (took.claimed.inputs is not None) == inline
    assert slot.again() == took


@pytest.mark.parametrize(("parents", "inline"), [(250, True), (251, False)])
def test_many_inputs_are_fetched(machine: Machine, parents: int, inline: bool) -> None:
    edges = [(parent, parents) for parent in range(parents)]
    machine.submit(plan_of(parents + 1, edges, inputs={parents: range(parents)}))
    slot = machine.node().slot()
    slot.claim()
    for _ in range(parents):
        slot.finish("ok", b"1", go_on=True)
    assert slot.claimed is not None
    assert slot.claimed.ref.endswith(f"/{parents}@1")
    assert slot.claimed.inputs == (dict.fromkeys(range(parents), b"1") if inline else None)


def test_heads_of_a_cancelled_run_are_dropped_on_the_way(machine: Machine) -> None:
    cancelled = machine.submit(plan_of(3))
    machine.cancel(cancelled, carry_on=False)
    machine.wait(1)
    run = machine.submit(DIAMOND)
    assert machine.node().slot().take() == f"{run}/0@1"
    assert machine.states(cancelled) == ["cancelled"] * 3
    machine.carry_on(cancelled)
    assert machine.state(cancelled).name == "cancelled"


def test_a_claim_that_drops_no_further_permits_for_what_is_left(machine: Machine) -> None:
    cancelled = machine.submit(plan_of(60))
    machine.cancel(cancelled, carry_on=False)
    machine.wait(1)
    run = machine.submit(plan_of(1))
    machine.client.hdel(machine.keys.route("default"), "out:2")
    slot = machine.node().slot()
    assert slot.claim() == Nothing((Permits("default", NORMAL, 1),))
    assert slot.take() == f"{run}/0@1"
    machine.carry_on(cancelled)
