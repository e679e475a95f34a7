"""Plain calls of the same tasks on the same workers: as if we were not there."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from celery.canvas import chord, group

from orchestrator import Workflow
from orchestrator.model.states import RunState
from support import peculiar, shop
from support.fleet import Fleet
from support.needs import require
from support.redis_server import RedisServer
from support.waiting import wait_until

POOLS = ("prefork", "threads", "gevent", "solo")


@pytest.fixture(scope="module", params=POOLS)
def pool(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("heard") / "heard"


@pytest.fixture(scope="module")
def fleet(pool: str, log: Path, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    require("redis")
    with Fleet(tmp_path_factory.mktemp(pool), redis_url) as made:
        backend = redis_url.removesuffix("0") + "1"  # results have a database of their own
        env = {"SHOP_BACKEND": backend, "SHOP_ACKS_LATE": "1", "PECULIAR_LOG": str(log)}
        made.worker("-P", pool, "-c", "2", "-I", "support.peculiar", env=env).start()
        yield made
        with RedisServerClient(backend) as client:
            client.flushdb()


@pytest.fixture
def heard(log: Path) -> Path:
    log.unlink(missing_ok=True)
    return log


@pytest.fixture
def plain(fleet: Fleet) -> Iterator[Celery]:
    """The producer's side of the project."""
    app = Celery("producer", broker=fleet.broker_url, backend=fleet.redis_url.removesuffix("0") + "1")
    yield app
    app.close()


def RedisServerClient(url: str) -> Any:
    import redis

    return redis.Redis.from_url(url)


def call(app: Celery, task: Any, *args: Any) -> Any:
    return app.send_task(task.name, args)


def test_a_plain_call_has_its_result(plain: Celery, fleet: Fleet) -> None:
    assert call(plain, shop.add, 1, 2).get(timeout=10) == 3
    assert "support.shop.add" in fleet.workers[0].text()


def test_a_plain_call_outside_of_a_workflow_knows_no_attempt(plain: Celery) -> None:
    with pytest.raises(AssertionError):
        call(plain, shop.about_me).get(timeout=10)


def test_a_plain_retry_is_celerys(plain: Celery, tmp_path: Path) -> None:
    path = str(tmp_path / "notes")
    assert call(plain, shop.retry_self, path, 1).get(timeout=20) == "after 1"
    assert Path(path).read_text().split() == ["0", "1"]


def test_a_plain_replace_is_celerys(plain: Celery) -> None:
    assert call(plain, shop.replace).get(timeout=10) == 3


def test_canvas_still_works(plain: Celery) -> None:
    adds = group(plain.signature(shop.add.name, (i, i)) for i in range(4))
    result = chord(adds)(plain.signature("celery.backend_cleanup", immutable=True))
    assert result.parent.get(timeout=10) == [0, 2, 4, 6]


def test_late_acknowledgement_stays_the_apps(
    fleet: Fleet, plain: Celery, pool: str, redis_server: RedisServer, tmp_path: Path
) -> None:
    """A plain task of an acks_late app is acknowledged when it ends; our permits when a slot takes them."""
    path = str(tmp_path / "notes")
    with redis_server.client() as client:
        before = client.hlen("unacked")
        result = call(plain, shop.nap, 1.0, path)
        wait_until(lambda: Path(path).exists(), 10, "the task to run")
        assert client.hlen("unacked") == before + 1
        assert result.get(timeout=10) == "rested"
        wait_until(lambda: client.hlen("unacked") == before, 10, "the acknowledgement")
        (tmp_path / "notes").unlink()
        run = fleet.submit(shop.nap.s(1.0, path))
        wait_until(lambda: Path(path).exists(), 10, "the job to run")
        if pool != "solo":  # there Celery sends every acknowledgement after the body
            assert client.hlen("unacked") == before
        run.wait(timeout=10)


def test_a_task_knows_the_same_of_itself_in_a_job_and_plainly(fleet: Fleet, plain: Celery) -> None:
    """A table of properties: each row is the same in both. What differs by design is not in it (see outcomes.md)."""
    options = {"headers": {"tenant": "acme"}, "time_limit": 60, "soft_time_limit": 50}
    signature = peculiar.properties.s(1, "two", three=[3]).set(**options)
    plainly = plain.send_task(signature.task, signature.args, signature.kwargs, **options).get(timeout=10)
    _, run = fleet.outcome(signature)
    in_a_job = run.output("job")
    assert len(in_a_job) == 29
    assert {row: (in_a_job[row], plainly[row]) for row in in_a_job if in_a_job[row] != plainly[row]} == {}


@pytest.mark.parametrize("how", ["", "raise", "not json", "reject", "exit"])
def test_hooks_and_signals_hear_the_same_of_a_job_and_of_a_plain_task(
    fleet: Fleet, plain: Celery, pool: str, heard: Path, how: str
) -> None:
    if how == "exit" and pool != "prefork":
        pytest.skip("a plain task that exits takes a slot or the worker with it there")
    last = "task_failure" if how in ("reject", "exit") else "after_return"

    def all_heard() -> list[str]:
        wait_until(lambda: any(last in line for line in peculiar.read(heard)), 10, f"{last} to be heard")
        # An output that cannot be stored is told by another exception: ours says what is wrong with it.
        lines = [line.replace("OutputError", "EncodeError") for line in peculiar.read(heard)]
        heard.unlink()
        return sorted(line for line in lines if line.startswith("loud.end "))

    call(plain, peculiar.end, how)
    plainly = all_heard()
    fleet.outcome(peculiar.end.s(how))
    in_a_job = all_heard()
    if how != "exit":  # of which Celery's main process knows a lost worker only
        assert in_a_job == plainly


def test_plain_tasks_are_not_starved_by_workflows(fleet: Fleet, plain: Celery) -> None:
    workflow = Workflow("busy")
    for number in range(3000):
        workflow.job(f"j{number}", shop.nap.s(0.01), route="celery")
    run = fleet.client.submit(workflow)
    wait_until(lambda: run.refresh().state is RunState.running, 10, "the run to start")
    start = time.monotonic()
    assert call(plain, shop.add, 1, 2).get(timeout=15) == 3
    assert time.monotonic() - start < 3
    run.cancel("seen enough")
    run.wait(timeout=30)


def test_a_killed_plain_task_is_celerys_to_report(plain: Celery, pool: str, tmp_path: Path) -> None:
    if pool != "prefork":
        pytest.skip("a thread or greenlet shares its process with the node")
    path = str(tmp_path / "notes")
    result = call(plain, shop.nap, 30, path)
    pid = wait_until(lambda: Path(path).exists() and int(Path(path).read_text() or 0), 10, "the task to run")
    os.kill(pid, signal.SIGKILL)
    from celery.exceptions import WorkerLostError

    with pytest.raises(WorkerLostError):
        result.get(timeout=10)
