"""The end of a run, and the datasets that it has written, start runs of other workflows."""

from __future__ import annotations

from dataclasses import replace

import pytest
import redis

from orchestrator.plan.plan import Plan
from orchestrator.starters.trigger import Trigger
from orchestrator.state.layouts.change_ops import watch
from orchestrator.state.reads import starters as reads
from support.machine import Machine, plan_of
from support.starters import Starters

FIRST, SECOND = plan_of(1, workflow="first"), plan_of(1, workflow="second")


@pytest.fixture
def starters(redis_client: redis.Redis, ns: str) -> Starters:
    return Starters(Machine(redis_client, ns))


def writing(*datasets: str, workflow: str = "writer") -> Plan:
    head = b'{"name":"w","produces":[%s]}' % ",".join(f'"{each}"' for each in datasets).encode()
    plan = plan_of(1, workflow=workflow)
    return replace(plan, head=head, digest=f"{workflow}{len(datasets)}")


def end(starters: Starters, plan: Plan, outcome: str = "ok") -> str:
    made = starters.machine.submit(plan)
    slot = starters.machine.node("worker").slot()
    slot.take()
    slot.finish(outcome)
    starters.work()
    return made


def deliveries(starters: Starters) -> list[str]:
    return sorted(starters.store.read(reads.latest_deliveries(starters.keys, 100)))


def test_a_run_that_succeeds_starts_what_follows_it(starters: Starters) -> None:
    own = starters.trigger(SECOND, Trigger(name="t", run={"workflow": "first"}))
    made = end(starters, FIRST)
    (started,) = starters.runs(own)
    assert deliveries(starters) == [f"run:{made}"]
    assert starters.machine.info(started).facts == {"trigger": own, "deliveries": [f"run:{made}"]}


@pytest.mark.parametrize(("states", "expected"), [("succeeded", 0), ("failed", 1), (["failed", "cancelled"], 1)])
def test_only_the_ends_that_are_named_count(starters: Starters, states: object, expected: int) -> None:
    own = starters.trigger(SECOND, Trigger(name="t", run={"workflow": ["other", "first"], "states": states}))
    end(starters, FIRST, "failed")
    assert len(starters.runs(own)) == expected


def test_an_end_that_nobody_listens_to_leaves_nothing(starters: Starters) -> None:
    starters.apply([watch("first")])
    end(starters, FIRST)
    assert deliveries(starters) == []
    assert starters.machine.timers() == {}


def test_what_a_run_writes_starts_what_reads_it(starters: Starters) -> None:
    own = starters.trigger(SECOND, Trigger(name="t", datasets={"any": ["sales", "stock"]}))
    end(starters, writing("sales", "prices"))
    assert len(starters.runs(own)) == 1
    end(starters, writing("sales", "prices"), "failed")
    assert len(starters.runs(own)) == 1


def test_all_datasets_start_one_run_with_all_their_events(starters: Starters) -> None:
    trigger = Trigger(name="t", datasets={"all": ["sales", "stock"], "within": "1h"})
    own = starters.trigger(SECOND, trigger)
    sales, stock = writing("sales", workflow="a"), writing("stock", workflow="b")
    end(starters, sales)
    starters.machine.wait(3_600_001)
    first = end(starters, stock)
    assert starters.runs(own) == []
    starters.machine.wait(60_000)
    second = end(starters, sales)
    (started,) = starters.runs(own)
    assert starters.machine.info(started).facts["deliveries"] == [f"run:{first}:stock", f"run:{second}:sales"]
    end(starters, stock)
    assert len(starters.runs(own)) == 1
