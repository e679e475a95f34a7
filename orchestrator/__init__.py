"""The workflow layer Celery never had: DAGs, policies and a control plane on the workers you already run.

The names in `__all__` below and the errors in `orchestrator.model.errors` are public. Every other module is internal
and may change in any release. Names are imported when they are first used, so that `import orchestrator` itself costs
nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.client import AsyncClient, Client, Run
    from orchestrator.dsl.builder import Workflow
    from orchestrator.dsl.canvas import from_canvas
    from orchestrator.dsl.decorators import job, workflow
    from orchestrator.model.policies import RetryPolicy
    from orchestrator.model.states import JobState, RunState
    from orchestrator.runtime import current, install
    from orchestrator.starters.schedule import Schedule
    from orchestrator.starters.trigger import Trigger
    from orchestrator.timing.calendars import Calendar
    from orchestrator.timing.cron import Cron
    from orchestrator.timing.intervals import Every
    from orchestrator.timing.nth_day import NthDay
    from orchestrator.timing.once import At
    from orchestrator.timing.rrule import RRule
    from orchestrator.timing.windows import Hours

__all__ = [
    "AsyncClient",
    "At",
    "Calendar",
    "Client",
    "Cron",
    "Every",
    "Hours",
    "JobState",
    "NthDay",
    "RRule",
    "RetryPolicy",
    "Run",
    "RunState",
    "Schedule",
    "Trigger",
    "Workflow",
    "current",
    "from_canvas",
    "install",
    "job",
    "workflow",
]

_HOMES = {
    "AsyncClient": "orchestrator.client",
    "At": "orchestrator.timing.once",
    "Calendar": "orchestrator.timing.calendars",
    "Client": "orchestrator.client",
    "Cron": "orchestrator.timing.cron",
    "Every": "orchestrator.timing.intervals",
    "Hours": "orchestrator.timing.windows",
    "JobState": "orchestrator.model.states",
    "NthDay": "orchestrator.timing.nth_day",
    "RRule": "orchestrator.timing.rrule",
    "RetryPolicy": "orchestrator.model.policies",
    "Run": "orchestrator.client",
    "RunState": "orchestrator.model.states",
    "Schedule": "orchestrator.starters.schedule",
    "Trigger": "orchestrator.starters.trigger",
    "Workflow": "orchestrator.dsl.builder",
    "current": "orchestrator.runtime",
    "from_canvas": "orchestrator.dsl.canvas",
    "install": "orchestrator.runtime",
    "job": "orchestrator.dsl.decorators",
    "workflow": "orchestrator.dsl.decorators",
}


def __getattr__(name: str) -> object:
    """Import a public name from where it lives."""
    if name not in _HOMES:
        raise AttributeError(f"module 'orchestrator' has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
