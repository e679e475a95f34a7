"""A Celery project of nothing but small tasks, for canvases that run beside their workflows."""

from __future__ import annotations

import os
import random
from typing import Any

from celery import Celery, chain, chord, group

import orchestrator

app = Celery(
    "canvases",
    broker=os.environ.get("ORCHESTRATOR_BROKER_URL", "memory://"),
    backend=os.environ.get("SHOP_BACKEND", "cache+memory://"),
)
app.conf.update(task_default_queue="celery", broker_connection_retry_on_startup=True, worker_hijack_root_logger=False)
orchestrator.install(app)


@app.task(name="c.pack")
def pack(*args: Any, **kwargs: Any) -> list[Any]:
    """Return what it got, so that the result tells who got whose."""
    return [*args, *sorted(kwargs.items())]


@app.task(name="c.count")
def count(*args: Any) -> int:
    """Return how many numbers are in what it got."""
    return sum(count.run(*arg) if isinstance(arg, list) else 1 for arg in args)


def random_canvas(rng: random.Random, depth: int = 3, *, group_too: bool = True) -> Any:
    """Return a random task, chain, chord or group.

    No group stands directly in a group or header: there Celery's order of the results is another than the written one.
    """
    kinds = ("task", "chain", "chain", "chord", "group") if group_too else ("task", "chain", "chain", "chord")
    kind = rng.choice(kinds) if depth else "task"

    def parts(few: int, *, groups: bool) -> list[Any]:
        return [random_canvas(rng, depth - 1, group_too=groups) for _ in range(rng.randint(few, 3))]

    match kind:
        case "chain":
            return chain(random_task(rng), *parts(1, groups=True))
        case "group":
            return group(parts(2, groups=False))
        case "chord":
            return chord(parts(1, groups=False), random_task(rng))
    return random_task(rng)


def random_task(rng: random.Random) -> Any:
    """Return a signature of one task, now and then an immutable one."""
    task = rng.choice((pack, pack, count))
    args = [rng.randint(0, 9) for _ in range(rng.randint(0, 2))]
    if task is pack and rng.random() < 0.3:
        return task.s(*args, k=rng.randint(0, 9))
    return task.si(*args) if rng.random() < 0.2 else task.s(*args)
