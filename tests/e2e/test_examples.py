"""The example projects of the docs, run as their own first lines say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from orchestrator import Client, children
from orchestrator.settings import Settings
from support.redis_server import RedisServer
from support.waiting import wait_until

CROSSED = Path(__file__).parents[2] / "docs" / "examples" / "crossed"


def test_the_four_jobs_that_canvas_cannot_express(redis_server: RedisServer, ns: str, tmp_path: Path) -> None:
    own = {"ORCHESTRATOR_REDIS_URL": redis_server.url, "ORCHESTRATOR_NAMESPACE": ns, "PYTHONPATH": str(CROSSED)}
    env = os.environ | own | {"PYTHONDONTWRITEBYTECODE": "1"}
    with (tmp_path / "log").open("wb") as log:
        worker = children.spawn(
            [sys.executable, "-m", "celery", "-A", "shop", "worker", "-c", "2"],
            cwd=tmp_path, env=env, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        with Client(Settings(redis_url=redis_server.url, namespace=ns)) as client:
            wait_until(client.nodes.list, 30, "the worker to be there")
        done = subprocess.run(
            [sys.executable, str(CROSSED / "shop.py")], env=env, capture_output=True, text=True, check=False, timeout=60
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.splitlines() == ["['2 x tent', '1 x stove']", "{'1': 378.0, '2': 44.0}"]
    finally:
        children.stop(worker)
