"""A failover behind one address: the old master is a replica now, and whoever is still connected to it leaves it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from orchestrator.state.store import AsyncStore, Store
from orchestrator.state.transitions.timers import Fire
from support.failover import Pair
from support.redis_server import RedisServer


@pytest.fixture
def pair(make_redis: Callable[..., RedisServer]) -> Iterator[Pair]:
    with Pair(make_redis(), make_redis()) as made:
        yield made


def test_threads_find_the_new_master(pair: Pair) -> None:
    store = Store.connect(pair.url, "ns")
    store.run(Fire())
    store.pipeline([("SET", "before", 1)])
    pair.fail_over()
    store.run(Fire())
    store.pipeline([("GET", "before"), ("SET", "after", 1)])
    assert pair.get("after") == b"1"
    store.close()


def test_plain_commands_find_it_too(pair: Pair) -> None:
    store = Store.connect(pair.url, "ns")
    store.pipeline([("SET", "before", 1)])
    pair.fail_over()
    assert store.pipeline([("SET", "one", 1), ("SET", "two", 2)]) == [True, True]
    store.client.set("three", 3)
    store.close()


def test_who_waits_in_a_blocking_read_finds_it(pair: Pair) -> None:
    store = Store.connect(pair.url, "ns")
    pair.fail_over_while(lambda: store.client.blpop(["list"], timeout=3))
    store.client.set("after", 1)
    store.close()


def test_programs_with_asyncio_find_the_new_master(pair: Pair) -> None:
    async def main() -> None:
        store = AsyncStore.connect(pair.url, "ns")
        await store.run(Fire())
        await asyncio.to_thread(pair.fail_over)
        await store.run(Fire())
        await store.pipeline([("SET", "after", 1)])
        await store.close()

    asyncio.run(main())
    assert pair.get("after") == b"1"
