"""A rolling deploy: some workers do not know a new task yet. They leave its jobs to those that do."""

from __future__ import annotations

from orchestrator.model.states import JobState
from support import ledger as tasks
from support import shop
from support.fleet import Fleet
from support.harm import APP, QUICK, assert_sound, told
from support.ledger import Ledger
from support.waiting import wait_until

OLD = "support.shop"
"""An app without the tasks of `support.ledger`."""


def test_a_new_task_does_not_wait_for_old_workers(fleet: Fleet, ledger: Ledger) -> None:
    for name in ("old1", "old2"):
        fleet.worker(*QUICK, name=name, app=OLD).start()
    fleet.worker(*QUICK, name="new", app=APP).start()
    waits = []
    for _ in range(15):
        job, run = fleet.outcome(tasks.step.s(str(ledger)))
        assert (job.state, job.attempt, job.node) == (JobState.succeeded, 1, "new@test")
        assert job.started_ms is not None
        assert job.queued_ms is not None
        waits.append((job.started_ms - job.queued_ms) / 1000)
        assert_sound(fleet, None, run)
    told("a job waits for the one worker of three that knows its task", waits)
    assert max(waits) < 3
    many = [fleet.submit(tasks.step.s(str(ledger), 0.1)) for _ in range(30)]
    known = [fleet.submit(shop.add.s(1)) for _ in range(10)]
    for run in [*known, *many]:
        run.wait(timeout=30)
        assert run.jobs()[0].attempt == 1
    assert_sound(fleet, None, *known, *many)


def test_a_task_that_no_node_knows_waits_for_one_that_does(fleet: Fleet, ledger: Ledger) -> None:
    fleet.worker(*QUICK, name="old", app=OLD).start()
    run = fleet.submit(tasks.step.s(str(ledger)))
    wait_until(lambda: run.jobs()[0].state is JobState.parked, 10, "the job to be parked")
    error = run.jobs()[0].error
    assert error is not None
    assert error["message"] == "no node knows the task 'support.ledger.step'"
    fleet.worker(*QUICK, name="new", app=APP).start()
    run.wait(timeout=15)
    job = run.jobs()[0]
    assert (job.state, job.attempt, job.losses, job.node) == (JobState.succeeded, 2, 0, "new@test")
    assert_sound(fleet, ledger, run)
