"""What schedulers forget when it is old: deliveries and backfills, but nothing that is still waited for."""

from __future__ import annotations

import pytest
import redis

from orchestrator.scheduler.duties import Tools
from orchestrator.scheduler.duties.retention import DELIVERY_LIFE_MS, Retention
from orchestrator.scheduling.records import backfill_record
from orchestrator.starters.schedule import Schedule
from orchestrator.starters.trigger import Trigger
from orchestrator.state.layouts.change_ops import put_starter, put_waiting
from orchestrator.state.reads import starters as reads
from orchestrator.timing.intervals import Every
from support.machine import Machine, plan_of
from support.starters import Starters


@pytest.fixture
def starters(redis_client: redis.Redis, ns: str) -> Starters:
    return Starters(Machine(redis_client, ns))


def retain(starters: Starters, retention_s: float) -> None:
    retention = Retention(retention_s)
    while retention.step(Tools(starters.store, lambda _permits: None)) == 0:
        pass


def tick(starters: Starters, ms: int) -> None:
    """Let time pass, and the store keep it: something is due."""
    starters.machine.wait(ms)
    starters.deliver(f"at {starters.machine.now}", "event:none")
    starters.work()


def names(starters: Starters) -> list[str]:
    return starters.store.read(reads.latest_deliveries(starters.keys, 100))


def test_deliveries_are_kept_for_a_day_at_least(starters: Starters) -> None:
    starters.deliver("old", "event:a")
    starters.work()
    starters.machine.wait(DELIVERY_LIFE_MS - 1)
    starters.deliver("new", "event:a")
    starters.work()
    retain(starters, 60)
    assert names(starters) == ["new", "old"]
    starters.machine.wait(3)
    starters.deliver("newer", "event:a")
    starters.work()
    retain(starters, 60)
    assert names(starters) == ["newer", "new"]
    assert not starters.machine.client.exists(starters.keys.delivery("old"))


def test_a_delivery_that_waits_for_its_run_is_kept(starters: Starters) -> None:
    own = starters.trigger(plan_of(1), Trigger(name="t", event="a", overlap="queue_all"))
    for delivery in ("first", "second"):
        starters.deliver(delivery, "event:a")
    starters.work()
    assert starters.waiting(own) == ["second"]
    starters.machine.wait(DELIVERY_LIFE_MS + 1)
    starters.deliver("third", "event:b")
    starters.work()
    retain(starters, 60)
    assert set(names(starters)) == {"second", "third"}
    starters.finish()
    starters.work()
    assert len(starters.runs(own)) == 2


def test_a_backfill_that_is_over_is_forgotten(starters: Starters) -> None:
    schedule = Schedule(Every("1d"), name="s")
    own = starters.schedule(plan_of(1), schedule)
    record = backfill_record(starters.record(own), schedule, 1, 2)
    starters.apply([put_waiting(record.id, [86_400_000]), put_starter(record)])
    starters.work()
    retain(starters, 60)
    tick(starters, 100_000)
    retain(starters, 60)
    assert starters.store.read(reads.ids(starters.keys, "backfill")) == [record.id]
    starters.finish()
    tick(starters, 1)
    retain(starters, 60)
    assert starters.store.read(reads.ids(starters.keys, "backfill")) == []
    assert [each.word for each in starters.past(own)] == ["run"]
