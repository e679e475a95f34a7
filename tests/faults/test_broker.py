"""What happens to the broker, a Redis of its own: emptied, silent, half deaf. Messages only wake; nothing is lost."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from faults.test_workers import QUICK, assert_sound, done, layers

from orchestrator.model.states import JobState
from support import shop
from support.fleet import Fleet
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


def test_the_broker_is_emptied_in_the_middle_of_a_run(fleet: Fleet, broker: RedisServer) -> None:
    fleet.worker(*QUICK).start()
    run = fleet.client.submit(layers(50, 40, 0))
    with broker.client() as client:
        for target in (200, 700, 1200):
            wait_until(lambda target=target: done(run) > target, 30, "the run to go on")
            client.flushall()
    run.wait(timeout=60)
    assert_sound(fleet, run)


def test_half_of_all_messages_are_lost(fleet: Fleet, broker: RedisServer) -> None:
    fleet.worker(*QUICK).start()
    stop = threading.Event()

    def thief() -> None:
        rng = random.Random(5)
        with broker.client() as client:
            while not stop.wait(0.001):
                for queue in client.scan_iter(f"{fleet.namespace}:*"):
                    if rng.random() < 0.5:
                        client.rpop(queue)

    stealing = threading.Thread(target=thief)
    stealing.start()
    try:
        run = fleet.client.submit(layers(20, 15))
        run.wait(timeout=100)
    finally:
        stop.set()
        stealing.join()
    assert_sound(fleet, run)


def test_all_messages_come_twice_and_late(fleet: Fleet, broker: RedisServer) -> None:
    fleet.worker(*QUICK).start()
    run = fleet.client.submit(layers(20, 15))
    with broker.client() as client:
        while not run.refresh().state.final:
            for queue in client.scan_iter(f"{fleet.namespace}:*"):
                client.lmove(queue, queue, "LEFT", "RIGHT")
                for message in client.lrange(queue, 0, 10):
                    client.lpush(queue, message)
    run.wait(timeout=60)
    assert max(job.attempt for job in run.jobs()) == 1
    assert_sound(fleet, run)


@pytest.mark.parametrize("pool", ["prefork", "threads", "gevent"])
def test_a_silent_broker_connection_is_noticed(fleet: Fleet, broker: RedisServer, pool: str) -> None:
    """Celery alone stays deaf for minutes; an idle node that nobody can wake connects anew within one."""
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
        assert time.monotonic() - start < 20
        assert fleet.outcome(shop.add.s(1), wait_s=10)[0].state is JobState.succeeded
