"""The checks of a definition as a whole. They find all mistakes at once, each with its path in the document.

The model has already refused mistakes in a single field, such as a bad name or a negative timeout.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from orchestrator.model.complaints import Complaint, Path, did_you_mean, listing
from orchestrator.model.errors import DefinitionError
from orchestrator.model.workflow import JobDefinition, WorkflowDefinition
from orchestrator.plan.plan import MAX_IN_DEGREE, MAX_JOBS
from orchestrator.plan.specs import rewrite


def refuse(complaints: Sequence[Complaint], workflow: str) -> None:
    """Refuse a workflow if there are complaints.

    Raises:
        DefinitionError: there are. The error has a line for each.
    """
    if complaints:
        raise DefinitionError(listing(complaints), where=f"workflow {workflow!r}")


class Graph(NamedTuple):
    """The shape of a definition, by the indexes of its jobs."""

    inputs: list[tuple[int, ...]]
    """For each job the jobs whose outputs it uses, in ascending order."""
    parents: list[tuple[int, ...]]
    """For each job the jobs that it waits for (its inputs and its `after`), in ascending order."""
    uses_params: list[bool]


Keep = Callable[[JobDefinition, list[Any], dict[str, Any]], None]
"""Takes each job in turn, with its arguments in the form that a plan has."""


def check(definition: WorkflowDefinition, keep: Keep | None = None) -> tuple[Graph, list[Complaint]]:
    """Resolve all references of a definition, pass the resolved jobs to `keep`, and return the mistakes."""
    complaints: list[Complaint] = []
    jobs = definition.jobs
    if not jobs:
        complaints.append(Complaint(("jobs",), "a workflow needs at least one job"))
    if len(jobs) > MAX_JOBS:
        complaints.append(Complaint(("jobs",), f"there are {len(jobs):,} jobs; {MAX_JOBS:,} are the most"))
        return Graph([], [], []), complaints
    index: dict[str, int] = {}
    for number, job in enumerate(jobs):
        if index.setdefault(job.name, number) != number:
            complaints.append(Complaint(("jobs", job.name), "there are two jobs of this name"))
    resolve = _Resolver(definition, index, complaints)
    graph = Graph([], [], [])
    for number, job in enumerate(jobs):
        args, kwargs, inputs, parents, uses_params = resolve(number)
        if keep is not None:
            keep(job, args, kwargs)
        graph.inputs.append(inputs)
        graph.parents.append(parents)
        graph.uses_params.append(uses_params)
        complaints += _limits(job, len(parents))
    cycle = find_cycle(graph.parents)
    if cycle:
        names = [jobs[number].name for number in cycle]
        if len(names) > 21:
            names = [*names[:10], "…", *names[-10:]]
        complaints.append(Complaint(("jobs", jobs[cycle[0]].name), f"jobs wait for each other: {' -> '.join(names)}"))
    return graph, complaints


def _limits(job: JobDefinition, in_degree: int) -> Iterator[Complaint]:
    """Yield the limits that a job exceeds."""
    if in_degree > MAX_IN_DEGREE:
        yield Complaint(("jobs", job.name), f"it waits for {in_degree:,} jobs; {MAX_IN_DEGREE:,} are the most")
    if job.soft_timeout is not None and job.timeout is not None and job.soft_timeout >= job.timeout:
        yield Complaint(("jobs", job.name, "soft_timeout"), f"it must be shorter than timeout ({job.timeout:g} s)")


class _Resolver:
    """Replaces the names in references by indexes, one job after the other."""

    def __init__(self, definition: WorkflowDefinition, index: dict[str, int], complaints: list[Complaint]) -> None:
        self.jobs = definition.jobs
        self.index = index
        self.complaints = complaints
        self.params = definition.params
        properties = (definition.params or {}).get("properties")
        self.known_params = properties if isinstance(properties, dict) else {}
        self.inputs: set[int] = set()
        self.used = False
        self.name = ""
        self.number = 0

    def __call__(self, number: int) -> tuple[list[Any], dict[str, Any], tuple[int, ...], tuple[int, ...], bool]:
        job = self.jobs[number]
        self.inputs = set()
        self.used = False
        self.name = job.name
        self.number = number
        path: Path = ("jobs", job.name)
        args = rewrite(job.args, self.output, self.param, self.complain, (*path, "args")) if job.args else []
        kwargs = job.kwargs
        if kwargs:
            for key in kwargs:
                if key.startswith("$"):
                    self.complain((*path, "kwargs", key), "a keyword cannot begin with '$'")
            kwargs = {
                key: rewrite(kwargs[key], self.output, self.param, self.complain, (*path, "kwargs", key))
                for key in sorted(kwargs)
            }
        parents = self.inputs
        if job.after:
            order = {self.find(name, (*path, "after", i), "after") for i, name in enumerate(job.after)}
            parents = (parents | order) - {-1}
        return args, kwargs, tuple(sorted(self.inputs)), tuple(sorted(parents)), self.used

    def find(self, name: str, path: Path, what: str) -> int:
        """Return the index of a job, or -1 after a complaint."""
        number = self.index.get(name, -1)
        if number < 0:
            self.complaints.append(Complaint(path, f"there is no job {name!r}{did_you_mean(name, self.index)}"))
        elif number == self.number:
            self.complaints.append(Complaint(path, "a job cannot wait for itself"))
            return -1
        return number

    def output(self, steps: list[Any], path: Path) -> list[Any]:
        number = self.find(steps[0], path, "output") if isinstance(steps[0], str) else self.unnamed(path)
        if number >= 0:
            self.inputs.add(number)
        return [number, *steps[1:]]

    def unnamed(self, path: Path) -> int:
        self.complain(path, "$output must begin with the name of a job")
        return -1

    def param(self, steps: list[Any], path: Path) -> None:
        self.used = True
        name = steps[0]
        if not isinstance(name, str):
            self.complain(path, "$param must begin with the name of a parameter")
        elif self.params is None:
            self.complain(path, f"the workflow has no parameters, so there is no {name!r}")
        elif name not in self.known_params:
            self.complain(path, f"there is no parameter {name!r}{did_you_mean(name, self.known_params)}")

    def complain(self, path: Path, what: str) -> None:
        self.complaints.append(Complaint(path, what))


def find_cycle(parents: Sequence[Sequence[int]]) -> list[int]:
    """Return the jobs of one cycle in the order in which they would run, with the first one again at the end.

    The list is empty if there is no cycle.
    """
    waiting = [len(row) for row in parents]
    children: list[list[int]] = [[] for _ in parents]
    for number, row in enumerate(parents):
        for parent in row:
            children[parent].append(number)
    free = [number for number, count in enumerate(waiting) if count == 0]
    done = 0
    while free:
        done += 1
        for child in children[free.pop()]:
            waiting[child] -= 1
            if waiting[child] == 0:
                free.append(child)
    if done == len(parents):
        return []
    # Every job that is left waits for another such job, so a walk along the parents comes to a job for a second time.
    number = next(number for number, count in enumerate(waiting) if count)
    seen: dict[int, int] = {}
    trail: list[int] = []
    while number not in seen:
        seen[number] = len(trail)
        trail.append(number)
        number = next(parent for parent in parents[number] if waiting[parent])
    loop = trail[seen[number] :][::-1]
    first = loop.index(min(loop))
    loop = loop[first:] + loop[:first]
    return [*loop, loop[0]]
