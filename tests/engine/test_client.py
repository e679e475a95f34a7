"""The client on a real Redis: what it stores, what it refuses before it stores anything, and what it reads back."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from datetime import date

import pytest
import redis
from pydantic import BaseModel

from orchestrator import AsyncClient, Client, Workflow
from orchestrator.model.errors import (
    Conflict,
    DefinitionError,
    NotFound,
    ParameterError,
    RunFailed,
    StoreUnavailable,
    WaitTimeout,
)
from orchestrator.model.run import RunInfo
from orchestrator.model.states import JobState, PriorityClass, RunState
from orchestrator.model.workflow import JobDefinition, WorkflowDefinition
from orchestrator.settings import Settings
from support.node import Node


class Params(BaseModel):
    day: date
    copies: int = 1


def diamond(name: str = "diamond") -> Workflow:
    workflow = Workflow(name, params=Params)
    top = workflow.job("top", {"task": "orchestrator.noop", "args": [workflow.params.day]})
    left = workflow.job("left", {"task": "orchestrator.noop", "args": [top.output]})
    right = workflow.job("right", {"task": "orchestrator.noop", "args": [top.output]})
    workflow.job("bottom", {"task": "orchestrator.noop", "args": [[left.output, right.output]]})
    return workflow


@pytest.fixture
def settings(redis_url: str, ns: str) -> Settings:
    return Settings(redis_url=redis_url, broker_url=None, namespace=ns)


@pytest.fixture
def client(settings: Settings) -> Iterator[Client]:
    with Client(settings) as made:
        yield made


def keys(redis_client: redis.Redis, ns: str) -> list[bytes]:
    return sorted(redis_client.scan_iter(f"o:{{{ns}}}:*"))


def test_a_run_from_submit_to_its_end(client: Client) -> None:
    run = client.submit(diamond(), day=date(2027, 3, 1))
    assert run.state is RunState.queued
    assert [job.state.name for job in run.jobs()] == ["queued", "waiting", "waiting", "waiting"]
    assert run.info.params == {"day": "2027-03-01", "copies": 1}
    names = Node(client._port.store).work_off()
    assert names[0] == "top"
    assert names[3] == "bottom"
    assert run.wait(timeout=5).state is RunState.succeeded
    assert run.output("top") == "done"
    assert run.info.counts == {JobState.succeeded: 4}
    document = run.info.to_json()
    assert list(document) == ["id", "workflow", "version", "state", "created", "started", "finished", "counts"]
    assert (document["workflow"], document["version"], document["state"]) == ("diamond", 1, "succeeded")


def test_a_stored_workflow_is_submitted_by_its_name(client: Client) -> None:
    assert client.workflows.register(diamond()).new
    run = client.submit("diamond", {"day": "2027-03-01"}, copies=2, priority="high")
    assert run.info.params == {"day": "2027-03-01", "copies": 2}
    assert run.info.priority is PriorityClass.high
    assert client.workflows.names() == ["diamond"]
    assert client.workflows.get("diamond").latest == 1
    with pytest.raises(NotFound, match=r"no workflow 'diamnod' \(there is diamond\)"):
        client.submit("diamnod")


def test_the_same_content_is_the_same_version_and_other_content_the_next(client: Client) -> None:
    assert client.submit(diamond(), day="2027-03-01").info.version == 1
    assert client.submit(diamond(), day="2027-03-02").info.version == 1
    changed = diamond()
    changed.job("more", {"task": "orchestrator.noop"})
    assert client.submit(changed, day="2027-03-01").info.version == 2
    assert client.submit(diamond(), day="2027-03-03").info.version == 1
    assert sorted(client.workflows.get("diamond").versions) == [1, 2]


@pytest.mark.parametrize(
    ("workflow", "values", "error", "told"),
    [
        (diamond(), {}, ParameterError, "day"),
        (diamond(), {"day": "yesterday"}, ParameterError, "day"),
        (diamond(), {"day": "2027-03-01", "dya": 1}, ParameterError, "dya"),
        (diamond(), {"day": "2027-03-01", "priority": "urgent"}, ParameterError, "critical, high, normal, low"),
        (diamond(), {"day": "2027-03-01", "idempotency_key": ""}, ParameterError, "1 to 200 characters"),
        (WorkflowDefinition(name="empty"), {}, DefinitionError, "at least one job"),
        ("unknown", {}, NotFound, "none is stored yet"),
        (3, {}, DefinitionError, "a int is not a workflow"),
    ],
)
def test_what_is_refused_leaves_nothing_behind(
    client: Client, redis_client: redis.Redis, ns: str,
    workflow: Workflow, values: dict[str, object], error: type[Exception], told: str,
) -> None:  # fmt: skip
    with pytest.raises(error, match=told):
        client.submit(workflow, **values)  # type: ignore[arg-type]
    assert keys(redis_client, ns) == []


def test_an_idempotency_key_names_one_run(client: Client) -> None:
    workflow = diamond()
    first = client.submit(workflow, day="2027-03-01", idempotency_key="night-1")
    assert client.submit(workflow, day="2027-03-01", idempotency_key="night-1").id == first.id
    with pytest.raises(Conflict, match=first.id):
        client.submit(workflow, day="2027-03-02", idempotency_key="night-1")
    assert len(client.runs.list()) == 1


def test_wait_gives_up_and_tells_a_bad_end(client: Client) -> None:
    run = client.submit(diamond(), day="2027-03-01")
    with pytest.raises(WaitTimeout, match=r"still queued after 0\.05 s"):
        run.wait(timeout=0.05)
    error = json.dumps({"type": "shop.Broken", "message": "no\nway", "traceback": "", "bases": []}).encode()
    assert Node(client._port.store).work("failed", error) == "top"
    assert run.wait(timeout=5).state is RunState.failed
    with pytest.raises(RunFailed, match="diamond failed: job top: Broken: no way"):
        run.wait(timeout=5, raise_on_failure=True)
    assert [job.state.name for job in run.jobs()] == ["failed", *["upstream_failed"] * 3]


def test_cancel_keeps_who_and_why_and_a_run_that_is_over(client: Client) -> None:
    run = client.submit(diamond(), day="2027-03-01").cancel("not today", who="ann")
    assert run.state is RunState.cancelled
    assert (run.info.who, run.info.why) == ("ann", "not today")
    assert run.cancel("again").info.why == "not today"
    with pytest.raises(RunFailed, match="was cancelled: not today"):
        run.wait(raise_on_failure=True)


def test_runs_are_listed_and_chosen(client: Client) -> None:
    ids = [client.submit(diamond(name), day="2027-03-01").id for name in ("one", "two", "one")]
    client.runs.get(ids[0]).cancel()
    assert {info.id for info in client.runs.list()} == set(ids)
    assert [info.id for info in client.runs.list(state="cancelled")] == ids[:1]
    assert [info.id for info in client.runs.list(workflow="two")] == [ids[1]]
    assert len(client.runs.list(limit=2)) == 2
    with pytest.raises(ParameterError, match="it is one of queued"):
        client.runs.list(state="lost")


def test_what_is_not_there_is_not_found(client: Client) -> None:
    for unknown in ("nonsense", "0" * 20):
        with pytest.raises(NotFound, match=unknown):
            client.runs.get(unknown)
    run = client.submit(diamond(), day="2027-03-01")
    with pytest.raises(NotFound, match="has no job 'botom'"):
        run.output("botom")
    with pytest.raises(NotFound, match="no version 7 \\(the latest is 1\\)"):
        client.workflows.definition("diamond", 7)


def test_a_trace_says_when_each_job_ran(client: Client) -> None:
    run = client.submit(diamond(), day="2027-03-01")
    Node(client._port.store).work_off()
    trace = run.trace()
    assert list(trace) == ["name", "source", "licence", "jobs"]
    assert [(job["id"], job["after"]) for job in trace["jobs"]] == [
        ("top", []), ("left", ["top"]), ("right", ["top"]), ("bottom", ["left", "right"])
    ]  # fmt: skip
    ends = {job["id"]: job["finished_s"] for job in trace["jobs"]}
    for job in trace["jobs"]:
        assert job["runtime_s"] >= 0
        assert all(job["started_s"] >= ends[parent] for parent in job["after"])


def test_a_definition_comes_back_as_it_was(client: Client) -> None:
    workflow = diamond()
    client.workflows.register(workflow)
    back = Workflow.from_definition(client.workflows.definition("diamond"))
    assert back.compile().digest == workflow.compile().digest


def test_a_definition_without_a_builder_is_submitted_too(client: Client) -> None:
    jobs = tuple(JobDefinition(name=f"j{at}", task="orchestrator.noop") for at in range(3))
    run = client.submit(WorkflowDefinition(name="plain", jobs=jobs))
    assert run.info.total == 3


def test_a_run_with_more_roots_than_a_script_touches(client: Client) -> None:
    jobs = tuple(JobDefinition(name=f"j{at}", task="orchestrator.noop") for at in range(900))
    run = client.submit(WorkflowDefinition(name="wide", jobs=jobs))
    assert run.refresh().info.counts == {JobState.queued: 900}


def test_a_large_stored_plan_is_submitted_at_once(client: Client) -> None:
    workflow = Workflow("large")
    before = None
    for at in range(10_000):
        before = workflow.job(f"j{at}", {"task": "orchestrator.noop"}, after=[before] if before and at % 100 else [])
    client.submit(workflow)
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        client.submit(workflow)
        times.append(time.perf_counter() - begin)
    assert min(times) < 0.05


def test_a_redis_that_is_not_there_is_told() -> None:
    with (
        Client(Settings(redis_url="redis://127.0.0.1:1/0")) as client,
        pytest.raises(StoreUnavailable, match="start it"),
    ):
        client.submit(diamond(), day="2027-03-01")


def test_threads_share_a_client(client: Client) -> None:
    workflow = diamond()
    threads = [threading.Thread(target=client.submit, args=(workflow, {"day": "2027-03-01"})) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(client.runs.list()) == 8


async def test_the_async_client_does_the_same(settings: Settings, client: Client) -> None:
    async with AsyncClient(settings) as other:
        run = await other.submit(diamond(), day="2027-03-01", idempotency_key="k")
        waiting = asyncio.create_task(run.wait(timeout=10))
        await asyncio.to_thread(Node(client._port.store).work_off)
        assert (await waiting).state is RunState.succeeded
        assert await run.output("bottom") == "done"
        assert (await other.runs.get(run.id)).state is RunState.succeeded
        assert [info.id for info in await other.runs.list()] == [run.id]
        assert [job.name for job in await run.jobs()] == ["top", "left", "right", "bottom"]
        assert await run.trace() == client.runs.get(run.id).trace()
        assert (await (await other.submit("diamond", day="2027-03-02")).cancel("no")).state is RunState.cancelled
        assert await other.workflows.names() == ["diamond"]
        with pytest.raises(Conflict):
            await other.submit(diamond(), day="2027-03-02", idempotency_key="k")
        with pytest.raises(NotFound):
            await other.runs.get("nonsense")
        info = run.info
        assert isinstance(info, RunInfo)
        assert info.to_json() == client.runs.get(run.id).info.to_json()
