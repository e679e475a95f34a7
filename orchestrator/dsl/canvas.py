"""Workflows out of Celery's canvas, with its meaning.

A chain passes each result to the next task as its first argument. An immutable task (`.si()`) only waits. A group
passes on the list of its results, a chord the result of its body. Nested groups make one flat list, as in Celery, and a
group of one task is that task, except as the header of a chord. Jobs are named after their tasks: `add`, `add-2`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from orchestrator.dsl.builder import Job, Workflow
from orchestrator.dsl.signatures import refuse_options
from orchestrator.model.errors import DefinitionError


class _Done(NamedTuple):
    """The last jobs of a part of a canvas. Its result is their outputs: a list if the part is a group."""

    jobs: list[Job]
    many: bool

    def value(self) -> Any:
        return [job.output for job in self.jobs] if self.many else self.jobs[0].output


def from_canvas(canvas: Any, name: str = "canvas", **options: Any) -> Workflow:
    """Make a workflow of a chain, group, chord or single signature; `options` are those of `Workflow`.

    Raises:
        DefinitionError: a part of the canvas cannot be a job.
    """
    workflow = Workflow(name, **options)
    _Canvas(workflow).add(canvas, None)
    return workflow


class _Canvas:
    def __init__(self, workflow: Workflow) -> None:
        self.workflow = workflow
        self.where = f"workflow {workflow.name!r}"

    def add(self, part: Any, before: _Done | None) -> _Done:
        """Add a part that runs after `before`."""
        kind = part.get("subtask_type") if isinstance(part, dict) else None
        if kind not in ("chain", "group", "chord"):
            return self.task(part, before)
        refuse_options(part.get("options") or {}, f"the {kind} in {self.where}")
        if part.get("args"):
            raise DefinitionError(
                f"a {kind} has no arguments of its own", where=self.where, remedy="give them to its tasks"
            )
        if kind == "chain":
            return self.chain(part["kwargs"]["tasks"], before)
        if kind == "group":
            return self.group(_tasks(part), before)
        if not part["kwargs"].get("body"):
            raise DefinitionError("a chord needs a body", where=self.where)
        return self.add(part["kwargs"]["body"], self.group(_tasks(part["kwargs"]["header"]), before))

    def task(self, part: Any, before: _Done | None) -> _Done:
        """Add one task. The result of `before` comes before its own arguments."""
        after: list[Job] = []
        if before is not None and isinstance(part, dict):
            if part.get("immutable"):
                after = before.jobs
            else:
                # A clone keeps its task object, which knows the app and checks the arguments.
                part = part.clone() if hasattr(part, "clone") else dict(part)
                part["args"] = (before.value(), *(part.get("args") or ()))
        name = str(part.get("task")) if isinstance(part, dict) else type(part).__name__
        return _Done([self.workflow.job(self.workflow.free_name(name), part, after=after)], many=False)

    def chain(self, tasks: Any, before: _Done | None) -> _Done:
        """Add tasks that run one after the other."""
        done = before
        for part in tasks:
            alone = _tasks(part) if _is_group(part) else ()
            done = self.add(alone[0] if len(alone) == 1 else part, done)
        if done is None or done is before:
            raise DefinitionError("a chain needs a task", where=self.where)
        return done

    def group(self, tasks: Any, before: _Done | None) -> _Done:
        """Add tasks that run side by side. The results of groups inside join the list."""
        jobs = [job for part in tasks for job in self.add(part, before).jobs]
        if not jobs:
            raise DefinitionError("a group needs a task", where=self.where)
        return _Done(jobs, many=True)


def _is_group(part: Any) -> bool:
    return isinstance(part, dict) and part.get("subtask_type") == "group"


def _tasks(part: Any) -> list[Any]:
    """Return the tasks of a group, or of a chord's header, which may be a group, a list or a single task."""
    if _is_group(part):
        return list(part["kwargs"].get("tasks") or ())
    return list(part) if isinstance(part, list | tuple) else [part]
