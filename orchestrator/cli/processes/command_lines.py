"""The command lines of the processes of an installation: what `up`, `demo` and `orchestrator worker` start."""

from __future__ import annotations

import sys

FLEET = "orchestrator_workers.app"
"""The Celery app of the stock fleet. It is a name only: the engine never imports the fleet."""


def worker_command(app: str | None, *options: str) -> list[str]:
    """Return the command of a worker of an app (by default the stock fleet), with options of `celery worker`.

    Gossip and mingle are off: nothing here needs them, and they cost a second at the start.
    """
    worker = ["worker", "--without-gossip", "--without-mingle"]
    return [sys.executable, "-m", "celery", "-A", app or FLEET, *worker, *options]


def scheduler_command() -> list[str]:
    """Return the command of a scheduler."""
    return [sys.executable, "-m", "orchestrator", "scheduler"]


def web_command() -> list[str]:
    """Return the command of a web process."""
    return [sys.executable, "-m", "orchestrator", "web"]
