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


def scheduler_command(app: str | None) -> list[str]:
    """Return the command of a scheduler, which publishes permits on the broker of the app, if one is given."""
    return [*_ours(app), "scheduler"]


def web_command(app: str | None) -> list[str]:
    """Return the command of a web process."""
    return [*_ours(app), "web"]


def _ours(app: str | None) -> list[str]:
    return [sys.executable, "-m", "orchestrator", *(["-A", app] if app else [])]
