"""Fairness: after nine claims that overtook an attempt past its patience, the longest waiting is served."""

from __future__ import annotations

import pytest

from support.machine import ALL, CRITICAL, HIGH, LOW, NORMAL, Machine, Slot, plan_of

PATIENCE_MS = {HIGH: 30_000, NORMAL: 60_000, LOW: 120_000}


def debt(machine: Machine) -> int:
    return int(machine.client.hget(machine.keys.route("default"), "debt") or 0)


def claims(slot: Slot, number: int) -> list[str]:
    """Let a slot claim so often, with a fresh critical attempt before each; return the classes that it was given."""
    machine, got = slot.node.machine, []
    for _ in range(number):
        machine.submit(plan_of(1, workflow="critical"), priority=CRITICAL)
        ref = slot.take()
        got.append(machine.info(ref[:20]).priority.name)
        slot.finish()
    return got


@pytest.mark.parametrize("priority", [HIGH, NORMAL, LOW])
def test_one_claim_in_ten_serves_what_waits_past_its_patience(machine: Machine, priority: int) -> None:
    for _ in range(3):
        machine.submit(plan_of(1, workflow="patient"), priority=priority)
    machine.wait(PATIENCE_MS[priority] + 1)
    got = claims(machine.node().slot(), 30)
    assert [at for at, name in enumerate(got) if name != "critical"] == [9, 19, 29]


@pytest.mark.parametrize("priority", [HIGH, NORMAL, LOW])
def test_nothing_is_counted_within_its_patience(machine: Machine, priority: int) -> None:
    machine.submit(plan_of(1), priority=priority)
    machine.wait(PATIENCE_MS[priority])
    assert claims(machine.node().slot(), 12) == ["critical"] * 12
    assert debt(machine) == 0


def test_a_claim_that_overtakes_nobody_sets_the_count_to_nothing(machine: Machine) -> None:
    waiting = machine.submit(plan_of(1), priority=NORMAL)
    machine.wait(60_001)
    slot = machine.node().slot()
    claims(slot, 5)
    assert debt(machine) == 5
    assert slot.take() == f"{waiting}/0@1"  # the head itself
    slot.finish()
    assert debt(machine) == 0


def test_a_worker_that_may_not_take_the_waiting_class_does_neither(machine: Machine) -> None:
    machine.submit(plan_of(1), priority=LOW)
    machine.wait(120_001)
    claims(machine.node("all").slot(), 5)
    assert claims(machine.node("some", classes=(CRITICAL, HIGH, NORMAL)).slot(), 20) == ["critical"] * 20
    assert debt(machine) == 5
    assert claims(machine.node("all again").slot(), 5) == ["critical"] * 4 + ["low"]


def test_the_longest_waiting_is_served_of_all_classes(machine: Machine) -> None:
    low = machine.submit(plan_of(1), priority=LOW)
    machine.wait(90_000)
    machine.submit(plan_of(1), priority=HIGH)
    machine.wait(31_000)
    slot = machine.node().slot()
    assert claims(slot, 10)[9] == "low"
    assert machine.state(low).final
    assert claims(slot, 10)[9] == "high"


def test_a_lone_critical_job_never_pays(machine: Machine) -> None:
    for _ in range(20):
        machine.submit(plan_of(1), priority=LOW)
    machine.wait(200_000)
    slot = machine.node(classes=ALL).slot()
    for _ in range(15):
        assert claims(slot, 1) == ["critical"]
        slot.take()  # a low one: nothing more urgent is there
        slot.finish()
