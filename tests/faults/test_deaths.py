"""Processes killed: one child, a whole node again and again, a job that kills whoever runs it, the schedulers."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from statistics import median

import pytest

from orchestrator import RetryPolicy, Run, Workflow
from orchestrator.model.states import LOST_BUDGET, JobState, RunState
from support import ledger as tasks
from support.fleet import Fleet
from support.harm import APP, QUICK, Scheduler, assert_sound, done, layers, told
from support.ledger import Ledger
from support.waiting import wait_until


def test_a_lost_child_is_found_within_100_ms(fleet: Fleet, ledger: Ledger) -> None:
    """From the kill to the `lost` in the stream of transitions, both by the machine's clock."""
    fleet.worker("-c", "1", *QUICK[2:], app=APP).start()
    took = []
    for _ in range(3):
        run = fleet.submit(tasks.step.s(str(ledger), 60))
        for attempt in range(1, LOST_BUDGET + 1):
            begun = wait_until(lambda n=attempt, r=run: [e for e in ledger.entries(r) if e.attempt == n], 10, "a start")
            killed = time.time() * 1000
            os.kill(begun[0].pid, signal.SIGKILL)
            lost = wait_until(lambda n=attempt, r=run: losses(fleet, r, n), 5, "the loss to be known")
            took.append((lost[0] - killed) / 1000)
        run.wait(timeout=5)
        assert_sound(fleet, ledger, run, state=RunState.failed)
    told("a lost child is found", took)
    assert median(took) < 0.1
    assert max(took) < 0.5  # what a busy machine may add


def losses(fleet: Fleet, run: Run, attempt: int) -> list[int]:
    """Return when an attempt was lost."""
    return [
        each.ms
        for each in fleet.client.transitions.list()
        if (each.run, each.attempt, each.after) == (run.id, attempt, JobState.lost)
    ]


def test_a_job_that_kills_its_workers_is_quarantined_and_harms_no_other(fleet: Fleet, ledger: Ledger) -> None:
    fleet.worker(*QUICK, app=APP).start()
    good = fleet.client.submit(layers(ledger, 20, 10))
    workflow = Workflow("poisoned")
    workflow.job("poison", tasks.poison.s(str(ledger)), route="celery", retry=RetryPolicy(max=100))
    workflow.job("behind", tasks.step.s(str(ledger)), route="celery", after="poison")
    workflow.job("beside", tasks.step.s(str(ledger)), route="celery")
    bad = [fleet.client.submit(workflow) for _ in range(3)]
    for run in bad:
        run.wait(timeout=30)
        poison, behind, beside = run.jobs()
        assert (poison.state, poison.attempt, poison.losses) == (JobState.failed, LOST_BUDGET, LOST_BUDGET)
        assert poison.quarantined
        assert poison.error is not None
        assert poison.error["message"] == "lost its worker 3 times, so it is not tried again"
        assert (behind.state, beside.state) == (JobState.upstream_failed, JobState.succeeded)
    good.wait(timeout=60)
    assert max(job.attempt for job in good.jobs()) == 1
    assert_sound(fleet, ledger, good)
    assert_sound(fleet, ledger, *bad, state=RunState.failed)


def test_children_are_killed_again_and_again(fleet: Fleet, ledger: Ledger) -> None:
    worker = fleet.worker(*QUICK, app=APP).start()
    run = fleet.client.submit(layers(ledger, 20, 25))
    rng, kills = random.Random(3), 0
    while not run.refresh().state.final and kills < 12:
        before = done(run)
        wait_until(lambda before=before: done(run) >= before + 25 or run.state.final, 20, "the run to go on")
        children = subprocess.run(["pgrep", "-P", str(worker.pid)], capture_output=True, text=True, check=False)
        os.kill(int(rng.choice(children.stdout.split())), signal.SIGKILL)
        kills += 1
    run.wait(timeout=60)
    assert kills >= 10
    assert_sound(fleet, ledger, run)


def test_a_node_is_killed(fleet: Fleet, ledger: Ledger) -> None:
    """What its two slots held runs again within 15 s, and nothing else does."""
    first, _ = (fleet.worker(*QUICK, name=name, app=APP).start() for name in ("w1", "w2"))
    run = fleet.client.submit(layers(ledger, 20, 25))
    wait_until(lambda: done(run) > 60, 20, "the run to be under way")
    first.kill()
    killed = time.monotonic_ns()
    run.wait(timeout=60)
    lost = [job for job in run.jobs() if job.losses]
    assert len(lost) <= 2  # what the two slots held
    assert {(job.attempt, job.losses) for job in lost} <= {(2, 1)}
    seconds = [entry.at_ns for entry in ledger.entries(run) if (entry.attempt, entry.what) == (2, "start")]
    assert len(seconds) == len(lost)
    told("a dead node's job runs again", [(at - killed) / 1e9 for at in seconds] or [0.0])
    assert all(at - killed < 15e9 for at in seconds)
    assert_sound(fleet, ledger, run)


def test_sigterm_under_load_loses_nothing(fleet: Fleet, ledger: Ledger) -> None:
    """A node that is told to end finishes what it runs; no attempt is lost, none is made twice."""
    first = fleet.worker(*QUICK, app=APP).start()
    run = fleet.client.submit(layers(ledger, 20, 25, 0.02))
    for number in range(3):
        wait_until(lambda number=number: done(run) > 100 * (number + 1) - 60, 30, "the run to be under way")
        following = fleet.worker(*QUICK, name=f"w{number + 2}", app=APP).start()
        assert first.stop() == 0
        first = following
    run.wait(timeout=60)
    assert {(job.attempt, job.losses) for job in run.jobs()} == {(1, 0)}
    assert_sound(fleet, ledger, run)


def test_sigterm_twice_gives_back_what_runs(fleet: Fleet, ledger: Ledger) -> None:
    """A node that may not wait for what it runs gives it back at once, without a cost to its budget."""
    first = fleet.worker(*QUICK, app=APP).start()
    runs = [fleet.submit(tasks.step.s(str(ledger), 20.0)) for _ in range(2)]
    wait_until(lambda: ledger.starts() == 2, 10, "both jobs to run")
    os.kill(first.pid, signal.SIGQUIT)
    told_at = time.monotonic_ns()
    fleet.worker(*QUICK, name="w2", app=APP).start()
    wait_until(lambda: ledger.starts() == 4, 15, "both jobs to run again")
    told("a job that was handed back runs again", [(ledger.entries()[-1].at_ns - told_at) / 1e9])
    jobs = [job for run in runs for job in run.jobs()]
    assert {(job.state, job.attempt, job.losses, job.node) for job in jobs} == {(JobState.running, 2, 0, "w2@test")}
    for run in runs:
        run.cancel("seen enough")
        run.wait(timeout=20)
    assert_sound(fleet, ledger, *runs, state=RunState.cancelled)


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_nodes_are_killed_again_and_again(fleet: Fleet, ledger: Ledger) -> None:
    """Five kills; each time what the node held goes on elsewhere within 15 s."""
    workers = [fleet.worker(*QUICK, name=f"w{number}", app=APP).start() for number in range(2)]
    run = fleet.client.submit(layers(ledger, 20, 150, 0.02))
    took = []
    for number in range(2, 7):
        before = done(run)
        wait_until(lambda before=before: done(run) > before + 40, 20, "the run to go on")
        victim = workers.pop(0)
        (node,) = [node for node in fleet.client.nodes.list() if node.name == victim.name]
        victim.kill()
        killed = time.monotonic()
        workers.append(fleet.worker(*QUICK, name=f"w{number}", app=APP).start())
        gone = {node.name}
        wait_until(
            lambda gone=gone: not gone & {each.name for each in fleet.client.nodes.list()}, 20, "it to be given up"
        )
        took.append(time.monotonic() - killed)
    told("a dead node is given up", took)
    assert max(took) < 15
    run.wait(timeout=100)
    assert max(job.losses for job in run.jobs()) <= 1
    assert_sound(fleet, ledger, run)


class TestSchedulers:
    """Without a scheduler nothing is lost, only late; with several, each timer is applied once."""

    @pytest.fixture
    def alone(self, fleet: Fleet) -> Fleet:
        fleet.stop_scheduler()
        return fleet

    @pytest.fixture
    def three(self, alone: Fleet) -> Iterator[list[Scheduler]]:
        made = [Scheduler(alone, f"s{number}").start() for number in range(3)]
        yield made
        for each in made:
            each.stop()

    def test_three_race_and_one_is_killed_again_and_again(
        self, alone: Fleet, ledger: Ledger, three: list[Scheduler]
    ) -> None:
        alone.worker(*QUICK, app=APP).start()
        policy = RetryPolicy(max=3, backoff="fixed", delay=0.7, jitter=False)
        workflow = Workflow("wavers")
        for number in range(150):
            workflow.job(f"j{number}", tasks.waver.s(str(ledger), 3), route="celery", retry=policy)
        run = alone.client.submit(workflow)
        victims = itertools.cycle(three)
        while not run.refresh().state.final:
            before = ledger.starts()
            wait_until(lambda before=before: ledger.starts() > before + 60 or run.refresh().state.final, 20, "progress")
            victim = next(victims)
            victim.kill()
            victim.start()
        run.wait(timeout=60)
        assert {(job.attempt, job.retries, job.losses) for job in run.jobs()} == {(4, 3, 0)}
        assert ledger.starts() == 4 * 150
        assert_sound(alone, ledger, run)

    def test_timers_wait_for_the_next_scheduler(self, alone: Fleet, ledger: Ledger) -> None:
        alone.worker(*QUICK, app=APP).start()
        first = Scheduler(alone, "s1").start()
        policy = RetryPolicy(max=1, delay=0.2, jitter=False)
        run = alone.submit(tasks.waver.s(str(ledger), 1), retry=policy)
        run.wait(timeout=20)
        first.kill()
        run = alone.submit(tasks.waver.s(str(ledger), 1), retry=policy)
        wait_until(lambda: run.refresh().info.counts.get(JobState.retrying), 10, "the first attempt to fail")
        second = Scheduler(alone, "s2").start()
        began = time.monotonic()
        try:
            run.wait(timeout=15)
            told("a timer is applied by a new scheduler", [time.monotonic() - began])
        finally:
            second.stop()
        assert_sound(alone, ledger, run)


def test_a_halted_node_is_a_zombie_in_the_ledger_alone(fleet: Fleet, ledger: Ledger) -> None:
    """SIGSTOP past the lease, SIGCONT: the task's effects happen twice, which no fence can undo; its outcome once."""
    first = fleet.worker("-P", "threads", *QUICK, name="w1", app=APP).start()
    run = fleet.submit(tasks.step.s(str(ledger), 1.5))
    wait_until(lambda: ledger.starts() == 1, 10, "the job to run")
    os.kill(first.pid, signal.SIGSTOP)
    halted = time.monotonic()
    fleet.worker(*QUICK, name="w2", app=APP).start()
    run.wait(timeout=30)
    told("a halted node's job is done elsewhere", [time.monotonic() - halted])
    job = run.jobs()[0]
    assert (job.state, job.attempt, job.losses, job.node) == (JobState.succeeded, 2, 1, "w2@test")
    before = fleet.client.transitions.last()
    os.kill(first.pid, signal.SIGCONT)
    wait_until(lambda: len(ledger.entries()) == 4, 10, "the zombie to end its task")
    wait_until(lambda: len(fleet.client.nodes.list()) == 2, 20, "the node to come in again")
    assert [(entry.attempt, entry.what) for entry in ledger.entries()] == [
        (1, "start"), (2, "start"), (2, "end"), (1, "end"),
    ]  # fmt: skip
    assert fleet.client.transitions.list(before) == []  # its report changed nothing
    assert run.jobs()[0] == job
    fleet.workers[1].stop()
    again, other = fleet.outcome(tasks.step.s(str(ledger)))
    assert again.node == "w1@test"  # it works again
    assert_sound(fleet, ledger, run, other)
