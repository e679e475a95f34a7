"""Two methods of Celery tasks that publish messages, made to hold still inside an attempt.

`Task.retry` publishes the next try before it raises `Retry`, and `Task.replace` publishes the replacement before it
raises `Ignore`. Retries are the engine's, from timers in the store; and a job cannot become another. Outside of an
attempt both do what they always did.
"""

from __future__ import annotations

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
        if not _inside(request or task.request):
            return signature_from_request(request, args, kwargs, **options)
        return _Unsent(request or task.request, args, kwargs)

    def replace_inside(sig: Any) -> Any:
        if not _inside(task.request):
            return replace(sig)
        raise NotInWorkflow(
            f"self.replace({getattr(sig, 'task', sig)!s}) in a workflow: a job cannot become another task; "
            "call it as a job of its own, or plainly with apply_async"
        )

    task.signature_from_request = signature_inside
    task.replace = replace_inside


def _inside(request: Any) -> bool:
    attempt = running.get()
    return attempt is not None and attempt.id == request.id


class _Unsent:
    """Stands for the message of a retry, which is not sent."""

    def __init__(self, request: Any, args: Any, kwargs: Any) -> None:
        self.changed = (args is not None and list(args) != list(request.args)) or (
            kwargs is not None and dict(kwargs) != dict(request.kwargs)
        )
        self.args = request.args if args is None else args
        self.kwargs = request.kwargs if kwargs is None else kwargs

    def apply_async(self, *_: Any, **__: Any) -> None:
        if self.changed:  # Task.retry turns this into a Reject, which we show by its reason
            raise NotInWorkflow("self.retry(args=…, kwargs=…) in a workflow: a job keeps its arguments")
