"""Children of the prefork pool: how long they live, how many there are, and what a job does to them by a fork."""

from __future__ import annotations

from collections import Counter

from celery import Celery

from orchestrator import Workflow
from orchestrator.model.states import JobState
from support import ledger as tasks
from support.fleet import Fleet
from support.harm import APP, QUICK, assert_sound, layers
from support.ledger import Ledger
from support.waiting import wait_until


def test_a_child_runs_no_more_tasks_than_it_may(fleet: Fleet, ledger: Ledger) -> None:
    fleet.worker("-c", "1", *QUICK[2:], "--max-tasks-per-child", "3", app=APP).start()
    run = fleet.client.submit(layers(ledger, 7, 2, 0))
    run.wait(timeout=60)
    by_child = Counter(entry.pid for entry in ledger.entries(run) if entry.what == "start")
    assert sum(by_child.values()) == 14
    assert max(by_child.values()) <= 3
    assert_sound(fleet, ledger, run)


def test_a_job_that_forks_and_comes_back_twice_runs_no_other_twice(fleet: Fleet, ledger: Ledger) -> None:
    """The forked process would go on with the turn of the slot: it ends instead."""
    worker = fleet.worker("-c", "1", *QUICK[2:], app=APP).start()
    made = Workflow("forks")
    made.job("fork", tasks.fork.s(str(ledger)), route="celery")
    for number in range(6):
        made.job(f"after{number}", tasks.step.s(str(ledger)), route="celery", after="fork")
    run = fleet.client.submit(made)
    run.wait(timeout=30)
    starts = Counter(entry.job for entry in ledger.entries(run) if entry.what == "start")
    assert set(starts.values()) == {1}
    assert {(job.state, job.attempt, job.losses) for job in run.jobs()} == {(JobState.succeeded, 1, 0)}
    assert "forked came back from its task: it ends here" in worker.text()
    assert_sound(fleet, ledger, run)


def test_a_pool_grows_past_what_it_began_with(fleet: Fleet, ledger: Ledger) -> None:
    worker = fleet.worker("-c", "1", *QUICK[2:], app=APP).start()
    with Celery("operator", broker=fleet.broker_url) as operator:
        (answer,) = operator.control.pool_grow(9, destination=[worker.name], reply=True, timeout=5)
    assert answer == {worker.name: {"ok": "pool will grow"}}
    runs = [fleet.submit(tasks.step.s(str(ledger), 3.0)) for _ in range(10)]
    wait_until(lambda: ledger.starts() == 10, 15, "ten jobs to run side by side")
    for run in runs:
        run.wait(timeout=20)
    assert_sound(fleet, ledger, *runs)
