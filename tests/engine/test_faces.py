"""Both faces of the client: each public method does the same in `Client` and in `AsyncClient`, by the same assertions.

A case names the methods that it is for; a test fails where a public method has no case, or a case does not call what it
names.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestrator import AsyncClient, Calendar, Client, Cron, Every, Schedule, Trigger, Workflow
from orchestrator.client import aio, sync
from orchestrator.client.base import NOUNS
from orchestrator.definitions.revisions import Note
from orchestrator.model.errors import Conflict, NotFound, ParameterError
from orchestrator.model.states import RunState
from orchestrator.settings import Settings
from orchestrator.state.store import Store
from support.ahead import Params, one_job
from support.namespace import desired_state
from support.node import Node

Case = Callable[[Any, Node], Awaitable[None]]
CASES: dict[str, tuple[tuple[str, ...], Case]] = {}


def case(*methods: str) -> Callable[[Case], Case]:
    """Note a case, and the methods (`noun.verb`) that it is for."""

    def add(function: Case) -> Case:
        CASES[getattr(function, "__name__", "")] = methods, function
        return function

    return add


class Awaited:
    """A client, one of its nouns or a run, whose methods are awaited whichever face it is; notes what is called."""

    def __init__(self, of: Any, path: str, called: set[str]) -> None:
        self._of, self._path, self._called = of, path, called

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._of, name)
        path = f"{self._path}.{name}".lstrip(".")
        if path in NOUNS:
            return Awaited(found, path, self._called)
        if not inspect.ismethod(found):
            return found

        async def call(*args: Any, **options: Any) -> Any:
            self._called.add(path)
            result = found(*args, **options)
            if inspect.isawaitable(result):
                result = await result
            if isinstance(result, sync.Run | aio.AsyncRun):
                return Awaited(result, "run", self._called)
            return Awaited(result, "", self._called) if isinstance(result, Client | AsyncClient) else result

        return call


@pytest.fixture
def settings(redis_url: str, ns: str) -> Settings:
    return Settings(redis_url=redis_url, broker_url=None, namespace=ns)


@pytest.fixture
def called() -> set[str]:
    return set()


@pytest.fixture(params=["sync", "async"])
async def client(request: pytest.FixtureRequest, settings: Settings, called: set[str]) -> AsyncIterator[Any]:
    if request.param == "sync":
        with Client(settings) as made:
            yield Awaited(made, "", called)
    else:
        async with AsyncClient(settings) as other:
            yield Awaited(other, "", called)


@case("submit", "acting", "close", "run.refresh", "run.wait", "run.jobs", "run.output", "run.trace")
async def a_run_that_succeeds(client: Any, node: Node) -> None:
    run = await client.submit(one_job("typed", params=Params), day="monday", idempotency_key="once")
    assert (await client.submit(one_job("typed", params=Params), day="monday", idempotency_key="once")).id == run.id
    with pytest.raises(Conflict):
        await client.submit(one_job("typed", params=Params), day="tuesday", idempotency_key="once")
    assert (await run.refresh()).state is RunState.queued
    assert node.work_off() == ["a"]
    assert (await run.wait(5, raise_on_failure=True)).state is RunState.succeeded
    assert [job.name for job in await run.jobs()] == ["a"]
    assert await run.output("a") == "done"
    assert (await run.trace())["name"] == "typed"
    await (await client.acting(who="ann")).close()


@case("run.cancel", "run.failure", "runs.get", "runs.list")
async def a_run_that_is_cancelled_by_who_acts(client: Any, node: Node) -> None:
    run = await client.submit(one_job())
    ann = await client.acting(who="ann", why="not today", via="test")
    cancelled = await (await ann.runs.get(run.id)).cancel()
    assert (cancelled.info.who, cancelled.info.why) == ("ann", "not today")
    assert await cancelled.failure() == f"run {run.id} of shop was cancelled: not today"
    other = await client.submit(one_job())
    assert (await (await ann.runs.get(other.id)).cancel("another reason", who="bob")).info.who == "bob"
    assert [info.id for info in await client.runs.list(state="cancelled", limit=1)] == [other.id]
    with pytest.raises(NotFound):
        await client.runs.get("nonsense")


@case(
    "workflows.register",
    "workflows.get",
    "workflows.list",
    "workflows.names",
    "workflows.definition",
    "workflows.schema",
)
async def stored_workflows(client: Any, node: Node) -> None:
    assert (await client.workflows.register(one_job("typed", params=Params))).new
    assert (await client.workflows.get("typed")).latest == 1
    assert [info.name for info in await client.workflows.list()] == await client.workflows.names() == ["typed"]
    back = Workflow.from_definition(await client.workflows.definition("typed"))
    assert back.compile().digest == one_job("typed", params=Params).compile().digest
    assert list((await client.workflows.schema("typed"))["properties"]) == ["day", "copies"]


@case(
    "schedules.put",
    "schedules.get",
    "schedules.list",
    "schedules.names",
    "schedules.next",
    "schedules.preview",
    "schedules.past",
    "schedules.pause",
    "schedules.resume",
    "schedules.delete",
    "schedules.trigger",
)
async def schedules(client: Any, node: Node) -> None:
    info = await client.schedules.put(one_job(), Schedule(Every("1h"), name="often"), generation=0)
    with pytest.raises(Conflict, match="changed meanwhile"):
        await client.schedules.put("shop", Schedule(Every("2h"), name="often"), generation=0)
    assert await client.schedules.get("shop/often") == info
    assert await client.schedules.list("shop") == [info]
    assert await client.schedules.names() == ["shop/often"]
    assert [each.schedule for each in await client.schedules.next(2, of="shop")] == ["shop/often"] * 2
    assert len(await client.schedules.preview("shop", Schedule(Cron("0 2 * * *")), count=3)) == 3
    assert await client.schedules.past("shop/often") == []
    await client.schedules.pause("shop/often")
    assert (await client.schedules.get("shop/often")).state == "paused"
    await client.schedules.resume("shop/often", catch_up=True)
    assert (await client.schedules.get("shop/often")).state == "active"
    run = await client.schedules.trigger("shop/often")
    assert (await run.refresh()).info.started_by["manual"]
    await client.schedules.delete("shop/often")
    with pytest.raises(NotFound):
        await client.schedules.get("shop/often")


@case("backfills.create", "backfills.get", "backfills.list", "backfills.cancel")
async def backfills(client: Any, node: Node) -> None:
    await client.schedules.put(one_job(), Schedule(Cron("0 2 * * *"), name="nightly"))
    today = datetime.now(UTC).date()
    made = await client.backfills.create("shop/nightly", today - timedelta(days=8), today - timedelta(days=1))
    assert (made.id, made.count) == ("shop/nightly~1", 7)
    found = await client.backfills.get(made.id)
    assert found.state == "running"
    assert await client.backfills.list("shop/nightly") == [found]
    assert (await client.backfills.cancel(made.id)).state == "cancelled"


@case(
    "triggers.put",
    "triggers.get",
    "triggers.list",
    "triggers.names",
    "triggers.past",
    "triggers.pause",
    "triggers.resume",
    "triggers.delete",
    "events.emit",
    "events.emit_dataset",
    "events.get",
    "events.list",
)
async def triggers_and_events(client: Any, node: Node) -> None:
    paid = Trigger(name="paid", event="order.paid", params={"day": {"$expr": "event.payload.day"}})
    info = await client.triggers.put(one_job("typed", params=Params), paid)
    assert await client.triggers.get("typed/paid") == info
    assert await client.triggers.list() == [info]
    assert await client.triggers.names() == ["typed/paid"]
    assert await client.triggers.past("typed/paid") == []
    with pytest.raises(ParameterError, match="trigger typed/paid"):
        await client.events.emit("order.paid", {"day": 1})
    sent = await client.events.emit("order.paid", {"day": "monday"}, id="7", source="a test")
    assert (await client.events.emit("order.paid", {"day": "monday"}, id="7")).duplicate
    await client.events.emit_dataset("sales")
    assert (await client.events.get("7")).id == sent.id
    assert {each.topic for each in await client.events.list()} == {"dataset:sales", "event:order.paid"}
    await client.triggers.pause("typed/paid")
    assert not (await client.events.emit("order.paid", {"day": 1})).duplicate, "it is not for a paused trigger"
    await client.triggers.resume("typed/paid")
    await client.triggers.delete("typed/paid")
    assert await client.triggers.list() == []


@case("hooks.find", "hooks.deliver")
async def hooks(client: Any, node: Node) -> None:
    trigger = Trigger(name="hook", webhook={"secret": "env:S"}, when="event.payload.go")
    info = await client.triggers.put(one_job(), trigger)
    hook = await client.hooks.find(info.token)
    assert (hook.id, hook.paused) == ("shop/hook", False)
    assert await client.hooks.find("nobody's") is None
    for delivery, go, status in (("1", False, "ignored"), ("2", True, "accepted"), ("2", True, "duplicate")):
        assert (await client.hooks.deliver(hook, delivery, {"go": go}, {}, 0)).status == status


@case("calendars.put", "calendars.get", "calendars.list", "calendars.resolve", "calendars.delete")
async def calendars(client: Any, node: Node) -> None:
    await client.calendars.put("work", Calendar(weekdays="mon-fri"))
    await client.schedules.put(one_job(), Schedule(Cron("0 2 * * *"), days="work"))
    info = await client.calendars.get("work")
    assert info.used_by == ("shop/default",)
    assert await client.calendars.list() == [info]
    assert (await client.calendars.resolve(Calendar(calendar="work"))).names() == set()
    with pytest.raises(Conflict, match="shop/default"):
        await client.calendars.delete("work")
    await client.schedules.delete("shop/default")
    await client.calendars.delete("work")
    assert await client.calendars.list() == []


@case("definitions.propose", "definitions.apply", "definitions.drift", "definitions.revisions", "definitions.back_to")
async def sets_of_definitions(client: Any, node: Node) -> None:
    wanted = desired_state(one_job(), calendars={"work": Calendar(weekdays="mon-fri")})
    ann = await client.acting(who="ann", why="a new calendar")
    proposal = await ann.definitions.propose(wanted)
    assert await ann.definitions.apply(wanted, proposal) == 1
    assert not (await ann.definitions.drift()).changes
    (revision,) = await ann.definitions.revisions(5)
    assert revision.note == Note("ann", "a new calendar")
    assert (await ann.definitions.back_to(1)).definitions == revision.definitions


@case("queues.list", "nodes.list", "nodes.elsewhere", "nodes.gone", "transitions.list", "transitions.last")
async def what_the_fleet_does(client: Any, node: Node) -> None:
    assert await client.transitions.last() == "-"
    run = await client.submit(one_job())
    assert [each.name for each in await client.nodes.list()] == ["n1"]
    assert await client.nodes.gone() == []
    assert await client.nodes.elsewhere() == "", "the node does not say to which broker it listens"
    assert sum(each.ready for each in await client.queues.list()) == 1
    node.work_off()
    last = await client.transitions.last()
    assert last != "-"
    found = await client.transitions.list(limit=100)
    assert {each.run for each in found} == {run.id}
    assert found[-1].after is RunState.succeeded
    assert await client.transitions.list(last) == []


@pytest.mark.parametrize("name", CASES)
async def test_both_faces_do_the_same(name: str, client: Any, called: set[str], redis_url: str, ns: str) -> None:
    methods, function = CASES[name]
    store = Store.connect(redis_url, ns)
    try:
        await function(client, Node(store))
    finally:
        store.close()
    assert set(methods) <= called, "a case calls what it is for"


def test_every_public_method_has_a_case() -> None:
    named = {method for methods, _ in CASES.values() for method in methods}
    assert named == public(sync) == public(aio)


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_client_shows_its_nouns_and_nothing_that_steps_act_on(kind: type[Client | AsyncClient]) -> None:
    made = kind(Settings(redis_url="redis://127.0.0.1:1/0"))
    shown = {name for name in (*dir(kind), *vars(made)) if not name.startswith("_")}
    assert shown == {*NOUNS, "submit", "acting", "close", "settings", "app", "route_of"}


def public(face: Any) -> set[str]:
    """Return the public methods of a face as `noun.verb`."""
    prefix = "Async" if face is aio else ""
    kinds = {"": "Client", "run.": "Run", **{f"{noun}.": noun.capitalize() for noun in NOUNS}}
    return {
        f"{path}{name}"
        for path, kind in kinds.items()
        for name, _ in inspect.getmembers(getattr(face, prefix + kind), inspect.isfunction)
        if not name.startswith("_")
    }
