"""A node takes no job whose task it does not know; one that no node knows is parked, and says so."""

from __future__ import annotations

import pytest

from orchestrator.model.states import JobState
from orchestrator.state.transitions.attempts import Done, Nothing
from orchestrator.state.transitions.nodes import Beat, Beaten
from support.machine import NORMAL, Machine, Node, Permits, chain, plan_of

NOOP, OTHER = "noop", "other"


def says(node: Node, *tasks: str) -> None:
    """Have a node say which tasks it knows; those of the plans here are `noop`."""
    node.beats += 1
    beat = Beat(node.name, node.incarnation, node.beats, 1, 0, (), "\n".join(tasks))
    assert isinstance(node.machine.do(beat), Beaten)


@pytest.fixture
def old(machine: Machine) -> Node:
    """A node that does not know the task."""
    made = machine.node("old")
    says(made, OTHER, "noop2", "a.noop")
    return made


@pytest.fixture
def new(machine: Machine) -> Node:
    """A node that knows it."""
    made = machine.node("new")
    says(made, NOOP, OTHER)
    return made


def test_only_who_knows_it_takes_it(machine: Machine, old: Node, new: Node) -> None:
    run = machine.submit(chain(1))
    before = machine.client.zrange(machine.keys.ready("default"), 0, -1, withscores=True)
    assert isinstance(old.slot().claim(), Nothing)
    assert machine.client.zrange(machine.keys.ready("default"), 0, -1, withscores=True) == before
    assert machine.jobs(run)[0].state is JobState.queued
    assert new.slot().take() == f"{run}/0@1"


def test_a_node_that_has_not_said_yet_may_know_it(machine: Machine, old: Node) -> None:
    run = machine.submit(chain(1))
    assert machine.node("silent").slot().take() == f"{run}/0@1"


def test_what_it_says_goes_with_its_incarnation(machine: Machine, old: Node) -> None:
    run = machine.submit(chain(1))
    assert machine.node("old").slot().take() == f"{run}/0@1"


def test_what_a_node_knows_behind_what_it_does_not_is_taken(machine: Machine, old: Node, new: Node) -> None:
    machine.submit(plan_of(20))
    machine.wait(1)
    known = machine.submit(plan_of(1, task=OTHER))
    assert old.slot().take() == f"{known}/0@1"
    assert len(machine.ready()) == 20


def test_the_permit_is_passed_on_so_often_that_each_node_gets_its_turn(machine: Machine, old: Node, new: Node) -> None:
    machine.submit(chain(1))
    passed = 0
    for _ in range(20):
        old.slot().claim(permit=("default", NORMAL))
        passed += sum(permits.messages for permits in machine.permits)
    assert passed == 8  # four for each live node, in half a second
    machine.wait(500)
    old.slot().claim(permit=("default", NORMAL))
    assert machine.permits == [Permits("default", NORMAL, 1)]


def test_a_turn_goes_on_with_what_its_node_knows(machine: Machine, old: Node, new: Node) -> None:
    first = machine.submit(plan_of(1, task=OTHER))
    machine.submit(chain(1))
    slot = old.slot()
    assert slot.take() == f"{first}/0@1"
    reply = slot.finish(go_on=True)
    assert isinstance(reply, Done)
    assert reply.claimed is None
    assert Permits("default", NORMAL, 1) in machine.permits


class TestNobodyKnows:
    def test_it_is_parked_and_says_why(self, machine: Machine, old: Node) -> None:
        run = machine.submit(chain(1))
        assert isinstance(old.slot().claim(), Nothing)
        (job,) = machine.jobs(run)
        assert (job.state, job.attempt) == (JobState.parked, 1)
        assert job.error is not None
        assert (job.error["type"], job.error["message"]) == ("NotRegistered", "no node knows the task 'noop'")
        assert machine.ready() == []

    def test_it_stays_so_without_an_attempt_until_a_node_knows_it(self, machine: Machine, old: Node) -> None:
        run = machine.submit(chain(1))
        old.slot().claim()
        for _ in range(3):
            machine.wait(5000)
            says(old)
            assert machine.fire() == 1
            assert machine.jobs(run)[0].state is JobState.parked
        new = machine.node("new")
        says(new, NOOP)
        machine.wait(5000)
        machine.fire()
        assert new.slot().take() == f"{run}/0@2"

    def test_a_name_with_quotes_is_told_as_it_is(self, machine: Machine, old: Node) -> None:
        run = machine.submit(plan_of(1, task='a"b\\c\n'))
        old.slot().claim()
        error = machine.jobs(run)[0].error
        assert error is not None
        assert error["message"] == "no node knows the task 'a\"b\\c\n'"

    def test_without_any_node_it_waits_as_ever(self, machine: Machine, old: Node) -> None:
        run = machine.submit(chain(1))
        old.slot().claim()
        old.leave()
        machine.wait(5000)
        machine.fire()
        assert machine.jobs(run)[0].state is JobState.queued
