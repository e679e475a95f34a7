"""The same faults with RabbitMQ as the broker: quorum queues, confirmed permits."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kombu import Connection

from orchestrator.model.states import PriorityClass
from support.fleet import Fleet
from support.harm import APP, QUICK, assert_sound, done, layers, told
from support.ledger import Ledger
from support.rabbitmq import RabbitMQ
from support.redis_server import RedisServer
from support.waiting import wait_until
from support.workers import Worker

pytestmark = pytest.mark.rabbitmq


@pytest.fixture
def fleet(rabbitmq: RabbitMQ, make_redis: Callable[..., RedisServer], tmp_path: Path) -> Iterator[Fleet]:
    with Fleet(tmp_path, make_redis().url, rabbitmq.url) as made:
        made.route = f"q{uuid.uuid4().hex[:8]}"  # a queue keeps its type for life
        yield made


def worker(fleet: Fleet, name: str = "w1") -> Worker:
    return fleet.worker("-Q", fleet.route, *QUICK, name=name, app=APP, env={"SHOP_QUEUE_TYPE": "quorum"}).start()


@pytest.mark.slow
def test_a_node_is_killed(fleet: Fleet, ledger: Ledger) -> None:
    first, _ = worker(fleet), worker(fleet, "w2")
    run = fleet.client.submit(layers(ledger, 20, 25, route=fleet.route))
    wait_until(lambda: done(run) > 60, 20, "the run to be under way")
    first.kill()
    run.wait(timeout=60)
    lost = [job for job in run.jobs() if job.losses]
    assert len(lost) <= 2
    assert {(job.attempt, job.losses) for job in lost} <= {(2, 1)}
    assert_sound(fleet, ledger, run)


def test_the_broker_is_restarted_in_the_middle_of_a_run(fleet: Fleet, rabbitmq: RabbitMQ, ledger: Ledger) -> None:
    """Jobs go on while it is away, as long as each turn finds more; whoever has stopped is woken when it is back."""
    worker(fleet), worker(fleet, "w2")
    run = fleet.client.submit(layers(ledger, 20, 40, 0.02, fleet.route))
    wait_until(lambda: done(run) > 60, 20, "the run to be under way")
    rabbitmq.stop()
    rabbitmq.start()
    back = time.monotonic()
    run.wait(timeout=60)
    told("the run is over after RabbitMQ is back", [time.monotonic() - back])
    assert {(job.attempt, job.losses) for job in run.jobs()} == {(1, 0)}
    assert_sound(fleet, ledger, run)


def test_the_queues_are_purged_in_the_middle_of_a_run(fleet: Fleet, ledger: Ledger) -> None:
    worker(fleet)
    run = fleet.client.submit(layers(ledger, 20, 25, 0.01, fleet.route))
    with Connection(fleet.broker_url) as connection:
        for target in (50, 200, 350):
            wait_until(lambda target=target: done(run) > target, 20, "the run to go on")
            for priority in PriorityClass:
                connection.default_channel.queue_purge(f"{fleet.namespace}:{fleet.route}.{priority.name}")
    run.wait(timeout=60)
    assert {(job.attempt, job.losses) for job in run.jobs()} == {(1, 0)}
    assert_sound(fleet, ledger, run)
