"""Celery signatures, read for jobs: the task, its arguments, and the options that a job can honour.

A signature is a dict and is read as one. This module does not import Celery.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

from orchestrator.model.errors import DefinitionError

_MEANT_FOR_MESSAGES = frozenset({
    "compression", "delivery_mode", "ignore_result", "retry", "retry_policy", "serializer",
})  # fmt: skip
"""Options about how Celery sends or stores a message. A job sends none, so they have no effect."""

_REMEDIES = {
    "countdown": "a job starts when what it waits for has succeeded; let a first job wait",
    "eta": "a job starts when what it waits for has succeeded; let a first job wait",
    "expires": "give the workflow a deadline= or the job a timeout=",
    "priority": "brokers disagree on its direction; give the job priority= or number=",
    "link": "add a job that uses the output, or make a workflow of it with from_canvas()",
    "link_error": "failures are the engine's to handle; see the job's retry=",
    "chord": "use from_canvas() for a chord",
    "task_id": "the engine names attempts itself",
    "routing_key": "give the job route=, or the signature queue=",
    "exchange": "give the job route=, or the signature queue=",
}


_OWN_MESSAGES = {
    "apply_async": "let its before_start or its body do what apply_async adds, or give the signature headers",
    "Request": "use the hooks of the task, such as on_failure",
    "Strategy": "make a plain task of it",
}
"""What a class of tasks may have of its own about messages, and what to do instead."""


class Call(NamedTuple):
    """The task, arguments and options of a signature."""

    task: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    route: str | None
    timeout: float | None
    soft_timeout: float | None
    headers: dict[str, Any]
    app: Any
    """The user's Celery app that knows the task, None if the signature has none."""


def read_signature(signature: object, where: str) -> Call:
    """Read the signature of one task; `where` names the job in errors.

    Raises:
        DefinitionError: it is not a signature, has several tasks, or has an option or argument that cannot be honoured.
    """
    if not isinstance(signature, Mapping) or not isinstance(signature.get("task"), str):
        remedy = "give a Celery signature, such as task.s(...)"
        if hasattr(signature, "s") and hasattr(signature, "name"):
            remedy = f"write {signature.name.rpartition('.')[2]}.s(...)"
        raise DefinitionError(f"{type(signature).__name__} is not a signature", where=where, remedy=remedy)
    if signature["task"] == "celery.chunks":
        raise DefinitionError(
            "chunks publish their tasks by themselves when they run",
            where=where,
            remedy="write .chunks(…).group(), and make a workflow of it with from_canvas()",
        )
    if signature.get("subtask_type") in ("chain", "group", "chord"):
        raise DefinitionError(
            f"a {signature['subtask_type']} is several jobs",
            where=where,
            remedy="add its tasks one by one, or make a workflow of it with from_canvas()",
        )
    options = dict(signature.get("options") or {})
    queue = options.pop("queue", None)
    call = Call(
        task=signature["task"],
        args=tuple(signature.get("args") or ()),
        kwargs=dict(signature.get("kwargs") or {}),
        route=None if queue is None else str(getattr(queue, "name", queue)),
        timeout=options.pop("time_limit", None),
        soft_timeout=options.pop("soft_time_limit", None),
        headers=options.pop("headers", None) or {},
        app=_own_app(signature),
    )
    refuse_options(options, where)
    task = getattr(signature, "_type", None)
    if task is not None:
        _refuse_own_messages(task, where)
        _check_limits(task, call, where)
        _check_arguments(task, call, where)
    return call


def refuse_options(options: Mapping[str, Any], where: str) -> None:
    """Check that a job can honour the options of a signature.

    Raises:
        DefinitionError: it cannot.
    """
    if options.get("stamped_headers"):
        raise DefinitionError("a job has no stamps", where=where, remedy="give its signature .set(headers={…})")
    for name, value in options.items():
        if name not in _MEANT_FOR_MESSAGES and value is not None and value != []:
            raise DefinitionError(
                f"the signature's option {name!r} means nothing to a job", where=where, remedy=_REMEDIES.get(name)
            )


def _own_app(signature: Any) -> Any:
    task = getattr(signature, "_type", None)
    app = getattr(signature, "_app", None) if task is None else task.app
    return None if app is None or _made_by_celery(app) else app


def _made_by_celery(app: Any) -> bool:
    """Tell whether this is the app that a program without one gets from Celery: no worker listens to its queue.

    An app of the user's can be the default one too (`set_default`, and in every worker). Celery makes its own without
    making it the current one.
    """
    default: Any = getattr(sys.modules.get("celery._state"), "default_app", None)
    return app is default and bool(app.main == "default" and not app.set_as_current)


def _refuse_own_messages(task: Any, where: str) -> None:
    """Refuse a task that changes how its messages are sent or handled: a job has none."""
    celerys = next((each for each in type(task).__mro__ if each.__module__ == "celery.app.task"), None)
    for name, remedy in _OWN_MESSAGES.items():
        if getattr(type(task), name, None) is not getattr(celerys, name, None):
            raise DefinitionError(
                f"the task {task.name!r} has its own {name}, and a job sends no message", where=where, remedy=remedy
            )
    if getattr(task, "expires", None) is not None:
        raise DefinitionError(
            f"the task {task.name!r} has its own expires, and a job sends no message",
            where=where,
            remedy=_REMEDIES["expires"],
        )


def _check_limits(task: Any, call: Call, where: str) -> None:
    """Refuse a soft limit over the hard one, as `apply_async` would."""
    soft, hard = call.soft_timeout or task.soft_time_limit, call.timeout or task.time_limit
    if soft and hard and soft > hard:
        raise DefinitionError(f"the soft time limit ({soft} s) is over the hard one ({hard} s)", where=where)


def _check_arguments(task: Any, call: Call, where: str) -> None:
    """Refuse arguments that the task's function does not take, as `apply_async` would."""
    if not getattr(task, "typing", False):
        return
    # A class-based task has none: Celery checks nothing there, and neither does this.
    check = getattr(task, "__header__", None)
    if check is None:
        return
    try:
        check(*call.args, **call.kwargs)
    except TypeError as error:
        raise DefinitionError(str(error), where=where) from None
