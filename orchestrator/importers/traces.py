"""Recorded DAGs: a trace or a WfCommons instance is read, and becomes a workflow that does the same again.

A trace is JSON: `{"name", "source", "licence", "jobs": [{"id", "name", "runtime_s", "after": [id, …]}]}`; a run exports
the same with each job's `started_s` and `finished_s`, seconds since its start. A WfCommons instance is WfFormat 1.5.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.dsl.builder import Workflow
from orchestrator.model.errors import DefinitionError, TraceError
from orchestrator.model.workflow import MAX_NAME, JobDefinition, WorkflowDefinition

WFFORMAT = "1.5"
NOOP, SLEEP = "orchestrator.noop", "orchestrator.sleep"


@dataclass(frozen=True, slots=True)
class TraceJob:
    """One job of a trace: how long it took, and which jobs it waited for."""

    id: str
    name: str
    runtime_s: float
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trace:
    """A recorded DAG."""

    name: str
    source: str
    licence: str
    jobs: tuple[TraceJob, ...]


def read_trace(path: Path) -> Trace:
    """Read a trace or a WfCommons instance.

    Raises:
        TraceError: the file cannot be read, or is neither of the two; `where` is the place in the file.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise TraceError(f"cannot be read: {reason}", where=str(path)) from None
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise TraceError(f"not valid JSON: {error.msg}", where=f"{path}:{error.lineno}:{error.colno}") from None
    except (ValueError, RecursionError) as error:
        raise TraceError(f"not valid JSON: {error}", where=str(path)) from None
    place = _Place(str(path))
    fields = place.mapping(document)
    trace = _wfformat(place, fields) if "workflow" in fields else _own(place, fields)
    _check(place, trace)
    return trace


def workflow_of(trace: Trace, time_scale: float = 1.0, *, where: str | None = None) -> Workflow:
    """Return the workflow that replays a trace. Each job sleeps `time_scale` times its runtime; at 0 it does nothing.

    Raises:
        TraceError: the jobs wait for each other in a circle; `where` is what was given.
    """
    workflow = Workflow.from_definition(_definition(trace, time_scale))
    try:
        workflow.compile()
    except DefinitionError as error:  # what only the whole shows: a cycle
        raise TraceError(error.what, where=where) from None
    return workflow


def _definition(trace: Trace, time_scale: float) -> WorkflowDefinition:
    names: dict[str, str] = {}
    taken: set[str] = set()
    for job in trace.jobs:
        names[job.id] = _unused(_name(job.id), taken)
        taken.add(names[job.id])
    return WorkflowDefinition(
        name=_name(trace.name),
        description=f"Replay of {trace.source or trace.name}"[:500],
        jobs=tuple(
            JobDefinition(
                name=names[job.id],
                task=SLEEP if time_scale else NOOP,
                args=(round(job.runtime_s * time_scale, 6),) if time_scale else (),
                after=tuple(names[parent] for parent in job.after),
            )
            for job in trace.jobs
        ),
    )


# -- the two formats ----------------------------------------------------------------------------------------------


def _own(place: _Place, fields: dict[str, Any]) -> Trace:
    jobs = []
    for at, job in place.items(fields, "jobs"):
        name = at.text(job, "id")
        jobs.append(
            TraceJob(name, at.text(job, "name", name), at.seconds(job, "runtime_s"), tuple(at.names(job, "after")))
        )
    return Trace(
        place.text(fields, "name"), place.text(fields, "source", ""), place.text(fields, "licence", ""), tuple(jobs)
    )


def _wfformat(place: _Place, fields: dict[str, Any]) -> Trace:
    version = place.text(fields, "schemaVersion", "")
    if version != WFFORMAT:
        remedy = f"convert it to {WFFORMAT}, as WfCommons' WfInstances are"
        raise TraceError(f"{version or 'nothing'!r} is not supported", where=place.at("schemaVersion"), remedy=remedy)
    workflow = place.inside("workflow").mapping(fields["workflow"])
    spec_at = place.inside("workflow.specification")
    specification = spec_at.mapping(workflow.get("specification"))
    runtimes: dict[str, float] = {}
    if "execution" in workflow:  # optional in the format: a workflow that was never run takes no time
        run_at = place.inside("workflow.execution")
        for at, task in run_at.items(run_at.mapping(workflow["execution"]), "tasks"):
            runtimes[at.text(task, "id")] = at.seconds(task, "runtimeInSeconds")
    tasks = list(spec_at.items(specification, "tasks"))
    after: dict[str, list[str]] = {at.text(task, "id"): list(at.names(task, "parents")) for at, task in tasks}
    for at, task in tasks:
        for child in at.names(task, "children"):
            if child not in after:
                raise TraceError(f"there is no task {child!r}", where=at.at("children"))
            after[child].append(at.text(task, "id"))
    jobs = tuple(
        TraceJob(name, at.text(task, "name", name), runtimes.get(name, 0.0), tuple(dict.fromkeys(after[name])))
        for at, task in tasks
        for name in [at.text(task, "id")]
    )
    return Trace(place.text(fields, "name"), place.text(fields, "description", ""), "", jobs)


def _check(place: _Place, trace: Trace) -> None:
    if not trace.jobs:
        raise TraceError("there are no jobs", where=place.file)
    seen: set[str] = set()
    known = {job.id for job in trace.jobs}
    for job in trace.jobs:
        if job.id in seen:
            raise TraceError(f"the id {job.id!r} occurs twice", where=place.file)
        seen.add(job.id)
        for parent in job.after:
            if parent not in known:
                raise TraceError(f"job {job.id!r} is after {parent!r}, which is not there", where=place.file)


@dataclass(frozen=True, slots=True)
class _Place:
    """A place in a file, and the checks that name it."""

    file: str
    path: str = ""

    def at(self, field: str) -> str:
        return f"{self.file}: {self.path}.{field}" if self.path else f"{self.file}: {field}"

    def inside(self, path: str) -> _Place:
        return _Place(self.file, path)

    def mapping(self, value: Any) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        raise TraceError("must be an object", where=f"{self.file}: {self.path}" if self.path else self.file)

    def items(self, fields: dict[str, Any], field: str) -> Iterator[tuple[_Place, dict[str, Any]]]:
        values = fields.get(field)
        if not isinstance(values, list):
            raise TraceError("must be a list" if field in fields else "is missing", where=self.at(field))
        for index, value in enumerate(values):
            place = _Place(self.file, f"{self.path}.{field}[{index}]" if self.path else f"{field}[{index}]")
            yield place, place.mapping(value)

    def text(self, fields: dict[str, Any], field: str, default: str | None = None) -> str:
        value = fields.get(field, default)
        if isinstance(value, str) and (value or default == ""):
            return value
        raise TraceError("must be a text" if field in fields else "is missing", where=self.at(field))

    def seconds(self, fields: dict[str, Any], field: str) -> float:
        value = fields.get(field)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf:
            return float(value)
        what = "must be a number of seconds, 0 or more" if field in fields else "is missing"
        raise TraceError(what, where=self.at(field))

    def names(self, fields: dict[str, Any], field: str) -> Iterator[str]:
        values = fields.get(field, [])
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise TraceError("must be a list of ids", where=self.at(field))
        yield from values


def _name(text: str) -> str:
    """Return a name that a workflow or job may have: what it may not contain becomes `_`."""
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", text)
    return (name if name[0] not in ".-" else f"_{name}")[:MAX_NAME]


def _unused(name: str, taken: set[str]) -> str:
    candidate, number = name, 2
    while candidate in taken:
        candidate, number = f"{name[: MAX_NAME - 8]}_{number}", number + 1
    return candidate


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is not JSON")
