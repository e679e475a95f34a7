"""What happens to the broker, a Redis of its own: emptied, killed, silent. Messages only wake; nothing is lost."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.model.states import JobState
from support import shop
from support.fleet import Fleet
from support.harm import APP, QUICK, assert_sound, done, layers, told
from support.ledger import Ledger
from support.proxy import Proxy
from support.redis_server import RedisServer
from support.waiting import wait_until


@pytest.fixture
def broker(make_redis: Callable[..., RedisServer]) -> RedisServer:
    return make_redis()


@pytest.fixture
def fleet(make_redis: Callable[..., RedisServer], broker: RedisServer, tmp_path: Path) -> Iterator[Fleet]:
    with Fleet(tmp_path, make_redis().url, broker.url) as made:
        yield made


def test_the_broker_is_emptied_in_the_middle_of_a_run(fleet: Fleet, broker: RedisServer, ledger: Ledger) -> None:
    """FLUSHALL three times in a run of 2,000 jobs."""
    fleet.worker(*QUICK, app=APP).start()
    run = fleet.client.submit(layers(ledger, 50, 40, 0))
    with broker.client() as client:
        for target in (200, 700, 1200):
            wait_until(lambda target=target: done(run) > target, 30, "the run to go on")
            client.flushall()
    run.wait(timeout=60)
    assert {(job.attempt, job.losses) for job in run.jobs()} == {(1, 0)}
    assert_sound(fleet, ledger, run)


def test_the_broker_is_killed_and_comes_back_empty(fleet: Fleet, broker: RedisServer, ledger: Ledger) -> None:
    fleet.worker(*QUICK, app=APP).start()
    run = fleet.client.submit(layers(ledger, 20, 20, 0.02))
    wait_until(lambda: done(run) > 100, 30, "the run to be under way")
    broker.kill()
    shutil.rmtree(broker.folder)
    broker.start()
    back = time.monotonic()
    run.wait(timeout=60)
    told("the run is over after the broker is back", [time.monotonic() - back])
    assert {(job.attempt, job.losses) for job in run.jobs()} == {(1, 0)}
    assert_sound(fleet, ledger, run)


@pytest.mark.parametrize(
    "pool", ["prefork", *(pytest.param(pool, marks=pytest.mark.slow) for pool in ("threads", "gevent"))]
)
def test_a_silent_broker_connection_is_noticed(fleet: Fleet, broker: RedisServer, pool: str) -> None:
    """Celery alone stays unanswered for minutes; an idle node that nobody can wake connects anew within one."""
    with Proxy(broker.port) as proxy:
        url = f"redis://127.0.0.1:{proxy.port}/0"
        worker = fleet.worker("-P", pool, *QUICK)
        worker._env["ORCHESTRATOR_BROKER_URL"] = url
        worker.start()
        assert fleet.outcome(shop.add.s(1))[0].state is JobState.succeeded
        assert proxy.freeze() > 0
        start = time.monotonic()
        run = fleet.submit(shop.add.s(1))
        run.wait(timeout=30)
        told(f"a {pool} worker takes work again after its broker fell silent", [time.monotonic() - start])
        assert time.monotonic() - start < 20
        assert fleet.outcome(shop.add.s(1), wait_s=10)[0].state is JobState.succeeded
