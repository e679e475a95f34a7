"""Two methods of Celery tasks that publish messages, made to hold still inside an attempt.

`Task.retry` publishes the next try before it raises `Retry`, and `Task.replace` publishes the replacement before it
raises `Ignore`. Retries are the engine's, from timers in the store; and a job cannot become another. Outside of an
attempt both do what they always did.
"""

from __future__ import annotations

import inspect
from typing import Any

from orchestrator.runtime.context import running

_guarded: set[int] = set()


class NotInWorkflow(Exception):
    """A task did what a job of a workflow cannot do."""


def guard(task: Any) -> None:
    """Guard a task, once in a process."""
    if id(task) in _guarded:
        return
    _guarded.add(id(task))
    signature_from_request, replace = task.signature_from_request, task.replace

    def signature_inside(request: Any = None, args: Any = None, kwargs: Any = None, **options: Any) -> Any:
        asked = request or task.request
        if not _inside(asked):
            return signature_from_request(request, args, kwargs, **options)
        if "retries" in options:  # it is Task.retry that asks
            return _Unsent(task, asked, args, kwargs)
        return task.signature(
            asked.args if args is None else args,
            asked.kwargs if kwargs is None else kwargs,
            {"headers": asked.headers, **options},
        )

    def replace_inside(sig: Any) -> Any:
        if not _inside(task.request):
            return replace(sig)
        raise NotInWorkflow(
            f"self.replace({getattr(sig, 'task', sig)!s}) in a workflow: a job cannot become another task; "
            "call it as a job of its own, or plainly with apply_async"
        )

    task.signature_from_request = signature_inside
    task.subtask_from_request = signature_inside
    task.replace = replace_inside


def checked_by_task(retry: Any) -> bool:
    """Tell whether a `Retry` comes from `Task.retry`, which has compared the number of retries with the limit."""
    return isinstance(retry.sig, _Unsent)


def _inside(request: Any) -> bool:
    attempt = running.get()
    return attempt is not None and attempt.id == request.id


class _Unsent:
    """Stands for the message of a retry, which is not sent."""

    def __init__(self, task: Any, request: Any, args: Any, kwargs: Any) -> None:
        self.args = request.args if args is None else args
        self.kwargs = request.kwargs if kwargs is None else kwargs
        self.changed = not _same_call(task, (request.args, request.kwargs), (self.args, self.kwargs))

    def apply_async(self, *_: Any, **__: Any) -> None:
        if self.changed:  # Task.retry turns this into a Reject, which we show by its reason
            raise NotInWorkflow("self.retry(args=…, kwargs=…) in a workflow: a job keeps its arguments")


def _same_call(task: Any, one: tuple[Any, Any], other: tuple[Any, Any]) -> bool:
    """Tell whether two sets of arguments give the body the same values, by position or by name."""
    (args, kwargs), (others, other_kwargs) = one, other
    if list(args) == list(others) and dict(kwargs) == dict(other_kwargs):
        return True
    signature = inspect.signature(task.run)
    try:
        return signature.bind(*args, **kwargs) == signature.bind(*others, **other_kwargs)
    except TypeError:
        return False
