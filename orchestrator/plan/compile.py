"""From a definition to a plan: jobs numbered, references numbered, specs and routes interned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from orchestrator.model.policies import RetryPolicy
from orchestrator.model.states import PriorityClass
from orchestrator.model.workflow import JobDefinition, WorkflowDefinition
from orchestrator.plan.digest import digest_of
from orchestrator.plan.plan import DEFAULT_RANK, INHERIT_PRIORITY, Plan, PlannedJob
from orchestrator.plan.specs import dumps
from orchestrator.plan.validate import Graph, check, refuse

RouteOf = Callable[[JobDefinition], str]
"""Gives the route of a job that names none."""
DEFAULT_ROUTE = "default"


def compile_plan(definition: WorkflowDefinition, route_of: RouteOf | None = None) -> Plan:
    """Check a definition and compile it.

    `route_of` gives the route of a job that names none; without it that route is `default`.

    Raises:
        DefinitionError: something is wrong. The error names every mistake.
    """
    specs: dict[bytes, int] = {}
    spec_of: list[int] = []

    def keep(job: JobDefinition, args: list[Any], kwargs: dict[str, Any]) -> None:
        spec_of.append(specs.setdefault(_spec(job, args, kwargs), len(specs)))

    graph, complaints = check(definition, keep)
    refuse(complaints, definition.name)
    route_for = route_of or (lambda job: DEFAULT_ROUTE)
    routes: dict[str, int] = {}
    route_of_job = [routes.setdefault(job.route or route_for(job), len(routes)) for job in definition.jobs]
    jobs = _jobs(definition, graph, spec_of, route_of_job)
    head = _head(definition)
    names = tuple(job.name for job in definition.jobs)
    return Plan(
        digest=digest_of(head, names, tuple(specs), tuple(routes), jobs),
        workflow=definition.name,
        head=head,
        deadline_ms=max(1, round(definition.deadline * 1000)) if definition.deadline else 0,
        priority=PriorityClass[definition.priority].value,
        names=names,
        specs=tuple(specs),
        routes=tuple(routes),
        jobs=jobs,
        roots=tuple(number for number, parents in enumerate(graph.parents) if not parents),
    )


def _jobs(
    definition: WorkflowDefinition, graph: Graph, specs: Sequence[int], routes: Sequence[int]
) -> tuple[PlannedJob, ...]:
    """Return the jobs of a plan, whose specs and routes are given by their indexes."""
    successors: list[list[int]] = [[] for _ in definition.jobs]
    for number, parents in enumerate(graph.parents):
        for parent in parents:
            successors[parent].append(number)
    return tuple(
        PlannedJob(
            spec=specs[number],
            route=routes[number],
            priority=PriorityClass[job.priority] if job.priority else INHERIT_PRIORITY,
            rank=DEFAULT_RANK if job.number is None else job.number,
            in_degree=len(graph.parents[number]),
            inputs=graph.inputs[number],
            successors=tuple(successors[number]),
            uses_params=graph.uses_params[number],
        )
        for number, job in enumerate(definition.jobs)
    )


def _head(definition: WorkflowDefinition) -> bytes:
    head: dict[str, Any] = {"name": definition.name}
    if definition.description:
        head["description"] = definition.description
    if definition.priority != "normal":
        head["priority"] = definition.priority
    if definition.deadline is not None:
        head["deadline"] = definition.deadline
    if definition.params is not None:
        head["params"] = definition.params
    if definition.produces:
        head["produces"] = definition.produces
    return dumps(head).encode()


def _spec(job: JobDefinition, args: list[Any], kwargs: dict[str, Any]) -> bytes:
    spec: dict[str, Any] = {"task": job.task}
    if args:
        spec["args"] = args
    if kwargs:
        spec["kwargs"] = kwargs
    if job.retry is not None and job.retry != _NO_RETRY:
        spec["retry"] = job.retry.model_dump(mode="json", exclude_defaults=True)
    if job.timeout is not None:
        spec["timeout"] = job.timeout
    if job.soft_timeout is not None:
        spec["soft_timeout"] = job.soft_timeout
    if job.headers:
        spec["headers"] = {key: job.headers[key] for key in sorted(job.headers)}
    return dumps(spec).encode()


_NO_RETRY = RetryPolicy()
