"""A program whose tests run a worker in a thread of theirs, by Celery's own kit; it prints what it saw as JSON.

python -m support.embedded POOL
"""

from __future__ import annotations

import json
import os
import sys
import threading

from celery import Celery
from celery.contrib.testing.worker import start_worker

import orchestrator
from orchestrator import Client, Workflow

app = Celery("embedded", broker=os.environ["ORCHESTRATOR_REDIS_URL"])
app.conf.task_default_queue = "mine"
orchestrator.install(app)


@app.task
def add(x: int, y: int) -> int:
    """Add two numbers."""
    return x + y


def main(pool: str) -> None:
    """Run a job in each of two workers, one after the other."""
    states = []
    with Client() as client:
        for _ in range(2):
            with start_worker(app, perform_ping_check=False, pool=pool, concurrency=2, shutdown_timeout=15):
                workflow = Workflow("one")
                workflow.job("job", add.s(1, 2), route="mine")
                run = client.submit(workflow)
                run.wait(timeout=20)
                states.append(run.state.name)
        nodes = [node.name for node in client.nodes.list()]
    ours = [thread.name for thread in threading.enumerate() if thread.name.startswith("orchestrator")]
    print(json.dumps({"states": states, "nodes": nodes, "threads": ours}))


if __name__ == "__main__":
    main(sys.argv[1])
