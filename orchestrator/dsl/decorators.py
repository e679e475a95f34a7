"""`@workflow` and `@job`: a workflow as a function that calls its jobs.

    @job(retry=3)
    @app.task
    def extract(day): ...

    @workflow(params=Nightly)
    def nightly(workflow, params):
        raw = extract(params.day)          # a job, called extract
        tidy = clean(raw)                  # a job given as argument stands for its output
        report.options(name="mail")() >> archive()

    Client().submit(nightly, day="2027-03-01")

`nightly` is then a `Workflow`: the function ran once, when it was decorated. Outside of such a function a `@job` is
the Celery task that it was: a call runs the task in this process, and `.delay`, `.s` and the rest work as before.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, cast, overload

from pydantic import BaseModel

from orchestrator.dsl.builder import Workflow
from orchestrator.model.errors import DefinitionError
from orchestrator.model.workflow import PriorityName

if TYPE_CHECKING:
    from orchestrator.starters.schedule import Schedule
    from orchestrator.starters.trigger import Trigger
    from orchestrator.timing.base import Rule

_open: ContextVar[Workflow | None] = ContextVar("orchestrator_workflow", default=None)
"""The workflow that a decorated function is writing."""


class JobTask:
    """A Celery task whose calls inside a `@workflow` function are jobs."""

    def __init__(self, task: Any, options: dict[str, Any]) -> None:
        self._task = task
        self._options = options

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Add a job to the workflow that is being written, and return it. Where none is, run the task."""
        written = _open.get()
        if written is None:
            return self._task(*args, **kwargs)
        options = dict(self._options)
        name = options.pop("name", None) or written.free_name(self._task.name)
        return written.job(name, self._task.s(*args, **kwargs), **options)

    def options(self, **options: Any) -> JobTask:
        """Return this job with other options: `name`, and those of `Workflow.job`."""
        return JobTask(self._task, {**self._options, **options})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._task, name)

    def __repr__(self) -> str:
        return f"<job {self._task.name}>"


def job(task: Any = None, /, **options: Any) -> Any:
    """Make a Celery task, or a plain function (which becomes a shared task), a job of `@workflow` functions.

    `options` are those of `Workflow.job`: priority, number, retry, timeout, soft_timeout, route.

    Raises:
        DefinitionError: `task` is neither.
    """
    if task is None:
        return lambda task: job(task, **options)
    if inspect.isfunction(task):
        from celery import shared_task

        task = shared_task(task)
    if not (hasattr(task, "s") and hasattr(task, "name")):
        raise DefinitionError(f"{task!r} is no Celery task", remedy="write @job above @app.task")
    return JobTask(task, options)


@overload
def workflow(function: Callable[..., object], /) -> Workflow: ...


@overload
def workflow(
    *,
    name: str | None = None,
    params: type[BaseModel] | None = None,
    description: str | None = None,
    priority: PriorityName = "normal",
    deadline: float | None = None,
    produces: Iterable[str] = (),
    schedules: Iterable[Rule | Schedule] = (),
    triggers: Iterable[Trigger] = (),
) -> Callable[[Callable[..., object]], Workflow]: ...


def workflow(function: Callable[..., object] | None = None, /, **options: Any) -> Any:
    """Make a workflow of a function. Its first argument is the `Workflow`, a second one the references to the params.

    Without `name` the workflow has the name of the function, without `description` the first line of its docstring.
    `schedules` and `triggers` are added as by `Workflow.schedule` and `Workflow.trigger`.

    Raises:
        DefinitionError: an option or a job is wrong.
    """
    if function is None:
        return lambda function: _write(function, **options)
    return _write(function)


def _write(
    function: Callable[..., object],
    *,
    name: str | None = None,
    description: str | None = None,
    schedules: Iterable[Rule | Schedule] = (),
    triggers: Iterable[Trigger] = (),
    **options: Any,
) -> Workflow:
    if description is None:
        description = next(iter((inspect.getdoc(function) or "").splitlines()), "")
    written = Workflow(name or cast(Any, function).__name__, description=description, **options)
    token = _open.set(written)
    try:
        takes = len(inspect.signature(function).parameters)
        function(*(written, written.params)[:takes])
    finally:
        _open.reset(token)
    for schedule in schedules:
        written.schedule(schedule)
    for trigger in triggers:
        written.trigger(trigger)
    return written
