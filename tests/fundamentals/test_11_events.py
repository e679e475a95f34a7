"""Triggers and events."""

from __future__ import annotations

from fundamentals.tasks import add
from pydantic import BaseModel

from orchestrator import Client, Trigger, Workflow
from support.waiting import wait_until


class Amount(BaseModel):
    amount: int


def test_an_event_starts_the_runs_of_its_triggers(client: Client) -> None:
    """A trigger listens to events by name, lets through those that fit `when`, and makes parameters of them."""
    paid = Workflow("paid", params=Amount)
    paid.job("add", add.s(paid.params.amount, 1))
    large = Trigger(
        name="large",
        event="order.paid",
        when="event.payload.total > 100",
        params={"amount": {"$expr": "event.payload.total"}},
    )
    client.triggers.put(paid, large)

    small = client.events.emit("order.paid", {"total": 20})
    sent = client.events.emit("order.paid", {"total": 120}, id="order-7")

    (run,) = wait_until(lambda: client.events.get(sent.id).runs, 20)
    assert client.runs.get(run).wait(timeout=20).output("add") == 121
    assert not client.events.get(small.id).runs
    assert client.events.emit("order.paid", {"total": 120}, id="order-7").duplicate
