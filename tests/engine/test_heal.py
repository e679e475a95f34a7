"""Healing: an attempt that has been ready for over 2 s beside idle slots gets permits again."""

from __future__ import annotations

from orchestrator.state.transitions.nodes import Beaten
from orchestrator.state.transitions.values import Permits
from support.machine import ALL, CRITICAL, HIGH, LOW, NORMAL, Machine, Node, plan_of


def beat(node: Node, idle: int = 1) -> tuple[tuple[Permits, ...], int]:
    beaten = node.beat(idle)
    assert isinstance(beaten, Beaten)
    return beaten.permits, beaten.unanswered


def test_after_two_seconds_it_sends_as_many_permits_as_there_are_idle_slots_or_attempts(machine: Machine) -> None:
    node, other = machine.node(), machine.node("n2", classes=(NORMAL,))
    other.beat(2)
    machine.submit(plan_of(20))
    machine.wait(1999)
    assert beat(node) == ((), 0)
    machine.wait(1)
    assert beat(node, 5) == ((Permits("default", NORMAL, 7),), 1)
    assert machine.client.hget(machine.keys.route("default"), "out:2") == b"7"


def test_it_sends_no_more_permits_than_there_are_attempts_and_only_beside_idle_slots(machine: Machine) -> None:
    node = machine.node()
    machine.submit(plan_of(2))
    machine.wait(2000)
    assert beat(node, 0) == ((), 0)
    assert beat(node, 9) == ((Permits("default", NORMAL, 2),), 1)


def test_slots_of_other_classes_routes_and_dead_nodes_do_not_count(machine: Machine) -> None:
    machine.node("n2", classes=(CRITICAL,)).beat(5)
    machine.node("n3", route="gpu").beat(5)
    machine.node("n4").beat(5)
    machine.wait(10_001)
    node = machine.node()
    machine.submit(plan_of(20))
    machine.wait(2000)
    assert beat(node, 1) == ((Permits("default", NORMAL, 1),), 1)


def test_three_rounds_then_it_backs_off_to_a_minute(machine: Machine) -> None:
    node = machine.node()
    machine.submit(plan_of(1))
    rounds = []
    for second in range(0, 131, 2):
        permits, unanswered = beat(node)
        if permits:
            rounds.append((second, unanswered))
        machine.wait(2000)
    assert rounds == [(2, 1), (4, 2), (6, 3), (66, 4), (126, 5)]
    assert beat(node)[1] == 5


def test_a_permit_that_arrives_starts_it_afresh(machine: Machine) -> None:
    node = machine.node(classes=(NORMAL,))
    other = machine.node("n2", classes=(CRITICAL,))
    machine.submit(plan_of(1))
    for _ in range(4):
        machine.wait(2000)
        beat(node)
    assert beat(node) == ((), 3)
    other.slot().claim(permit=("default", NORMAL))  # misrouted: it takes nothing, yet the queue is alive
    assert beat(node) == ((Permits("default", NORMAL, 1),), 1)


def test_a_queue_in_which_nothing_waits_too_long_starts_afresh(machine: Machine) -> None:
    """Another turn took what was overdue: no permit came, and yet nothing is wrong with the queue."""
    node = machine.node()
    machine.submit(plan_of(1))
    for _ in range(4):
        machine.wait(2000)
        beat(node)
    slot = node.slot()
    slot.take()
    slot.finish()
    assert beat(node) == ((), 0)
    machine.submit(plan_of(1))
    machine.wait(2000)
    assert beat(node) == ((Permits("default", NORMAL, 1),), 1)


def test_each_class_is_healed_on_its_own(machine: Machine) -> None:
    node = machine.node(classes=(HIGH, LOW))
    machine.submit(plan_of(3, classes={0: HIGH, 1: NORMAL, 2: LOW}))
    machine.wait(2000)
    assert beat(node) == ((Permits("default", HIGH, 1), Permits("default", LOW, 1)), 1)


def test_the_reaper_heals_too(machine: Machine) -> None:
    machine.reap()
    machine.node().beat(3)
    machine.submit(plan_of(2))
    machine.wait(2000)
    machine.reap()
    assert machine.permits == [Permits("default", NORMAL, 2)]
    machine.reap()
    assert machine.permits == []


def test_a_full_w_suppresses_ordinary_permits_and_never_healing(machine: Machine) -> None:
    node = machine.node(classes=ALL)
    machine.submit(plan_of(100))
    machine.submit(plan_of(1))
    assert machine.permits == []
    machine.wait(2000)
    assert beat(node, 2) == ((Permits("default", NORMAL, 2),), 1)
    machine.submit(plan_of(1))
    assert machine.permits == [Permits("default", NORMAL, 1)]  # the estimate was set anew


def test_a_scheduler_publishes_for_nodes_of_its_broker_alone(machine: Machine) -> None:
    """Nobody would hear its permits elsewhere, and the beats of those nodes would have to wait for their turn."""
    node = machine.node(broker="a b")
    node.beat(1)
    machine.submit(plan_of(1))
    machine.reap(broker="c")
    for _ in range(4):
        machine.wait(1000)
        machine.reap(broker="c d")
        assert machine.permits == []
    assert beat(node) == ((Permits("default", NORMAL, 1),), 1)
    machine.wait(2000)
    machine.reap(broker="c b")
    assert machine.permits == [Permits("default", NORMAL, 2)]


def test_rounds_of_another_broker_say_nothing_of_a_node(machine: Machine) -> None:
    """Two nodes of one route with a broker each: that one is deaf does not count against the other."""
    deaf, other = machine.node(broker="a"), machine.node("n2", broker="b")
    other.beat(1)
    machine.submit(plan_of(1))
    for rounds in range(1, 4):
        machine.wait(2000)
        assert beat(deaf) == ((Permits("default", NORMAL, rounds),), rounds)
        assert beat(other) == ((), 0)
