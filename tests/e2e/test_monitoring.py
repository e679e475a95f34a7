"""What Celery's own monitors show: attempts under their tasks' names, and nothing of our permits."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from celery import Celery

from orchestrator import RetryPolicy, Workflow, children
from orchestrator.model.states import JobState, RunState
from support import shop
from support.fleet import Fleet
from support.needs import require
from support.redis_server import free_port
from support.waiting import wait_until
from support.workers import TESTS


@pytest.fixture(scope="module", params=["prefork", "threads"])
def fleet(request: pytest.FixtureRequest, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    require("redis")
    pool = str(request.param)
    with Fleet(tmp_path_factory.mktemp(pool), redis_url) as made:
        made.worker("-P", pool, "-c", "2", "-E").start()
        yield made


@pytest.fixture(scope="module")
def flower(fleet: Fleet) -> Iterator[httpx.Client]:
    port = free_port()
    environment = {
        **os.environ,
        "PYTHONPATH": str(TESTS),
        "FLOWER_UNAUTHENTICATED_API": "true",
        "ORCHESTRATOR_BROKER_URL": fleet.broker_url,
    }
    argv = [sys.executable, "-m", "celery", "-A", "support.shop", "flower", f"--port={port}", "--address=127.0.0.1"]
    with (fleet.folder / "flower.log").open("ab") as output:
        process = children.spawn(argv, env=environment, stdout=output, stderr=output)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
        wait_until(lambda: _answers(process, client), 30, "Flower to know the worker", every=0.2)
        yield client
    children.stop(process)


def _answers(process: subprocess.Popen[bytes], client: httpx.Client) -> bool:
    assert process.poll() is None
    try:
        return "w1@test" in client.get("/api/workers", params={"refresh": "1"}).text
    except httpx.HTTPError:
        return False


def shown(flower: httpx.Client, ref: str, state: str) -> dict[str, Any]:
    """Wait until Flower shows an attempt in a state, and return its row."""

    def row() -> dict[str, Any] | None:
        found: dict[str, Any] | None = flower.get("/api/tasks").json().get(ref)
        return found if found and found["state"] == state else None

    return wait_until(row, 5, f"Flower to show {ref} as {state}") or {}


def test_flower_shows_attempts_with_their_names_arguments_and_ends(fleet: Fleet, flower: httpx.Client) -> None:
    workflow = Workflow("watched")
    first = workflow.job("first", shop.add.s(20, y=22), route="celery")
    workflow.job("second", shop.echo.s(first.output), route="celery")
    run = fleet.client.submit(workflow)
    run.wait(timeout=20)
    row = shown(flower, f"{run.id}/0@1", "SUCCESS")
    assert (row["name"], row["args"], row["kwargs"], row["result"]) == ("support.shop.add", "(20,)", "{'y': 22}", "42")
    assert row["worker"] == "w1@test"
    assert row["received"] <= row["started"] <= row["succeeded"]
    assert shown(flower, f"{run.id}/1@1", "SUCCESS")["args"] == "(42,)"


def test_flower_shows_failures_and_retries(fleet: Fleet, flower: httpx.Client, tmp_path: Path) -> None:
    policy = RetryPolicy(max=1, delay=0.1, jitter=False)
    job, run = fleet.outcome(shop.fail.s("no luck"), retry=policy)
    assert job.state is JobState.failed
    assert "no luck" in shown(flower, f"{run.id}/0@1", "RETRY")["exception"]
    row = shown(flower, f"{run.id}/0@2", "FAILURE")
    assert (row["exception"], row["name"]) == ("ValueError('no luck')", "support.shop.fail")


def test_flower_shows_what_runs_and_what_was_stopped(fleet: Fleet, flower: httpx.Client, tmp_path: Path) -> None:
    path = tmp_path / "notes"
    run = fleet.submit(shop.nap.s(30, str(path)))
    wait_until(path.exists, 10, "the job to run")
    ref = f"{run.id}/0@1"
    shown(flower, ref, "STARTED")
    run.cancel("enough")
    run.wait(timeout=10)
    shown(flower, ref, "REVOKED")
    job, run = fleet.outcome(shop.nap.s(30), timeout=0.4)
    assert job.state is JobState.timed_out
    shown(flower, f"{run.id}/0@1", "FAILURE")


def test_flower_shows_no_permit(fleet: Fleet, flower: httpx.Client) -> None:
    fleet.outcome(shop.add.s(1))
    names = {row["name"] for row in flower.get("/api/tasks").json().values()}
    assert "orchestrator.turn" not in names
    assert None not in names


def test_inspect_active_lists_attempts_and_revoke_reaches_them(fleet: Fleet, tmp_path: Path) -> None:
    path = tmp_path / "notes"
    run = fleet.submit(shop.nap.s(30, str(path)))
    wait_until(path.exists, 10, "the job to run")
    ref = f"{run.id}/0@1"
    app = Celery("operator", broker=fleet.broker_url)
    active = app.control.inspect(timeout=2).active()["w1@test"]
    assert [(each["id"], each["name"]) for each in active] == [(ref, "support.shop.nap")]
    app.control.revoke(ref, terminate=True)
    run.wait(timeout=10)
    assert (run.jobs()[0].state, run.state) == (JobState.cancelled, RunState.failed)
    app.close()
