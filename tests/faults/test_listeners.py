"""Schedulers are killed while they read messages or look for files: each starts one run all the same."""

from __future__ import annotations

import json
import os
import signal
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection, Producer
from kombu import Queue as Declared

from orchestrator import Workflow
from orchestrator.starters.trigger import Trigger
from orchestrator.state import reads
from orchestrator.state.reads import starters
from support import shop
from support.fleet import Fleet
from support.harm import Scheduler
from support.needs import faketime, require
from support.rabbitmq import RabbitMQ
from support.redis_server import RedisServer
from support.waiting import wait_until

pytestmark = pytest.mark.slow

MESSAGES = 1_000


def listen(fleet: Fleet, **source: Any) -> str:
    """Store a trigger with a source; returns its id."""
    fleet.stop_scheduler()
    workflow = Workflow("orders")
    workflow.job("take", shop.noop.s(), route="celery")
    workflow.trigger(Trigger(name="paid", **source))
    fleet.client.workflows.register(workflow)
    return "orders/paid"


@contextmanager
def two_schedulers(fleet: Fleet) -> Iterator[tuple[Scheduler, Scheduler]]:
    first, second = Scheduler(fleet, "first").start(), Scheduler(fleet, "second").start()
    try:
        yield first, second
    finally:
        first.stop()
        second.stop()


def stays(condition: Callable[[], bool], seconds: float = 0.3) -> bool:
    """Tell whether a condition stays true for a while."""
    until = time.monotonic() + seconds
    wait_until(lambda: not condition() or time.monotonic() > until, 2 * seconds + 1)
    return condition()


def kill_when(scheduler: Scheduler, holds: Callable[[int], bool], what: str) -> None:
    """Kill a scheduler at a moment at which it holds messages that it has not let go of."""
    assert scheduler.process is not None
    pid = scheduler.process.pid

    def caught() -> bool:
        os.kill(pid, signal.SIGSTOP)
        if holds(pid):
            return True
        os.kill(pid, signal.SIGCONT)
        return False

    wait_until(caught, 30, what, every=0.002)
    scheduler.kill()


def started(fleet: Fleet, own: str) -> list[int]:
    """Return the numbers in the messages that have started runs, one for each run."""
    store = fleet.client._port.store
    living = [run.decode() for run in store.client.smembers(store.keys.living(own))]
    ids = []
    for run in living:
        info = store.read(reads.run(store.keys, run))
        assert info is not None
        ids += info.facts["deliveries"]
    return [json.loads(each.body)["n"] for each in store.read(starters.deliveries(store.keys, ids))]


def assert_one_run_each(fleet: Fleet, own: str, expected: list[int]) -> None:
    client = fleet.client._port.store.client
    living = fleet.client._port.store.keys.living(own)
    wait_until(lambda: client.scard(living) >= len(expected), 60, f"{len(expected)} runs", every=0.1)
    assert Counter(started(fleet, own)) == Counter(expected)


def test_a_listener_of_a_redis_stream_is_killed(fleet: Fleet) -> None:
    stream, group = f"{fleet.namespace}:orders", "us"
    own = listen(fleet, redis_stream={"stream": stream, "group": group})
    client = fleet.client._port.store.client
    numbers = iter(range(MESSAGES))

    def publish(most: int) -> None:
        pipe = client.pipeline(transaction=False)
        for n in islice(numbers, most):
            pipe.xadd(stream, {"data": json.dumps({"n": n})})
        pipe.execute()

    def unacknowledged(pid: int) -> int:
        """Return how many messages a scheduler has read and not acknowledged."""
        consumers = client.xinfo_consumers(stream, group)
        return sum(each["pending"] for each in consumers if each["name"].endswith(f"-{pid}".encode()))

    with two_schedulers(fleet) as (first, _):
        ready = lambda: client.exists(stream) and len(client.xinfo_consumers(stream, group)) == 2  # noqa: E731
        wait_until(ready, 20, "two listeners")

        def holds(pid: int) -> bool:
            publish(50)
            return unacknowledged(pid) > 0

        kill_when(first, holds, "the first listener to have messages that it has not acknowledged")
        publish(MESSAGES)
        assert_one_run_each(fleet, own, list(range(MESSAGES)))
        wait_until(lambda: client.xpending(stream, group)["pending"] == 0, 20, "all to be acknowledged")


@pytest.mark.rabbitmq
@pytest.mark.parametrize("named", [True, False], ids=["with ids", "without ids"])
def test_a_listener_of_rabbitmq_is_killed(
    rabbitmq: RabbitMQ, make_redis: Callable[..., RedisServer], tmp_path: Path, named: bool
) -> None:
    """Without ids too, though every message says what another says: none is lost, and none starts two runs."""
    queue = f"orders{uuid.uuid4().hex[:8]}"
    numbers = [n // 2 for n in range(MESSAGES)]
    with Fleet(tmp_path, make_redis().url, rabbitmq.url) as fleet, Connection(rabbitmq.url) as connection:
        channel: Any = connection.channel()
        Declared(queue, durable=True)(channel).declare()
        own = listen(fleet, rabbitmq={"queue": queue})
        store = fleet.client._port.store
        producer = Producer(channel, routing_key=queue)
        unsent = iter(enumerate(numbers))

        def publish(most: int) -> None:
            for at, n in islice(unsent, most):
                producer.publish({"n": n}, serializer="json", **({"message_id": f"order {at}"} if named else {}))

        def holds(_: int) -> bool:
            """Without ids, what is read and not acknowledged is noted; with them, some that it has taken will do."""
            publish(40)
            if store.client.zcard(store.keys.deliveries) < 200:
                return False
            return named or stays(lambda: store.client.hlen(store.keys.seen(own)) > 0)

        with two_schedulers(fleet) as (first, _):
            wait_until(lambda: channel.queue_declare(queue, passive=True).consumer_count == 2, 20, "two listeners")
            kill_when(first, holds, "the first listener to have messages that it has not acknowledged")
            publish(MESSAGES)
            assert_one_run_each(fleet, own, numbers)
            wait_until(lambda: channel.queue_declare(queue, passive=True).message_count == 0, 10, "an empty queue")
            wait_until(lambda: not store.client.exists(store.keys.seen(own)), 10, "no notes to be left")
        channel.queue_delete(queue)


def test_a_scheduler_that_takes_files_is_killed(fleet: Fleet, tmp_path: Path) -> None:
    """What it had begun to take is taken by another when the lease of 30 s is over."""
    folder = tmp_path / "in"
    folder.mkdir()
    own = listen(fleet, files={"path": f"{folder}/*.json", "every": "2s", "stable": "1s"})
    names = [f"{n}.json" for n in range(4 * MESSAGES)]
    for name in names:
        (folder / name).write_text("{}")
        os.utime(folder / name, (1_700_000_000, 1_700_000_000))
    store = fleet.client._port.store
    first, second = Scheduler(fleet, "first").start(), Scheduler(fleet, "second")

    def some(_: int) -> bool:
        return 0 < store.client.zcard(store.keys.deliveries) < len(names)

    try:
        kill_when(first, some, "some files to be delivered, and not all")
        second.start()
        wait_until(
            lambda: store.client.scard(store.keys.living(own)) >= len(names), 90, "a run for each file", every=0.1
        )
    finally:
        first.stop()
        second.stop()
    ids = store.read(starters.latest_deliveries(store.keys, 2 * len(names)))
    delivered = [json.loads(each.body)["name"] for each in store.read(starters.deliveries(store.keys, ids))]
    assert sorted(delivered) == sorted(names)
    assert store.client.scard(store.keys.living(own)) == len(names)


@pytest.mark.parametrize("shift", ["+1h", "-1h"])
def test_a_scheduler_whose_clock_is_wrong_takes_no_file_before_it_is_whole(
    fleet: Fleet, tmp_path: Path, shift: str
) -> None:
    require("faketime")
    folder = tmp_path / "in"
    folder.mkdir()
    own = listen(fleet, files={"path": f"{folder}/*.json", "every": "1s", "stable": "3s"})
    store = fleet.client._port.store
    seen, living, slow = store.keys.seen(own), store.keys.living(own), folder / "slow.json"
    misled = Scheduler(fleet, "misled", {"LD_PRELOAD": str(faketime()), "FAKETIME": shift}).start()
    good = Scheduler(fleet, "good")
    try:
        for size in (1, 2, 3, 4):
            before = store.client.hgetall(seen)
            slow.write_text("1" * size)
            wait_until(lambda before=before: store.client.hgetall(seen) != before, 20, "a look at a piece", every=0.1)
            assert store.client.zcard(store.keys.deliveries) == 0
        good.start()
        for n in range(MESSAGES):
            (folder / f"{n}.json").write_text("{}")
        wait_until(lambda: store.client.scard(living) > MESSAGES, 60, "a run for each file", every=0.1)
    finally:
        misled.stop()
        good.stop()
    ids = store.read(starters.latest_deliveries(store.keys, 2 * MESSAGES))
    delivered = [json.loads(each.body) for each in store.read(starters.deliveries(store.keys, ids))]
    assert [each["size"] for each in delivered if each["name"] == slow.name] == [4]
    assert len(delivered) == store.client.scard(living) == MESSAGES + 1
