from __future__ import annotations

import pytest

from orchestrator.starters.trigger import Trigger
from orchestrator.state.transitions.events import DeliveryForgotten, ForgetDelivery
from orchestrator.state.transitions.replies import Recent, Waits
from support.machine import plan_of
from support.starters import Starters

AGE_MS = 60_000


def test_an_old_delivery_is_deleted(starters: Starters) -> None:
    starters.deliver("a", "event:e")
    starters.work()
    starters.machine.wait(AGE_MS + 1)
    assert starters.machine.do(ForgetDelivery("a", AGE_MS)) == DeliveryForgotten()
    assert not starters.machine.client.exists(starters.keys.delivery("a"), starters.keys.deliveries)
    starters.machine.do(ForgetDelivery("nosuch", AGE_MS))


def test_a_delivery_whose_record_is_missing_leaves_the_list(starters: Starters) -> None:
    starters.machine.client.zadd(starters.keys.deliveries, {"a": 1})
    assert starters.machine.do(ForgetDelivery("a", AGE_MS)) == DeliveryForgotten()
    assert not starters.machine.client.exists(starters.keys.deliveries)


@pytest.mark.parametrize("wait_ms", [0, AGE_MS])
def test_a_recent_delivery_stays(starters: Starters, wait_ms: int) -> None:
    starters.deliver("a", "event:e")
    starters.work()
    starters.machine.wait(wait_ms)
    before = starters.machine.snapshot()
    assert starters.machine.do(ForgetDelivery("a", AGE_MS)) == Recent()
    assert starters.machine.snapshot() == before


def test_a_delivery_that_waits_at_one_of_its_triggers_stays(starters: Starters) -> None:
    own = starters.trigger(plan_of(1), Trigger(name="t", event="a", overlap="queue_all"))
    for delivery in ("first", "second"):
        starters.deliver(delivery, "event:a")
    starters.work()
    assert starters.waiting(own) == ["second"]
    starters.machine.wait(AGE_MS + 1)
    before = starters.machine.snapshot()
    assert starters.machine.do(ForgetDelivery("second", AGE_MS)) == Waits()
    assert starters.machine.snapshot() == before
    assert starters.machine.do(ForgetDelivery("first", AGE_MS)) == DeliveryForgotten()
