"""The queues that a worker consumes: beside each plain queue the queues of its route's classes, also at run time."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from kombu import Exchange

from orchestrator.dispatch import topology
from orchestrator.state.transitions.values import Subscription

logger = logging.getLogger(__name__)


class ClassQueues:
    """The class queues of one worker of an app."""

    def __init__(self, app: Any, namespace: str, excluded: Iterable[str]) -> None:
        self._namespace = namespace
        self._excluded = tuple(excluded)
        self._queues = app.amqp.queues
        self._in_conf = _in_conf(app)

    @property
    def _declared(self) -> frozenset[str]:
        """The names of the app's own queues: those of its settings, and whatever has a binding of its own."""
        return self._in_conf | {name for name, queue in dict.items(self._queues) if _is_bound(queue)}

    def add(self) -> list[Any]:
        """Consume the class queues of each consumed queue. Returns those that were not consumed before."""
        consumed = self._queues.consume_from
        for name, queue in consumed.items():
            if topology.goes_with_its_worker(queue):
                logger.info("the queue %s goes with this worker: jobs have no queues beside it", name)
        declared = self._declared
        wanted = topology.class_queues(self._namespace, consumed, self._excluded, declared)
        made = [queue for queue in wanted if consumed.get(queue.name) is not queue]
        before = set(consumed)
        for queue in made:
            # Celery binds what has no exchange to the app's default one. Permits need no binding: they go to the queue
            # by its name, and an app's own exchange (it may be a fanout) never feeds it.
            self._queues.select_add(queue).exchange = Exchange("")
        for name in tuple(consumed) if self._namespace != topology.DEFAULT_NAMESPACE else ():
            if name not in declared and topology.parse_queue(topology.DEFAULT_NAMESPACE, name):
                del consumed[name]  # `-Q mail.high` meant our own; that one is another namespace's
        return [queue for queue in made if queue.name not in before]

    def drop(self, name: str) -> list[str]:
        """Consume no more what belongs to a queue that was cancelled. Returns the names of its class queues."""
        consumed, declared = self._queues.consume_from, self._declared
        beside = topology.names_beside(self._namespace, name)
        gone = [each for each in beside if each in consumed and each not in declared]
        self._queues.deselect(gone)
        return gone

    def subscriptions(self) -> tuple[Subscription, ...]:
        """Return what the worker may take."""
        consumed = self._queues.consume_from.values()
        return topology.subscriptions(
            self._namespace, [queue.name for queue in consumed if not topology.goes_with_its_worker(queue)]
        )


def _is_bound(queue: Any) -> bool:
    """Tell whether a queue has a binding that Celery does not make by itself for a queue of this name."""
    return bool(queue.bindings) or queue.exchange.name not in ("", queue.name) or queue.routing_key != queue.name


def _in_conf(app: Any) -> frozenset[str]:
    """Name the queues of an app's settings."""
    conf = app.conf
    if not conf.task_queues:
        return frozenset({conf.task_default_queue})
    if isinstance(conf.task_queues, Mapping):
        return frozenset(conf.task_queues)
    return frozenset(queue.name for queue in conf.task_queues)
