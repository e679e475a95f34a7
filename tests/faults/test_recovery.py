"""Ten seconds after a server is back, or another is in its place, jobs run again."""

from __future__ import annotations

import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.model.states import JobState
from support import ledger as tasks
from support.failover import Pair
from support.fleet import Fleet
from support.harm import APP, QUICK, assert_sound, told
from support.ledger import Ledger
from support.rabbitmq import RabbitMQ
from support.redis_server import RedisServer
from support.waiting import wait_until

AT_MOST_S = 10.0


def runs_again(fleet: Fleet, ledger: Ledger, what: str, back: float) -> None:
    """Submit a job and see it begin in time; then that idle workers take jobs too."""
    waiting = fleet.submit(tasks.step.s(str(ledger)), route=fleet.route)
    waiting.wait(timeout=60)
    took = time.monotonic() - back
    told(what, [took])
    assert took < AT_MOST_S
    job, _ = fleet.outcome(tasks.step.s(str(ledger)), route=fleet.route, wait_s=AT_MOST_S)
    assert job.state is JobState.succeeded


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_redis_fails_over(make_redis: Callable[..., RedisServer], tmp_path: Path, ledger: Ledger, pool: str) -> None:
    """State and broker are one Redis, behind one address; nobody closes a connection."""
    with Pair(make_redis(), make_redis()) as pair, Fleet(tmp_path, pair.url) as fleet:
        worker = fleet.worker("-P", pool, *QUICK, app=APP).start()
        assert fleet.outcome(tasks.step.s(str(ledger)))[0].state is JobState.succeeded
        pair.fail_over()
        runs_again(fleet, ledger, "a job runs after a failover", time.monotonic())
        assert worker.process is not None
        assert worker.process.poll() is None
        assert "Unrecoverable" not in worker.text()


@pytest.fixture
def broker(make_redis: Callable[..., RedisServer]) -> RedisServer:
    return make_redis()


@pytest.fixture
def fleet(make_redis: Callable[..., RedisServer], broker: RedisServer, tmp_path: Path) -> Iterator[Fleet]:
    with Fleet(tmp_path, make_redis().url, broker.url) as made:
        yield made


@pytest.mark.slow
def test_a_redis_broker_was_away_for_20_s(fleet: Fleet, broker: RedisServer, ledger: Ledger) -> None:
    fleet.worker(*QUICK, app=APP).start()
    assert fleet.outcome(tasks.step.s(str(ledger)))[0].state is JobState.succeeded
    broker.kill()
    waiting = fleet.submit(tasks.step.s(str(ledger)))
    away = time.monotonic()
    wait_until(lambda: time.monotonic() - away > 20, 30, "20 s to go by")
    broker.start()
    runs_again(fleet, ledger, "a job runs after a Redis broker was away for 20 s", time.monotonic())
    waiting.wait(timeout=5)
    assert_sound(fleet, ledger, waiting)


@pytest.mark.slow
@pytest.mark.rabbitmq
@pytest.mark.parametrize("how", ["stop_app", "process"])
def test_rabbitmq_was_away_for_10_s(
    rabbitmq: RabbitMQ, make_redis: Callable[..., RedisServer], tmp_path: Path, ledger: Ledger, how: str
) -> None:
    with Fleet(tmp_path, make_redis().url, rabbitmq.url) as fleet:
        fleet.route = f"q{uuid.uuid4().hex[:8]}"
        fleet.worker("-Q", fleet.route, *QUICK, app=APP, env={"SHOP_QUEUE_TYPE": "quorum"}).start()
        assert fleet.outcome(tasks.step.s(str(ledger)), route=fleet.route)[0].state is JobState.succeeded
        if how == "stop_app":
            ctl(rabbitmq, "stop_app")
        else:
            rabbitmq.stop()
        waiting = fleet.submit(tasks.step.s(str(ledger)), route=fleet.route)
        away = time.monotonic()
        wait_until(lambda: time.monotonic() - away > 10, 30, "10 s to go by")
        if how == "stop_app":
            ctl(rabbitmq, "start_app")
        else:
            rabbitmq.start()
        runs_again(fleet, ledger, f"a job runs after RabbitMQ was away for 10 s ({how})", time.monotonic())
        waiting.wait(timeout=5)
        assert_sound(fleet, ledger, waiting)


def ctl(rabbitmq: RabbitMQ, command: str) -> None:
    """Run a command of `rabbitmqctl`, and wait until it is done."""
    program = "/usr/lib/rabbitmq/bin/rabbitmqctl"
    argv = [program if Path(program).exists() else "rabbitmqctl", command]
    subprocess.run(argv, env=rabbitmq.environment, capture_output=True, timeout=60, check=True)
