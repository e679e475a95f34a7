from __future__ import annotations

from orchestrator.model.states import JobState
from orchestrator.state.transitions.nodes import Beat, Beaten
from orchestrator.state.transitions.replies import Gone
from orchestrator.state.transitions.values import SOME, Held, Kill
from support.cases import bring
from support.machine import Machine, chain, plan_of


def test_it_renews_the_lease(machine: Machine) -> None:
    node = machine.node()
    machine.reap()
    for _ in range(30):
        machine.wait(1000)
        machine.reap()
        assert node.beat() == Beaten((), (), 0)
    assert machine.client.zscore(machine.keys.nodes, "n1") == machine.now + 10_000


def test_a_closed_incarnation_is_gone(machine: Machine) -> None:
    old = machine.node()
    machine.node()
    before = machine.snapshot()
    assert old.beat() == Gone()
    assert machine.do(Beat("nobody", 1, 1, 0, 0, ())) == Gone()
    assert machine.snapshot() == before


def test_two_beats_without_an_attempt_lose_it(machine: Machine) -> None:
    case = bring(machine, JobState.running)
    node = case.slot.node
    node.beat(without=["h1"])
    assert machine.jobs(case.run)[1].state is JobState.running
    node.beat(without=["h1"])
    job = machine.jobs(case.run)[1]
    assert (job.state, job.losses) == (JobState.retrying, 1)


def test_a_beat_that_lists_it_starts_the_count_anew(machine: Machine) -> None:
    case = bring(machine, JobState.running)
    for _ in range(3):
        case.slot.node.beat(without=["h1"])
        case.slot.node.beat()
    assert machine.jobs(case.run)[1].state is JobState.running


def test_a_slot_that_is_faster_than_the_beats_loses_nothing(machine: Machine) -> None:
    run = machine.submit(chain(6))
    slot = machine.node().slot()
    slot.take()
    for _ in range(5):
        earlier = slot.ref
        slot.finish(go_on=True)
        slot.node.report((Held("h1", earlier),))
    assert machine.jobs(run)[5].state is JobState.running
    assert all(job.losses == 0 for job in machine.jobs(run))


def test_a_slot_that_is_not_listed_any_more_is_forgotten(machine: Machine) -> None:
    slot = machine.node().slot()
    slot.claim()
    node = slot.node
    node.beat()
    assert b"slot:h1" in machine.client.hgetall(machine.keys.node("n1"))
    node.beat(without=["h1"])
    node.beat(without=["h1"])
    assert not [field for field in machine.client.hkeys(machine.keys.node("n1")) if field[:2] in (b"slot:", b"missed:")]


def test_a_slot_that_ends_leaves_no_count_of_missed_beats(machine: Machine) -> None:
    case = bring(machine, JobState.running)
    case.slot.node.beat(without=["h1"])
    case.slot.settle("lost")
    fields = machine.client.hkeys(machine.keys.node("n1"))
    assert not [field for field in fields if field[:2] in (b"slot:", b"missed:")]


def test_what_is_not_the_slots_is_to_be_ended(machine: Machine) -> None:
    case = bring(machine, JobState.running)
    node = case.slot.node
    stale, unknown = f"{case.run}/0@1", "0000000000000000000z/0@1"
    beaten = node.report((Held("h1", stale), Held("h2", unknown)))
    assert isinstance(beaten, Beaten)
    assert set(beaten.kills) == {Kill("h1", stale, "stale"), Kill("h2", unknown, "stale")}


def test_the_last_loss_is_told_to_the_jobs_behind(machine: Machine) -> None:
    case = bring(machine, JobState.running)
    for _ in range(3):
        case.slot.node.beat(without=["h1"])
        case.slot.node.beat(without=["h1"])
        machine.wait(3000)
        machine.fire()
        case.slot.claim()
    assert machine.states(case.run) == ["succeeded", "failed", "upstream_failed"]


def test_it_keeps_the_clock(machine: Machine) -> None:
    node = machine.node()
    machine.submit(plan_of(1))
    machine.wait(777)
    node.beat()
    assert machine.client.hget(machine.keys.meta, "clock") == b"%d" % machine.now


def test_a_slot_between_two_attempts_loses_nothing_however_long_that_takes(machine: Machine) -> None:
    """Its claim or report was carried out, and the answer has not come: the slot does not know what it was given."""
    case = bring(machine, JobState.running)
    for _ in range(10):
        machine.wait(2000)
        assert case.slot.node.report((Held("h1", SOME),)) == Beaten((), (), 0)
    assert machine.jobs(case.run)[1].state is JobState.running


def test_a_beat_that_is_sent_again_counts_nothing_twice(machine: Machine) -> None:
    """What it lists is as old as the first time: a slot may have been given something since."""
    case = bring(machine, JobState.running)
    node = case.slot.node
    for _ in range(5):
        machine.do(Beat(node.name, node.incarnation, 7, 0, 0, (Held("h1", None),)))
    assert machine.jobs(case.run)[1].state is JobState.running
    machine.do(Beat(node.name, node.incarnation, 8, 0, 0, (Held("h1", None),)))
    assert machine.jobs(case.run)[1].state is JobState.retrying
