from __future__ import annotations

import itertools

import pytest

from orchestrator.plan.plan import Plan
from orchestrator.scheduler.duties import Tools
from orchestrator.scheduler.duties.retention import UPLOAD_LIFE_MS, Retention
from orchestrator.state import reads
from orchestrator.state.layouts.plans import upload_commands
from orchestrator.state.transitions.replies import Dropped, NoPlan, Outdated, Recent
from orchestrator.state.transitions.workflows import Dated, DateUpload, DropUpload, PutPlan, Sealed, Stored
from support.machine import DIAMOND, Machine, chain, fan, plan_of


@pytest.mark.parametrize(
    "plan",
    [
        DIAMOND,
        plan_of(3, [(0, 2), (1, 2)], inputs={2: (0, 1)}, params=[1], classes={0: 0}, numbers={1: 255}, deadline_ms=9),
        plan_of(3, routes={1: "gpu", 2: "big box"}),
        plan_of(501),
        fan(600),
    ],
    ids=["diamond", "inputs", "routes", "roots", "fan"],
)
def test_a_plan_comes_back_as_it_was(machine: Machine, plan: Plan) -> None:
    assert machine.store.put_plan(plan) == Stored(1, new=True)
    assert machine.store.read(reads.plan(machine.keys, plan.digest)) == plan


def test_the_same_content_keeps_its_version_and_becomes_the_current_one(machine: Machine) -> None:
    first, second = (plan_of(total, workflow="w") for total in (1, 2))
    stored = [machine.store.put_plan(plan) for plan in (first, second, first, second)]
    assert stored == [Stored(1, new=True), Stored(2, new=True), Stored(1, new=False), Stored(2, new=False)]
    machine.store.put_plan(first)
    workflow = machine.store.read(reads.workflow(machine.keys, "w"))
    assert workflow is not None
    assert (workflow.latest, workflow.versions) == (1, {1: first.digest, 2: second.digest})


def test_nothing_is_sealed_that_is_not_there(machine: Machine) -> None:
    before = machine.snapshot()
    plan = chain(3)
    assert machine.do(PutPlan(plan.workflow, plan.digest)) == NoPlan()
    assert machine.snapshot() == before


@pytest.mark.parametrize("at", [1, 2, 3, 5])
def test_an_upload_that_broke_off_is_not_sealed(machine: Machine, at: int) -> None:
    plan = fan(600)
    for batch in itertools.islice(upload_commands(machine.keys, plan), at):
        machine.store.pipeline(batch)
    assert machine.do(PutPlan(plan.workflow, plan.digest)) == NoPlan()
    assert machine.store.put_plan(plan) == Stored(1, new=True)
    assert machine.store.read(reads.plan(machine.keys, plan.digest)) == plan


def test_two_uploads_at_once_leave_a_whole_plan(machine: Machine) -> None:
    plan = fan(600)
    slow = upload_commands(machine.keys, plan)
    for batch in itertools.islice(slow, 3):
        machine.store.pipeline(batch)
    machine.store.put_plan(plan)
    for batch in slow:
        machine.store.pipeline(batch)
    assert machine.store.put_plan(plan) == Stored(1, new=False)
    assert machine.store.read(reads.plan(machine.keys, plan.digest)) == plan


def test_an_upload_that_was_given_up_is_deleted(machine: Machine) -> None:
    before = machine.snapshot()
    plan = fan(600)
    for batch in itertools.islice(upload_commands(machine.keys, plan), 5):
        machine.store.pipeline(batch)
    tools, duty = Tools(machine.store, lambda _permits: None), Retention(retention_s=3600)
    duty.step(tools)
    ((_, jobs, dated),) = machine.store.read(reads.uploads(machine.keys))
    assert jobs == 602
    assert dated > 0
    duty.step(tools)
    assert machine.snapshot() != before
    machine.client.zincrby(machine.keys.uploads, -UPLOAD_LIFE_MS - 1, f"{plan.digest} {jobs}")
    duty.step(tools)
    assert machine.snapshot() == before


def test_a_sealed_plan_is_never_dropped(machine: Machine) -> None:
    plan = fan(600)
    machine.store.put_plan(plan)
    assert machine.do(DropUpload(plan.digest, len(plan.jobs), 0)) == Sealed()
    assert machine.store.read(reads.plan(machine.keys, plan.digest)) == plan


def test_dropping_what_is_not_there_changes_nothing(machine: Machine) -> None:
    before = machine.snapshot()
    assert machine.do(DropUpload("nosuch", 300, 0)) == Outdated()
    assert machine.snapshot() == before


def begun(machine: Machine) -> tuple[str, int]:
    """Begin an upload that is never sealed, and return its plan and how many jobs it has."""
    plan = fan(600)
    for batch in itertools.islice(upload_commands(machine.keys, plan), 5):
        machine.store.pipeline(batch)
    return plan.digest, len(plan.jobs)


def test_an_upload_is_dated_once(machine: Machine) -> None:
    upload = begun(machine)
    assert machine.do(DateUpload(*upload)) == Dated()
    machine.wait(1)
    for late in (upload, ("nosuch", 300)):
        before = machine.snapshot()
        assert machine.do(DateUpload(*late)) == Outdated()
        assert machine.snapshot() == before
    assert [dated for _, _, dated in machine.store.read(reads.uploads(machine.keys))] == [machine.now - 1]
    assert machine.do(DropUpload(*upload, life_ms=0)) == Dropped()


def test_an_upload_that_is_young_or_begun_anew_is_not_dropped(machine: Machine) -> None:
    upload = begun(machine)
    machine.do(DateUpload(*upload))
    machine.wait(1000)
    for again, reply in ((False, Recent()), (True, Outdated())):
        if again:
            begun(machine)
            machine.wait(1)
        before = machine.snapshot()
        assert machine.do(DropUpload(*upload, life_ms=1000)) == reply
        assert machine.snapshot() == before
    machine.do(DateUpload(*upload))
    machine.wait(1001)
    assert machine.do(DropUpload(*upload, life_ms=1000)) == Dropped()
