"""What clients do with triggers, events and webhooks, worked by a scheduler's own code under a set clock."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator import AsyncClient, Client, Trigger
from orchestrator.model.errors import ExpressionError, NotFound, ParameterError, Unavailable
from orchestrator.settings import Settings
from support.ahead import Params, one_job
from support.starters import Starters

# -- events -------------------------------------------------------------------------------------------------------


def test_an_event_starts_its_run_once(client: Client, ahead: Starters) -> None:
    client.workflows.register(one_job("typed", params=Params))
    trigger = Trigger(
        name="paid", event="order.*", when="event.payload.total > 100", params={"day": {"$expr": "event.id"}}
    )
    client.triggers.put("typed", trigger)
    sent = client.events.emit("order.paid", {"total": 200}, id="7")
    assert not sent.duplicate
    assert client.events.emit("order.paid", {"total": 200}, id="7").duplicate
    assert not client.events.emit("order.sent", {"total": 200}, id="7").duplicate, "another event may have the same id"
    client.events.emit("order.paid", {"total": 5})
    ahead.work()
    assert [info.params["day"] for info in client.runs.list()] == ["7", "7"]
    found = client.events.get(sent.id)
    assert found.outcomes == {"typed/paid": found.runs[0]}
    assert len(client.events.list(name="order.paid")) == 2
    assert client.triggers.get("typed/paid").running == 2


def test_a_delivery_is_found_by_the_id_that_its_sender_gave(client: Client) -> None:
    client.events.emit("order.paid", 1, id="conc1")
    client.events.emit("order.paid", 2, id="conc2")
    client.events.emit("order.sent", 3, id="conc2")
    assert client.events.get("conc1") == client.events.get("event:order.paid:conc1")
    with pytest.raises(NotFound) as caught:
        client.events.get("conc2")
    assert str(caught.value) == (
        "2 deliveries have the id 'conc2': event:order.sent:conc2, event:order.paid:conc2 (give one of these whole)"
    )
    for wrong in ("conc", "c1", "order.paid", ""):
        with pytest.raises(NotFound, match="there is no delivery"):
            client.events.get(wrong)


def test_what_nests_too_deep_is_told_so(client: Client) -> None:
    payload: Any = 1
    for _ in range(300):
        payload = [payload]
    with pytest.raises(ParameterError) as caught:
        client.events.emit("order.paid", payload)
    assert str(caught.value) == "order.paid: the payload is nested too deep"
    itself: list[Any] = []
    itself.append(itself)
    with pytest.raises(ParameterError, match="Circular reference"):
        client.events.emit("order.paid", itself)


@pytest.mark.parametrize(
    ("name", "payload", "error"),
    [
        ("order.paid", {"totl": 200}, ExpressionError),
        ("order.paid", {"total": 200, "day": 3}, ParameterError),
        ("order.paid", {"total": float("nan")}, ParameterError),
        ("order.paid", object(), ParameterError),
        ("order paid", {}, ParameterError),
    ],
)
def test_a_payload_that_does_not_fit_is_told_and_not_kept(
    client: Client, ahead: Starters, name: str, payload: Any, error: type[Exception]
) -> None:
    client.workflows.register(one_job("typed", params=Params))
    params = {"day": {"$expr": "event.payload.day"}}
    client.triggers.put(
        "typed", Trigger(name="paid", event="order.paid", when="event.payload.total > 1", params=params)
    )
    before = ahead.machine.snapshot()
    with pytest.raises(error):
        client.events.emit(name, payload)
    assert ahead.machine.snapshot() == before


def test_a_webhook_keeps_its_token(client: Client) -> None:
    client.workflows.register(one_job())
    hook = Trigger(name="hook", webhook={"secret": "env:S"})
    token = client.triggers.put("shop", hook).token
    assert len(token) == 32
    again = Trigger(name="hook", webhook={"secret": "env:OTHER"}, when="event.payload.ok")
    assert client.triggers.put("shop", again).token == token


def test_datasets_and_the_ends_of_runs_are_heard(client: Client, ahead: Starters) -> None:
    client.triggers.put(one_job("by-data"), Trigger(name="t", datasets={"any": ["orders"]}))
    client.triggers.put(one_job("by-end"), Trigger(name="t", run={"workflow": "source"}))
    client.submit(one_job("source", produces=["orders"]))
    ahead.finish()
    ahead.work()
    assert sorted(info.workflow for info in client.runs.list(state="queued")) == ["by-data", "by-end"]
    client.events.emit_dataset("orders", id="by hand")
    ahead.work()
    assert [info.workflow for info in client.runs.list(state="queued")].count("by-data") == 2


def test_a_trigger_that_cannot_be_read_any_more_keeps_no_event_away(client: Client, ahead: Starters) -> None:
    client.triggers.put(one_job("old"), Trigger(name="t", event="x"))
    client.triggers.put(one_job("new"), Trigger(name="t", event="x"))
    ahead.machine.client.hset(client._session.keys.starter("old/t"), "spec", '{"event": "x", "when": "1"}')
    client.events.emit("x")
    ahead.work()
    assert [info.workflow for info in client.runs.list()] == ["new"]


def test_a_paused_trigger_hears_nothing(client: Client, ahead: Starters) -> None:
    client.triggers.put(one_job(), Trigger(name="t", event="x"))
    client.triggers.pause("shop/t")
    client.events.emit("x")
    ahead.work()
    client.triggers.resume("shop/t")
    client.events.emit("x")
    ahead.work()
    assert len(client.runs.list()) == 1
    client.triggers.delete("shop/t")
    assert client.triggers.list() == []


def test_what_came_before_a_pause_waits_for_its_end(client: Client, ahead: Starters) -> None:
    client.triggers.put(one_job(), Trigger(name="t", event="x"))
    client.events.emit("x")
    ahead.machine.wait(1)
    client.triggers.pause("shop/t")
    ahead.work()
    assert (client.runs.list(), len(ahead.waiting("shop/t"))) == ([], 1)
    client.triggers.resume("shop/t")
    ahead.work()
    assert len(client.runs.list()) == 1


async def test_headers_of_a_hook_may_decide(redis_url: str, ns: str, ahead: Starters) -> None:
    async with AsyncClient(Settings(redis_url=redis_url, broker_url=None, namespace=ns)) as client:
        params = {"day": {"$expr": "event.headers['x-day']"}}
        trigger = Trigger(name="hook", webhook={"secret": "env:S"}, when="'x-day' in event.headers", params=params)
        info = await client.triggers.put(one_job("typed", params=Params), trigger)
        hook = await client.hooks.find(info.token)
        assert hook is not None
        assert (await client.hooks.deliver(hook, "1", {}, {"x-night": "monday"}, 0)).status == "ignored"
        assert (await client.hooks.deliver(hook, "2", {}, {"x-day": "monday"}, 0)).status == "accepted"
        ahead.work()
        (run,) = await client.runs.list()
        assert run.params["day"] == "monday"


async def test_a_hook_takes_a_message_once_and_none_that_does_not_fit(redis_url: str, ns: str) -> None:
    async with AsyncClient(Settings(redis_url=redis_url, broker_url=None, namespace=ns)) as client:
        webhook = {"secret": "env:S"}
        params = {"day": {"$expr": "event.payload.day"}}
        trigger = Trigger(name="hook", webhook=webhook, when="event.payload.kind == 'paid'", params=params)
        info = await client.triggers.put(one_job("typed", params=Params), trigger)
        assert await client.hooks.find("nobody's") is None
        hook = await client.hooks.find(info.token)
        assert hook is not None
        assert hook.trigger == trigger

        async def send(delivery: str, **payload: Any) -> str:
            return (await client.hooks.deliver(hook, delivery, payload, {}, 0)).status

        with pytest.raises(ParameterError):
            await send("1", kind="paid", day=3)
        with pytest.raises(ExpressionError):
            await send("1", day="mon")
        assert await client.events.list() == []
        assert await send("1", kind="paid", day="mon") == "accepted"
        assert await send("1", kind="paid", day="mon") == "duplicate"
        assert await send("2", kind="sent", day="mon") == "ignored"
        (kept,) = await client.events.list()
        assert (kept.topic, kept.payload) == ("hook:typed/hook", {"kind": "paid", "day": "mon"})

        await client.triggers.pause(info.id)
        hook = await client.hooks.find(info.token)
        with pytest.raises(Unavailable):
            await send("3", kind="paid", day="mon")
        await client.triggers.delete(info.id)
        assert await client.hooks.find(info.token) is None
