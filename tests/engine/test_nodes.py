"""`register` and `leave`: nodes come in and go out in good order."""

from __future__ import annotations

import pytest

from orchestrator.model.states import JobState, RunState
from orchestrator.state import reads
from orchestrator.state.transitions.attempts import Done, Settled
from orchestrator.state.transitions.nodes import Beaten, Leave, Register, Subscribed, Taken, Welcome
from orchestrator.state.transitions.replies import Gone
from orchestrator.state.transitions.values import Held, Subscription
from support.cases import Case, bring
from support.machine import ALL, Machine, chain


def test_each_incarnation_has_a_number_of_its_own(machine: Machine) -> None:
    assert [machine.node(name).incarnation for name in ("a", "b", "a")] == [1, 2, 3]


def test_a_node_is_shown_as_it_registered(machine: Machine) -> None:
    machine.node("a", classes=(0, 2), slots=7)
    (info,) = machine.store.read(reads.nodes(machine.keys))
    assert (info.name, info.slots, info.idle, info.held) == ("a", 7, 0, ())
    assert info.subscriptions == (("default", (0, 2)),)
    assert machine.client.ttl(machine.keys.node("a")) == -1


def test_a_node_that_comes_in_again_has_lost_what_it_held(machine: Machine) -> None:
    case = bring(machine, JobState.running)
    machine.node(slots=5)
    job = machine.jobs(case.run)[1]
    assert (job.state, job.losses) == (JobState.retrying, 1)
    assert machine.client.hget(machine.keys.route("default"), "slots") == b"5"


def test_the_third_loss_by_a_restart_fails_what_is_behind(machine: Machine) -> None:
    run = machine.submit(chain(2))
    for _ in range(3):
        machine.node().slot().take()
        machine.node()
        machine.wait(1000)
        machine.fire()
    assert machine.states(run) == ["failed", "upstream_failed"]
    assert machine.state(run) is RunState.failed


def test_a_reaped_node_comes_back(machine: Machine) -> None:
    machine.node()
    machine.reap_at_last()
    machine.node()
    assert machine.client.ttl(machine.keys.node("n1")) == -1
    assert machine.client.hget(machine.keys.route("default"), "slots") == b"2"
    machine.submit(chain(1))
    assert machine.node().slot().work() == 1


def test_a_node_that_leaves_gives_back_for_free(machine: Machine) -> None:
    case = bring(machine, JobState.running)
    case.slot.node.leave()
    job = machine.jobs(case.run)[1]
    assert (job.state, job.losses) == (JobState.retrying, 0)
    assert machine.timers() == {f"retry/{case.ref}": 0}
    assert machine.client.zcard(machine.keys.nodes) == 0
    before = machine.snapshot()
    assert machine.do(Leave("n1", case.slot.node.incarnation)) == Gone()
    assert machine.snapshot() == before


def test_leaving_ends_what_was_cancelled(machine: Machine) -> None:
    case = bring(machine, JobState.running)
    machine.cancel(case.run)
    case.slot.node.leave()
    assert machine.state(case.run) is RunState.cancelled


def test_an_old_incarnation_cannot_take_the_new_one_out(machine: Machine) -> None:
    old = machine.node()
    new = machine.node()
    assert machine.do(Leave("n1", old.incarnation)) == Gone()
    assert new.beat() != Gone()


def test_slots_are_counted_on_every_route(machine: Machine) -> None:
    machine.node("a", slots=2)
    machine.node("b", slots=3, classes=ALL, route="gpu")
    machine.node("c", slots=4).leave()
    counted = [machine.client.hget(machine.keys.route(route), "slots") for route in ("default", "gpu")]
    assert counted == [b"2", b"3"]


def test_a_live_node_keeps_its_name(machine: Machine) -> None:
    case = bring(machine, JobState.running)
    machine.wait(1200)
    before = machine.snapshot()
    assert machine.do(Register("n1", (Subscription("default", ALL),), 2)) == Taken(b"{}", 1200)
    assert machine.snapshot() == before
    assert isinstance(case.slot.node.beat(), Beaten)
    assert machine.do(Register("n1", (Subscription("default", ALL),), 2)) == Taken(b"{}", 0)


def test_a_node_that_was_silent_for_over_two_beats_loses_its_name(machine: Machine) -> None:
    case = bring(machine, JobState.running)
    machine.wait(5000)
    assert isinstance(machine.do(Register("n1", (Subscription("default", ALL),), 2)), Taken)
    machine.wait(1)
    assert isinstance(machine.do(Register("n1", (Subscription("default", ALL),), 2)), Welcome)
    assert case.slot.node.beat() == Gone()
    assert machine.jobs(case.run)[1].losses == 1


class TestDraining:
    """A node that ends keeps its jobs to their end, though a new one has its name by then."""

    @pytest.fixture
    def case(self, machine: Machine) -> Case:
        case = bring(machine, JobState.running)
        held = tuple(Held(slot.name, slot.ref) for slot in case.slot.node.slots.values())
        assert isinstance(case.slot.node.report(held, draining=True), Beaten)
        assert isinstance(machine.do(Register("n1", (Subscription("default", ALL),), 2)), Welcome)
        return case

    def test_its_job_ends_as_if_nothing_had_happened(self, machine: Machine, case: Case) -> None:
        for _ in range(4):
            machine.wait(2000)
            assert case.slot.node.beat() == Beaten((), (), 0)
        assert isinstance(case.slot.finish(), Done)
        job = machine.jobs(case.run)[1]
        assert (job.state, job.attempt, job.losses, job.node) == (JobState.succeeded, 1, 0, "n1")

    def test_both_are_shown_until_the_old_one_leaves(self, machine: Machine, case: Case) -> None:
        names = [info.name for info in machine.store.read(reads.nodes(machine.keys))]
        assert sorted(names) == ["n1", f"n1#{case.slot.node.incarnation}"]
        case.slot.node.leave()
        assert [info.name for info in machine.store.read(reads.nodes(machine.keys))] == ["n1"]
        job = machine.jobs(case.run)[1]
        assert (job.state, job.losses) == (JobState.retrying, 0)
        assert machine.client.hget(machine.keys.route("default"), "slots") == b"2"

    def test_its_death_is_noticed(self, machine: Machine, case: Case) -> None:
        assert machine.reap_at_last() == 1
        assert machine.jobs(case.run)[1].losses == 1
        assert case.slot.node.beat() == Gone()

    def test_its_slots_are_settled(self, machine: Machine, case: Case) -> None:
        assert isinstance(case.slot.settle("failed", b'{"type":"Dead"}'), Settled)


def test_a_node_takes_from_other_routes_than_before(machine: Machine) -> None:
    node = machine.node(slots=3)
    assert isinstance(node.subscribe(Subscription("mail", ALL), Subscription("web", (0,))), Subscribed)
    (info,) = machine.store.read(reads.nodes(machine.keys))
    assert info.subscriptions == (("mail", tuple(ALL)), ("web", (0,)))
    slots = [machine.client.hget(machine.keys.route(route), "slots") for route in ("default", "mail", "web")]
    assert slots == [b"0", b"3", b"3"]
    node.leave()
    assert [machine.client.hget(machine.keys.route(route), "slots") for route in ("mail", "web")] == [b"0", b"0"]


def test_a_closed_node_subscribes_to_nothing(machine: Machine) -> None:
    node = machine.node()
    node.leave()
    assert isinstance(node.subscribe(Subscription("mail", ALL)), Gone)
    assert machine.client.hget(machine.keys.route("mail"), "slots") is None
