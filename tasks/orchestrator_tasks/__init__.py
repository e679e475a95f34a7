"""The stock tasks of Celery Orchestrator: `shell`, `python`, `http`, `sleep` and `noop`.

They are shared Celery tasks with explicit names (`orchestrator.shell`): each Celery app has them once this package is
imported, and files may move while runs are under way. What is risky is refused until the worker's operator allows it
(`settings`). The tasks of the examples come with the pack: `orchestrator demo` runs them.
"""

from __future__ import annotations

from orchestrator_tasks.errors import CommandFailed, CommandTimeout, HttpFailed, HttpStatusError, Refused
from orchestrator_tasks.examples.sales import tasks as _sales  # noqa: F401 — registers them
from orchestrator_tasks.http import http
from orchestrator_tasks.noop import noop
from orchestrator_tasks.python import python
from orchestrator_tasks.shell import shell
from orchestrator_tasks.sleep import sleep

__all__ = [
    "CommandFailed",
    "CommandTimeout",
    "HttpFailed",
    "HttpStatusError",
    "Refused",
    "http",
    "noop",
    "python",
    "shell",
    "sleep",
]
