"""The worker of `celery.contrib.testing`, in a thread of a program: it runs jobs, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from support.workers import TESTS


@pytest.mark.parametrize("pool", ["solo", "threads"])
def test_it_runs_jobs_and_leaves_no_node_and_no_thread(redis_url: str, ns: str, pool: str) -> None:
    env = {
        **os.environ,
        "PYTHONPATH": str(TESTS),
        "ORCHESTRATOR_REDIS_URL": redis_url,
        "ORCHESTRATOR_BROKER_URL": redis_url,
        "ORCHESTRATOR_NAMESPACE": ns,
    }
    argv = [sys.executable, "-m", "support.embedded", pool]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen == {"states": ["succeeded", "succeeded"], "nodes": [], "threads": []}
