"""Where permits go: one broker queue a route and priority class.

The queue of route `mail` and class `high` is `mail.high` in the namespace `default`, `acme:mail.high` in the namespace
`acme`. A worker that consumes the plain queue `mail` is given the four queues of its route; one that is told
`-Q mail.high` serves that class alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from kombu import Exchange, Queue

from orchestrator.model.states import PriorityClass
from orchestrator.model.workflow import check_route
from orchestrator.state.transitions.replies import Want

TURN = "orchestrator.turn"
"""The one Celery task of ours."""
DEFAULT_NAMESPACE = "default"

_CLASSES = {cls.name: cls.value for cls in PriorityClass}
# One direct exchange binds all of ours, so that an app's own default exchange (it may be a fanout) never feeds them.
_EXCHANGE = Exchange("orchestrator", type="direct")


class Seat(NamedTuple):
    """A route and one of its priority classes: what a permit is for."""

    route: str
    cls: int


def queue_name(namespace: str, route: str, cls: int) -> str:
    """Return the name of the broker queue of a route and class."""
    name = f"{route}.{PriorityClass(cls).name}"
    return name if namespace == DEFAULT_NAMESPACE else f"{namespace}:{name}"


def parse_queue(namespace: str, name: str) -> Seat | None:
    """Return what a queue's permits are for, or None for a queue that is none of this namespace's."""
    if namespace != DEFAULT_NAMESPACE:
        prefix, _, name = name.partition(":")
        if prefix != namespace:
            return None
    route, _, cls = name.rpartition(".")
    return Seat(route, _CLASSES[cls]) if cls in _CLASSES and is_route(route) else None


def is_route(name: str) -> bool:
    """Tell whether a plain queue's name can be a route."""
    try:
        check_route(name)
    except ValueError:
        return False
    return True


def class_queues(namespace: str, consumed: Mapping[str, Queue], excluded: Iterable[str] = ()) -> list[Queue]:
    """Return the queues that a worker of these consumed queues takes permits from, in the order of their classes.

    They copy the arguments of the route's plain queue, so that a quorum queue has quorum queues beside it. In a
    namespace of its own, `-Q mail.high` means that namespace's.
    """
    arguments: dict[Seat, dict[str, Any] | None] = {}
    for name, queue in consumed.items():
        seat = parse_queue(namespace, name) or parse_queue(DEFAULT_NAMESPACE, name)
        if seat is not None:
            arguments[seat] = queue.queue_arguments
        elif is_route(name):
            arguments.update((Seat(name, cls), queue.queue_arguments) for cls in PriorityClass)
    named = {queue_name(namespace, *seat): seat for seat in sorted(arguments, key=lambda seat: (seat.cls, seat.route))}
    return [
        Queue(name, _EXCHANGE, routing_key=name, queue_arguments=dict(arguments[seat] or {}) or None)
        for name, seat in named.items()
        if not {name, f"{seat.route}.{PriorityClass(seat.cls).name}"} & set(excluded)
    ]


def wants(namespace: str, consumed: Iterable[str]) -> tuple[Want, ...]:
    """Return what a worker of these queues may take: its routes with their classes, most urgent first."""
    routes: dict[str, set[int]] = {}
    for name in consumed:
        seat = parse_queue(namespace, name)
        if seat is not None:
            routes.setdefault(seat.route, set()).add(seat.cls)
    return tuple(Want(route, tuple(sorted(classes))) for route, classes in sorted(routes.items()))
