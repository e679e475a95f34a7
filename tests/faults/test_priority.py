"""Priority with real workers: what is urgent starts when a slot is free, and nothing starves.

The order itself is tested under a clock that tests set, in `tests/engine/test_order.py`.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator import Run, Workflow
from orchestrator.model.states import JobState, PriorityClass, RunState
from support import shop
from support.fleet import Fleet
from support.harm import QUICK, assert_sound, told
from support.redis_server import RedisServer
from support.waiting import wait_until

RABBITMQ = pytest.param("rabbitmq", marks=[pytest.mark.rabbitmq, pytest.mark.xdist_group("rabbitmq")])
JOB_S = 0.05
ONE = ("-c", "1", *QUICK[2:])


def backlog(count: int, seconds: float = JOB_S, priority: str = "low", route: str = "celery") -> Workflow:
    workflow = Workflow(f"backlog-{priority}", priority=priority)
    for number in range(count):
        workflow.job(f"j{number}", shop.nap.s(seconds), route=route)
    return workflow


def wait_ms(run: Run) -> int:
    """Return how long the job of a run waited for a slot."""
    (job,) = run.jobs()
    assert job.started_ms is not None
    assert job.queued_ms is not None
    return job.started_ms - job.queued_ms


@pytest.fixture(params=["redis", RABBITMQ])
def any_fleet(
    request: pytest.FixtureRequest, make_redis: Callable[..., RedisServer], tmp_path: Path
) -> Iterator[Fleet]:
    broker = request.getfixturevalue("rabbitmq").url if request.param == "rabbitmq" else None
    with Fleet(tmp_path, make_redis().url, broker) as made:
        made.route = "urgent"
        yield made


def test_a_critical_job_overtakes_20000_low_ones(any_fleet: Fleet) -> None:
    """It starts within the running job's duration and 200 ms, whatever the broker has prefetched."""
    fleet = any_fleet
    fleet.worker("-Q", fleet.route, *QUICK).start()
    low = fleet.client.submit(backlog(20_000, route=fleet.route))
    wait_until(lambda: low.refresh().info.counts.get(JobState.queued, 0) > 19_000, 30, "the backlog to wait")
    waits = []
    for _ in range(8):
        run = fleet.submit(shop.noop.s(), route=fleet.route, priority="critical")
        run.wait(timeout=10)
        waits.append(wait_ms(run) / 1000)
    told("a critical job waits behind 20,000", waits)
    assert max(waits) < JOB_S + 0.2
    low.cancel("seen enough")
    low.wait(timeout=30)
    assert_sound(fleet, None, low, state=RunState.cancelled)


def test_a_worker_reserved_for_critical_jobs(fleet: Fleet) -> None:
    """While the general worker's slots are all taken for long, a critical job starts at once on the reserved one."""
    fleet.worker(*QUICK).start()
    fleet.worker("-Q", "celery.critical", *ONE, name="w2").start()
    low = fleet.client.submit(backlog(40, 1.0))
    wait_until(lambda: low.refresh().info.counts.get(JobState.running, 0) == 2, 20, "the general worker to be full")
    waits = []
    for _ in range(5):
        job, run = fleet.outcome(shop.noop.s(), priority="critical")
        waits.append(wait_ms(run) / 1000)
        assert job.node == "w2@test"
    told("a critical job waits for its reserved worker", waits)
    assert max(waits) < 0.2
    assert {job.node for job in low.jobs() if job.node} == {"w1@test"}
    low.cancel("seen enough")
    low.wait(timeout=20)
    assert_sound(fleet, None, low, state=RunState.cancelled)


@pytest.mark.slow
def test_a_steady_stream_of_critical_jobs_starves_nobody(fleet: Fleet) -> None:
    """After its patience (30 s) a high one waits ten claims at most, and takes one claim in ten at most."""
    fleet.worker(*ONE).start()
    stream = backlog(30, 0.02, "critical")
    stop, streamed = threading.Event(), []

    def pour() -> None:
        while not stop.is_set():
            streamed.append(fleet.client.submit(stream))
            wait_until(
                lambda: stop.is_set() or streamed[-1].refresh().info.counts.get(JobState.queued, 30) < 15,
                20, "the stream to run",
            )  # fmt: skip

    pouring = threading.Thread(target=pour)
    pouring.start()
    try:
        wait_until(lambda: streamed and streamed[0].refresh().state is RunState.succeeded, 20, "the stream to run")
        high = fleet.client.submit(backlog(200, 0.02, "high"))
        wait_until(lambda: high.refresh().info.counts.get(JobState.succeeded, 0) >= 20, 60, "high jobs to run")
    finally:
        stop.set()
        pouring.join()
    for run in streamed:
        run.wait(timeout=20)
    starts = sorted(
        (job.started_ms, priority)
        for priority, run in [(PriorityClass.high, high), *((PriorityClass.critical, run) for run in streamed)]
        for job in run.jobs()
        if job.started_ms is not None
    )
    order = [priority for _, priority in starts]
    at = [index for index, priority in enumerate(order) if priority is PriorityClass.high][:20]
    first_ms = starts[at[0]][0] - high.info.created_ms
    print(f"\nthe first high job started after {first_ms / 1000:.2f} s of a steady critical stream")
    assert 30_000 < first_ms < 30_000 + 10 * 100 + 500
    assert min(later - earlier for earlier, later in itertools.pairwise(at)) >= 10
    high.cancel("seen enough")
    high.wait(timeout=20)
    assert_sound(fleet, None, high, state=RunState.cancelled)


def test_a_lone_critical_job_waits_for_the_running_one_alone(fleet: Fleet) -> None:
    """Ten in a row on one slot; that the age of a backlog changes nothing is tested under a clock that tests set."""
    fleet.worker(*ONE).start()
    low = fleet.client.submit(backlog(3_000, 0.02))
    wait_until(lambda: low.refresh().info.counts.get(JobState.succeeded, 0) > 20, 20, "the backlog to run")
    waits = []
    for _ in range(10):
        _, run = fleet.outcome(shop.noop.s(), priority="critical")
        waits.append(wait_ms(run) / 1000)
    told("a lone critical job waits", waits)
    assert max(waits) < 0.02 + 0.2
    low.cancel("seen enough")
    low.wait(timeout=20)
    assert_sound(fleet, None, low, state=RunState.cancelled)
