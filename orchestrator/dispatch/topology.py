"""Where permits go: one broker queue a route and priority class.

The queue of route `mail` and class `high` is `mail.high` in the namespace `default`, `acme:mail.high` in the namespace
`acme`. A worker that consumes the plain queue `mail` is given the four queues of its route; one that is told
`-Q mail.high` serves that class alone.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import Any, NamedTuple

from kombu import Exchange, Queue

from orchestrator.model.states import PriorityClass
from orchestrator.model.workflow import check_route
from orchestrator.state.transitions.values import Subscription

TURN = "orchestrator.turn"
"""The one Celery task of ours."""
DEFAULT_NAMESPACE = "default"

_CLASSES = {priority.name: priority.value for priority in PriorityClass}
# Permits go to a queue by its name. Nothing is bound, so that nothing is left behind at the broker.
_NO_EXCHANGE = Exchange("")


class RouteClass(NamedTuple):
    """A route and one of its priority classes: what a permit is for."""

    route: str
    priority: int


def queue_name(namespace: str, route: str, priority: int) -> str:
    """Return the name of the broker queue of a route and class."""
    name = f"{route}.{PriorityClass(priority).name}"
    return name if namespace == DEFAULT_NAMESPACE else f"{namespace}:{name}"


def parse_queue(namespace: str, name: str) -> RouteClass | None:
    """Return what a queue's permits are for, or None for a queue that is none of this namespace's."""
    if namespace != DEFAULT_NAMESPACE:
        prefix, _, name = name.partition(":")
        if prefix != namespace:
            return None
    route, _, priority = name.rpartition(".")
    return RouteClass(route, _CLASSES[priority]) if priority in _CLASSES and is_route(route) else None


def is_route(name: str) -> bool:
    """Tell whether a plain queue's name can be a route."""
    try:
        check_route(name)
    except ValueError:
        return False
    return True


def goes_with_its_worker(queue: Queue) -> bool:
    """Tell whether a queue is one worker's own and ends with it: exclusive, auto-deleted, or for a broadcast."""
    return bool(queue.exclusive or queue.auto_delete)


def class_queues(
    namespace: str, consumed: Mapping[str, Queue], excluded: Iterable[str] = (), declared: Container[str] = ()
) -> list[Queue]:
    """Return the queues that a worker of these consumed queues takes permits from, in the order of their classes.

    They copy the arguments of the route's plain queue, so that a quorum queue has quorum queues beside it, and whether
    it is durable and when it expires. A queue that goes with its worker has none beside it. In a namespace of its own,
    `-Q mail.high` means that namespace's. A name that the app has `declared` is the app's own queue: it is taken as it
    is where it is consumed, and left alone where it is not.
    """
    models: dict[RouteClass, Queue] = {}
    for name, queue in consumed.items():
        if goes_with_its_worker(queue):
            continue
        route_class = parse_queue(namespace, name)
        if route_class is None and name not in declared:
            route_class = parse_queue(DEFAULT_NAMESPACE, name)
        if route_class is not None:
            models[route_class] = queue
        elif is_route(name):
            for priority in PriorityClass:
                models.setdefault(RouteClass(name, priority), queue)
    named = {
        queue_name(namespace, *route_class): route_class
        for route_class in sorted(models, key=lambda route_class: (route_class.priority, route_class.route))
    }
    return [
        consumed[name] if name in declared else _class_queue(name, models[route_class])
        for name, route_class in named.items()
        if (name not in declared or name in consumed)
        and not {name, f"{route_class.route}.{PriorityClass(route_class.priority).name}"} & set(excluded)
    ]


def names_beside(namespace: str, name: str) -> list[str]:
    """Return the names of the class queues that belong to a consumed queue: its route's, or the one that it is."""
    route_class = parse_queue(namespace, name) or parse_queue(DEFAULT_NAMESPACE, name)
    if route_class is not None:
        return [queue_name(namespace, *route_class)]
    return [queue_name(namespace, name, priority) for priority in PriorityClass] if is_route(name) else []


def _class_queue(name: str, model: Queue) -> Queue:
    arguments = dict(model.queue_arguments or {}) or None
    lasts: dict[str, Any] = {"durable": model.durable, "expires": getattr(model, "expires", None)}
    return Queue(name, _NO_EXCHANGE, routing_key=name, queue_arguments=arguments, **lasts)


def subscriptions(namespace: str, consumed: Iterable[str]) -> tuple[Subscription, ...]:
    """Return what a worker of these queues may take: its routes with their classes, most urgent first."""
    routes: dict[str, set[int]] = {}
    for name in consumed:
        route_class = parse_queue(namespace, name)
        if route_class is not None:
            routes.setdefault(route_class.route, set()).add(route_class.priority)
    return tuple(Subscription(route, tuple(sorted(classes))) for route, classes in sorted(routes.items()))
