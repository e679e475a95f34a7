"""Workflows out of Celery's canvas, with its meaning.

A chain hands each result on as the next task's first argument, unless that is immutable (`.si()`): then it only waits.
Of a group the list of results is handed on, of a chord the body's. Nested groups are one flat list, as in Celery, and a
group of one task is that task, except as the header of a chord. Jobs are named after their tasks: `add`, `add-2`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from orchestrator.dsl.builder import Job, Workflow
from orchestrator.dsl.signatures import refuse_options
from orchestrator.model.errors import DefinitionError


class _Done(NamedTuple):
    """What a part of a canvas hands on: the results of its last jobs, as a list if it is a group."""

    jobs: list[Job]
    many: bool

    def value(self) -> Any:
        return [job.output for job in self.jobs] if self.many else self.jobs[0].output


def from_canvas(canvas: Any, name: str = "canvas", **options: Any) -> Workflow:
    """Make a workflow of a chain, group, chord or single signature; `options` are those of `Workflow`."""
    flow = Workflow(name, **options)
    _Canvas(flow).add(canvas, None, (), {})
    return flow


class _Canvas:
    def __init__(self, flow: Workflow) -> None:
        self.flow = flow

    def add(self, part: Any, before: _Done | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Done:
        """Add a part that runs after `before`; `args` and `kwargs` are what an enclosing part was called with."""
        kind = part.get("subtask_type") if isinstance(part, dict) else None
        if kind not in ("chain", "group", "chord"):
            return self.task(part, before, args, kwargs)
        refuse_options(part.get("options") or {}, f"the {kind} in workflow {self.flow.name!r}")
        inner = part["kwargs"]
        args = (*args, *part["args"])
        if kind == "chain":
            return self.chain(inner.get("tasks") or (), before, args, kwargs)
        if kind == "group":
            return self.group(inner.get("tasks") or (), before, args, kwargs)
        header = self.group(_tasks(inner["header"]), before, args, {**kwargs, **(inner.get("kwargs") or {})})
        if not inner.get("body"):
            raise DefinitionError("a chord needs a body", where=f"workflow {self.flow.name!r}")
        return self.add(inner["body"], header, (), {})

    def task(self, part: Any, before: _Done | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Done:
        """Add one task; its own arguments come last, as in Celery."""
        name = str(part.get("task")) if isinstance(part, dict) else type(part).__name__
        immutable = isinstance(part, dict) and part.get("immutable")
        if isinstance(part, dict) and not immutable:
            handed = () if before is None else (before.value(),)
            own_args, own_kwargs = tuple(part.get("args") or ()), dict(part.get("kwargs") or {})
            part = _with_arguments(part, (*handed, *args, *own_args), {**own_kwargs, **kwargs})
        after = before.jobs if before is not None and immutable else ()
        return _Done([self.flow.job(self.flow.free_name(name), part, after=after)], many=False)

    def chain(self, tasks: Any, before: _Done | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Done:
        """Add one after the other; the chain's own arguments go to the first."""
        done = before
        for part in tasks:
            if _is_group(part) and len(_tasks(part)) == 1 and not part["args"]:
                part = _tasks(part)[0]
            done = self.add(part, done, args, kwargs)
            args, kwargs = (), {}
        if done is None or done is before:
            raise DefinitionError("a chain needs a task", where=f"workflow {self.flow.name!r}")
        return done

    def group(self, tasks: Any, before: _Done | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Done:
        """Add side by side; what groups inside hand on joins the list."""
        jobs = [job for part in tasks for job in self.add(part, before, args, kwargs).jobs]
        if not jobs:
            raise DefinitionError("a group needs a task", where=f"workflow {self.flow.name!r}")
        return _Done(jobs, many=True)


def _is_group(part: Any) -> bool:
    return isinstance(part, dict) and part.get("subtask_type") == "group"


def _tasks(part: Any) -> list[Any]:
    """Return the tasks of a group, or of a chord's header, which may be a group, a list or a single task."""
    if _is_group(part):
        return list(part["kwargs"].get("tasks") or ())
    return list(part) if isinstance(part, list | tuple) else [part]


def _with_arguments(signature: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Copy a signature with other arguments, its task object kept: it knows the app and checks the arguments."""
    copy = signature.clone() if hasattr(signature, "clone") else dict(signature)
    copy["args"], copy["kwargs"] = args, kwargs
    return copy
