"""Routes by a Celery app: its router is asked for the queue of a task as `apply_async` asks it. Celery is not imported.

The router is asked when a workflow is compiled, with the arguments as the signature has them: a reference is still a
reference there, because its value is not known before the job runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from orchestrator.dsl.signatures import Call
from orchestrator.model.errors import DefinitionError
from orchestrator.model.workflow import JobDefinition, check_route
from orchestrator.plan.compile import DEFAULT_ROUTE, RouteOf

_REMEDY = "give the job route=, or the signature queue="


def routes(route_of: RouteOf | None) -> Callable[[JobDefinition, Call | None], str]:
    """Return what gives a job its route: by the app of its call, or else by `route_of`, or else `default`.

    An app whose routes are no functions is asked once a task.
    """
    by_task = cache(route_by_app)

    def route(job: JobDefinition, call: Call | None) -> str:
        try:
            if call is None or call.app is None:
                return route_of(job) if route_of else DEFAULT_ROUTE
            if not asks_for_arguments(call.app):
                return by_task(call.app, job.task)
            return route_by_app(call.app, job.task, call.args, call.kwargs, options_of(job))
        except DefinitionError as error:
            what = f"{error.where}: {error.what}"
            raise DefinitionError(what, where=f"job {job.name!r}", remedy=error.remedy) from error

    return route


def router_of(app: Any) -> RouteOf:
    """Return the router of an app for the jobs of documents, whose arguments are templates."""

    def route_of(job: JobDefinition) -> str:
        return route_by_app(app, job.task, job.args, job.kwargs, options_of(job))

    return route_of


def options_of(job: JobDefinition) -> dict[str, Any]:
    """Return the options that the signature of a job would have."""
    given = {"time_limit": job.timeout, "soft_time_limit": job.soft_timeout, "headers": job.headers or None}
    return {name: value for name, value in given.items() if value is not None}


def asks_for_arguments(app: Any) -> bool:
    """Tell whether two calls of one task may have different queues: a route of the app is a function."""
    return any(not hasattr(route, "patterns") for route in app.amqp.router.routes)


def route_by_app(
    app: Any, task: str, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None, options: Any = None
) -> str:
    """Return the queue to which a Celery app sends a call: the task's own, the router's, or the default one.

    Raises:
        DefinitionError: the app's routes lead to no queue, to several, or to one that cannot be a route.
    """
    where = f"task {task!r}"
    known = app.tasks.get(task)
    asked = {**(known._get_exec_options() if known is not None else {}), **(options or {})}
    try:
        found = app.amqp.router.route(asked, task, args, kwargs or {}, task_type=known)
    except KeyError as error:
        if type(error).__name__ == "QueueNotFound":
            raise DefinitionError(f"Celery's routes are wrong: {error.args[0]}", where=where) from None
        raise DefinitionError(f"a router of its Celery app fails: {error!r}", where=where, remedy=_REMEDY) from error
    except Exception as error:
        raise DefinitionError(f"a router of its Celery app fails: {error!r}", where=where, remedy=_REMEDY) from error
    queue = found.get("queue") or _bound(app, found, where)
    name = str(getattr(queue, "name", queue))
    try:
        check_route(name)
    except ValueError as error:
        raise DefinitionError(
            f"its Celery app sends it to the queue {name!r}, which no job can use: {error}", where=where, remedy=_REMEDY
        ) from None
    if getattr(queue, "exclusive", False) or getattr(queue, "auto_delete", False):
        raise DefinitionError(
            f"its Celery app sends it to the queue {name!r}, which goes with its worker: no job can wait there",
            where=where,
            remedy=_REMEDY,
        )
    return name


def _bound(app: Any, found: Mapping[str, Any], where: str) -> Any:
    """Return the one queue that is bound to the exchange and routing key of a route."""
    queues = app.amqp.queues
    exchange, key = found.get("exchange"), found.get("routing_key")
    default = queues[app.conf.task_default_queue]
    if not exchange:
        if default.exchange.type == "direct":
            return default
        exchange, key = default.exchange, key or default.routing_key
    name = str(getattr(exchange, "name", exchange))
    targets = [queue for queue in dict.values(queues) if any(_matches(name, key, *each) for each in _bindings(queue))]
    if len(targets) != 1:
        which = " and ".join(repr(queue.name) for queue in targets) or "no queue of task_queues"
        raise DefinitionError(
            f"its Celery app sends it to the exchange {name!r} with the routing key {key!r}: {which} would get it",
            where=where,
            remedy=_REMEDY,
        )
    return targets[0]


def _bindings(queue: Any) -> Iterator[tuple[Any, str]]:
    yield queue.exchange, queue.routing_key or ""
    for binding in queue.bindings or ():
        yield binding.exchange, binding.routing_key or ""


def _matches(name: str, key: str | None, exchange: Any, bound: str) -> bool:
    """Tell whether a message to an exchange with this key comes through a binding."""
    if exchange is None or exchange.name != name:
        return False
    match exchange.type:
        case "fanout":
            return True
        case "direct":
            return bound == (key or "")
        case "topic":
            return re.fullmatch(_pattern(bound), f".{key or ''}") is not None
    return False


def _pattern(bound: str) -> str:
    """Return the pattern of a topic binding, for a key with a dot before it: `*` is one word, `#` any number."""
    words = {"*": r"\.[^.]+", "#": r"(\.[^.]+)*"}
    return "".join(words.get(word, rf"\.{re.escape(word)}") for word in bound.split("."))
