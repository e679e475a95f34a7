"""The containers' health check, by a socket and by a client: it tells who is alive."""

from __future__ import annotations

import os
import runpy
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import redis

from orchestrator.state.store import Store
from orchestrator.state.transitions.nodes import Register
from orchestrator.state.transitions.values import Subscription
from support.machine import Machine

PLACE = Path(__file__).parents[2] / "workers" / "healthcheck.py"


@pytest.fixture(params=["socket", "client"])
def check(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, redis_url: str, ns: str) -> Any:
    """Return the check's `main`, which is asked in this process."""
    url = redis_url + ("?health_check_interval=0" if request.param == "client" else "")
    monkeypatch.setenv("ORCHESTRATOR_REDIS_URL", url)
    monkeypatch.setenv("ORCHESTRATOR_NAMESPACE", ns)
    from orchestrator.settings import get_settings

    get_settings.cache_clear()
    yield runpy.run_path(str(PLACE))["main"]
    get_settings.cache_clear()


def test_a_worker_is_well_while_a_node_of_its_host_is_there(
    check: Any, redis_url: str, ns: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check("worker") == 1
    assert f"no node of {socket.gethostname()} is alive" in capsys.readouterr().err
    store = Store.connect(redis_url, ns)
    store.run(Register(f"w1@{socket.gethostname()}", (Subscription("default", (0, 1, 2, 3)),), 1))
    store.close()
    assert check("worker") == 0


def test_a_scheduler_is_well_while_one_ticks(check: Any, redis_client: redis.Redis, ns: str) -> None:
    assert check("scheduler") == 1
    keys = Machine(redis_client, ns).keys
    seconds, _ = redis_client.time()  # type: ignore[misc]  # the client is not asynchronous
    redis_client.hset(keys.meta, "tick", seconds * 1000)
    assert check("scheduler") == 0
    redis_client.hset(keys.meta, "tick", seconds * 1000 - 60_000)
    assert check("scheduler") == 1


def test_a_store_that_does_not_answer_is_told_in_one_line() -> None:
    env = {**os.environ, "ORCHESTRATOR_REDIS_URL": "redis://user:secret@127.0.0.1:1/0"}
    done = subprocess.run([sys.executable, PLACE, "worker"], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("worker: ConnectionRefusedError: ")
    assert "secret" not in done.stderr
    assert done.stderr.count("\n") == 1
