"""What happens to workers: real processes, killed, halted and stopped at bad moments. No run may be lost or stuck."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator import Run, Workflow
from orchestrator.model.states import JobState, RunState
from orchestrator.state.store import Store
from support import shop
from support.checker import check
from support.fleet import Fleet
from support.redis_server import RedisServer
from support.waiting import wait_until

QUICK = ("-c", "2", "--without-gossip", "--without-mingle")


@pytest.fixture
def server(make_redis: Callable[..., RedisServer]) -> RedisServer:
    return make_redis()


@pytest.fixture
def fleet(server: RedisServer, tmp_path: Path) -> Iterator[Fleet]:
    with Fleet(tmp_path, server.url) as made:
        yield made


def layers(wide: int, deep: int, nap_s: float = 0.01) -> Workflow:
    """Make layers of jobs with three random parents each."""
    rng = random.Random(7)
    flow = Workflow("layers")
    above: list[str] = []
    for layer in range(deep):
        here = [f"l{layer}n{number}" for number in range(wide)]
        for name in here:
            flow.job(name, shop.nap.s(nap_s), route="celery", after=rng.sample(above, min(3, len(above))))
        above = here
    return flow


def done(run: Run) -> int:
    return run.refresh().info.counts.get(JobState.succeeded, 0)


def assert_sound(fleet: Fleet, run: Run) -> None:
    """The run succeeded, and the event stream replays to what is stored."""
    assert run.state is RunState.succeeded
    store = Store.connect(fleet.redis_url, fleet.namespace)
    try:
        wait_until(lambda: not check(store), 10, "the namespace to be sound and at rest", every=0.5)
    finally:
        store.close()


def test_a_node_is_killed(fleet: Fleet) -> None:
    first, second = fleet.worker(*QUICK).start(), fleet.worker(*QUICK, name="w2").start()
    run = fleet.client.submit(layers(20, 30))
    wait_until(lambda: done(run) > 60, 20, "the run to be under way")
    first.kill()
    killed = time.monotonic()
    run.wait(timeout=60)
    assert time.monotonic() - killed < 25
    jobs = run.jobs()
    assert sum(job.losses for job in jobs) <= 2  # what the two slots held
    assert max(job.losses for job in jobs) <= 1
    assert second.process is not None
    assert_sound(fleet, run)


def test_children_are_killed_again_and_again(fleet: Fleet) -> None:
    worker = fleet.worker(*QUICK).start()
    run = fleet.client.submit(layers(20, 30))
    rng, kills = random.Random(3), 0
    while not run.refresh().state.final and kills < 12:
        before = done(run)
        wait_until(lambda before=before: done(run) >= before + 25 or run.state.final, 20, "the run to go on")
        children = subprocess.run(["pgrep", "-P", str(worker.pid)], capture_output=True, text=True, check=False)
        victim = rng.choice(children.stdout.split())
        os.kill(int(victim), signal.SIGKILL)
        kills += 1
    run.wait(timeout=60)
    assert kills >= 10
    assert_sound(fleet, run)


def test_a_halted_node_is_given_up_and_its_reports_are_refused(fleet: Fleet, tmp_path: Path) -> None:
    path = tmp_path / "notes"
    first = fleet.worker("-P", "threads", *QUICK).start()
    run = fleet.submit(shop.nap.s(2.0, str(path)))
    wait_until(path.exists, 10, "the job to run")
    os.kill(first.pid, signal.SIGSTOP)
    fleet.worker(*QUICK, name="w2").start()
    run.wait(timeout=30)
    job = run.jobs()[0]
    assert (job.state, job.attempt, job.losses, job.node) == (JobState.succeeded, 2, 1, "w2@test")
    os.kill(first.pid, signal.SIGCONT)
    wait_until(lambda: len(fleet.client.nodes()) == 2, 20, "the node to come in again")
    wait_until(lambda: "dropped" in first.text() or "stopped: stale" in first.text(), 10, "its report to be refused")
    assert run.jobs()[0].node == "w2@test"
    fleet.workers[1].stop()
    assert fleet.outcome(shop.add.s(1))[0].node == "w1@test"  # it works again
    assert_sound(fleet, run)


def test_sigterm_under_load_loses_nothing(fleet: Fleet) -> None:
    first = fleet.worker(*QUICK).start()
    run = fleet.client.submit(layers(20, 30, 0.02))
    for number in range(3):
        wait_until(lambda number=number: done(run) > 100 * (number + 1) - 60, 30, "the run to be under way")
        following = fleet.worker(*QUICK, name=f"w{number + 2}").start()
        assert first.stop() == 0
        first = following
    run.wait(timeout=60)
    assert sum(job.losses for job in run.jobs()) == 0
    assert max(job.attempt for job in run.jobs()) == 1
    assert_sound(fleet, run)


def test_the_store_is_killed_and_comes_back(fleet: Fleet, server: RedisServer) -> None:
    """The broker goes with it here. `everysec` may lose a second: attempts run again, none is lost for ever."""
    fleet.worker(*QUICK).start()
    run = fleet.client.submit(layers(20, 30, 0.02))
    wait_until(lambda: done(run) > 100, 20, "the run to be under way")
    time.sleep(1.2)  # noqa: TID251 — the run itself must be on the disk
    server.restart()
    run.wait(timeout=60)
    assert_sound(fleet, run)


def test_a_store_that_is_away_costs_no_attempt(fleet: Fleet, server: RedisServer, tmp_path: Path) -> None:
    fleet.worker(*QUICK).start()
    paths = [tmp_path / f"notes{number}" for number in range(2)]
    runs = [fleet.submit(shop.nap.s(3.0, str(path))) for path in paths]
    wait_until(lambda: all(path.exists() for path in paths), 10, "both jobs to run")
    server.freeze()
    time.sleep(20)  # noqa: TID251 — longer than the lease
    server.thaw()
    for run in runs:
        run.wait(timeout=30)
        job = run.jobs()[0]
        assert (job.state, job.attempt, job.losses) == (JobState.succeeded, 1, 0)
        assert_sound(fleet, run)
