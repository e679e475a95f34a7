"""The clock of a namespace: never behind what it has seen, and never far ahead of that of Redis."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
import redis

from orchestrator.scheduler.duties import Tools
from orchestrator.scheduler.duties.leases import Leases
from orchestrator.servers.checks import fleet_checks
from orchestrator.settings import Settings
from orchestrator.state import limits, reads
from orchestrator.state.reads import health, starters
from orchestrator.state.store import Store
from orchestrator.state.transitions.nodes import Beat, Register, Welcome
from orchestrator.state.transitions.timers import Fire

HOUR_MS = 3_600_000


@pytest.fixture
def store(redis_client: redis.Redis, ns: str, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr("orchestrator.state.reads.base.CLOCK_AHEAD_MS", limits.CLOCK_AHEAD_MS)
    return Store(redis_client, ns)


def redis_ms(store: Store) -> int:
    seconds, micros = store.client.time()
    return int(seconds) * 1000 + int(micros) // 1000


def see(store: Store, ahead_ms: int) -> None:
    """Have the namespace see a time that is ahead of Redis, as when Redis' clock was wrong for a while."""
    store.client.hset(store.keys.meta, "clock", redis_ms(store) + ahead_ms)


def beat(store: Store, node: str) -> None:
    """Have a node come in and beat."""
    welcome = store.run(Register(node, (), 1))
    assert isinstance(welcome, Welcome)
    store.run(Beat(node, welcome.incarnation, 1, 1, 0, ()))


@pytest.mark.parametrize(
    "now", [lambda store: store.run(Fire()).now_ms, lambda store: store.read(starters.clock(store.keys))]
)
def test_it_is_ahead_of_redis_by_a_minute_at_most(store: Store, now: Callable[[Store], int]) -> None:
    see(store, limits.CLOCK_AHEAD_MS - 5_000)
    assert now(store) > redis_ms(store) + limits.CLOCK_AHEAD_MS - 10_000, "a failover to an older clock"
    see(store, 2 * HOUR_MS)
    assert abs(now(store) - redis_ms(store)) < 5_000, "the clock of Redis was wrong, and is right again"


def test_a_clock_that_was_set_back_is_told(store: Store, redis_url: str, caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings(redis_url=redis_url, namespace=store.namespace)
    leases, tools = Leases(), Tools(store, lambda _permits: None)

    def told() -> str | None:
        (check,) = (each for each in fleet_checks(settings) if each.name == "namespace clock")
        return None if check.ok else check.detail

    leases.step(tools)
    assert told() is None
    see(store, 30_000)
    assert "stands still" in str(told())
    see(store, 2 * HOUR_MS)
    beat(store, "n")
    with caplog.at_level(logging.WARNING):
        leases.step(tools)
        leases.step(tools)
    assert "was 7199 s ahead until" in str(told()) or "was 7200 s ahead until" in str(told())
    assert sum("is right again" in record.message for record in caplog.records) == 1
    assert store.read(health.clock_state(store.keys)).ahead_ms == 0


def test_leases_that_were_given_by_the_wrong_time_are_shortened(store: Store) -> None:
    beat(store, "n")
    wrong = redis_ms(store) + 2 * HOUR_MS
    store.client.zadd(store.keys.nodes, {"n": wrong + limits.LEASE_MS})
    store.client.hset(store.keys.meta, mapping={"clock": wrong, "tick": wrong})
    Leases().step(Tools(store, lambda _permits: None))
    assert store.client.zscore(store.keys.nodes, "n") - redis_ms(store) <= limits.LEASE_MS


def test_what_a_dead_process_left_by_the_wrong_time_is_carried_on(store: Store) -> None:
    store.client.zadd(store.keys.todos, {"r": redis_ms(store) + 2 * HOUR_MS})
    assert store.read(reads.left_behind(store.keys, 300)) == ["r"]
    store.client.zrem(store.keys.todos, "r")
