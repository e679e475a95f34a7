"""From a plan back to a definition that compiles to the same plan."""

from __future__ import annotations

import json
from typing import Any

from orchestrator.model.complaints import Path, show_path
from orchestrator.model.states import PriorityClass
from orchestrator.model.workflow import JobDefinition, WorkflowDefinition
from orchestrator.plan.plan import DEFAULT_RANK, Plan
from orchestrator.plan.specs import rewrite

_PRIORITIES: dict[int, Any] = {priority.value: priority.name for priority in PriorityClass}
"""`INHERIT_PRIORITY` is not among them: such a job names no priority."""


def decompile(plan: Plan) -> WorkflowDefinition:
    """Return the definition of a plan: references by name, routes spelled out, in `after` only the jobs of no argument.

    Schedules and triggers are not part of a plan, so the definition has none.
    """
    parents: list[list[int]] = [[] for _ in plan.jobs]
    for number, job in enumerate(plan.jobs):
        for child in job.successors:
            parents[child].append(number)
    parsed: list[dict[str, Any]] = [json.loads(spec) for spec in plan.specs]

    def name_output(steps: list[Any], path: Path) -> list[Any]:
        return [plan.names[steps[0]], *steps[1:]]

    def by_name(template: Any) -> Any:
        return rewrite(template, name_output, _keep, _impossible, ())

    jobs = []
    for number, job in enumerate(plan.jobs):
        spec = parsed[job.spec]
        inputs = set(job.inputs)
        jobs.append(
            JobDefinition(
                **{
                    **spec,
                    "args": tuple(by_name(spec.get("args", []))),
                    "kwargs": {key: by_name(value) for key, value in spec.get("kwargs", {}).items()},
                },
                name=plan.names[number],
                after=tuple(plan.names[parent] for parent in parents[number] if parent not in inputs),
                priority=_PRIORITIES.get(job.priority),
                number=None if job.rank == DEFAULT_RANK else job.rank,
                route=plan.routes[job.route],
            )
        )
    return WorkflowDefinition(**json.loads(plan.head), jobs=tuple(jobs))


def _keep(steps: list[Any], path: Path) -> None:
    pass


def _impossible(path: Path, what: str) -> None:
    raise AssertionError(f"a compiled spec is malformed at {show_path(path)}: {what}")
