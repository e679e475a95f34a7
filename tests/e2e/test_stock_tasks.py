"""The stock tasks in real workers: cancel, limits, and that nothing they started lives on."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from orchestrator import Client, Workflow, children
from orchestrator.settings import Settings
from orchestrator_tasks import shell
from support.redis_server import RedisServer
from support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("no_current_app")

# Two processes that ignore SIGTERM; their ids go into a file.
SCRIPT = "trap '' TERM; sleep 600 & echo $! >> pids; echo $$ >> pids; wait"


@pytest.fixture
def client(redis_server: RedisServer, ns: str, tmp_path: Path) -> Iterator[Client]:
    env = os.environ | {"ORCHESTRATOR_REDIS_URL": redis_server.url, "ORCHESTRATOR_NAMESPACE": ns}
    with (tmp_path / "log").open("wb") as log:
        argv = [sys.executable, "-m", "orchestrator", "worker", "--concurrency", "1", "-l", "debug"]
        worker = children.spawn(argv, cwd=tmp_path, env=env, stdout=log, stderr=log)
    try:
        with Client(Settings(redis_url=redis_server.url, namespace=ns)) as made:
            wait_until(made.nodes.list, 30, "the worker to be there")
            yield made
    finally:
        children.stop(worker)
        sys.stdout.write((tmp_path / "log").read_text())


def workflow(folder: Path, **policies: float) -> Workflow:
    made = Workflow("stock")
    made.job("shell", shell.s(script=SCRIPT, interpreter=["bash"], cwd=str(folder)), **policies)  # type: ignore[arg-type]
    return made


def pids(folder: Path) -> list[int]:
    place = folder / "pids"
    return [int(line) for line in place.read_text().split()] if place.exists() else []


def gone(folder: Path) -> bool:
    return not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in pids(folder))


def test_a_cancel_ends_a_command_with_all_that_it_started(client: Client, tmp_path: Path) -> None:
    run = client.submit(workflow(tmp_path))
    wait_until(lambda: len(pids(tmp_path)) == 2, 30, "the command to run")
    run.cancel("a test")
    run.wait(timeout=20)
    assert run.state.name == "cancelled"
    wait_until(lambda: gone(tmp_path), 5, "its processes to be gone")


def test_a_soft_limit_lets_the_task_clean_up(client: Client, tmp_path: Path) -> None:
    run = client.submit(workflow(tmp_path, soft_timeout=1.0, timeout=30.0))
    run.wait(timeout=25)
    (job,) = run.jobs()
    assert job.state.name in ("failed", "timed_out")
    assert job.error is not None
    assert "SoftTimeLimitExceeded" in str(job.error)
    assert len(pids(tmp_path)) == 2
    assert gone(tmp_path)


def test_a_hard_limit_ends_a_command_with_all_that_it_started(client: Client, tmp_path: Path) -> None:
    run = client.submit(workflow(tmp_path, timeout=1.0))
    run.wait(timeout=25)
    assert [job.state.name for job in run.jobs()] == ["timed_out"]
    assert len(pids(tmp_path)) == 2
    wait_until(lambda: gone(tmp_path), 5, "its processes to be gone")


def test_wrong_arguments_are_one_clear_line(client: Client) -> None:
    made = Workflow("wrong")
    made.job("shell", shell.s("ls -l"))
    run = client.submit(made)
    run.wait(timeout=20)
    (job,) = run.jobs()
    assert job.error is not None
    assert "orchestrator.shell: argv: input should be a valid list" in str(job.error)
