"""Whether a publisher and the workers are of one broker, and the one line that says that they are not.

Workers tell the store the ids of the broker that they listen to. A publisher compares them with those of its own, route
by route: two apps with a broker each may share a namespace. Permits that no worker of their route would hear are not
published. The beats of those workers find the work within two seconds.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence, Set

from orchestrator.dispatch.broker import Broker
from orchestrator.model.run import NodeInfo, QueueInfo
from orchestrator.settings import Settings
from orchestrator.state.transitions.values import Permits

logger = logging.getLogger(__name__)

REMEDY = (
    "name the workers' Celery app (-A, CELERY_APP, Client(app=…)), "
    "or set ORCHESTRATOR_BROKER_URL to the workers' broker"
)
_AGREED_S, _APART_S = 60.0, 10.0
"""Seconds until the workers are asked for again."""
_SHOWN = 3


def elsewhere(broker: Broker, nodes: Iterable[NodeInfo]) -> list[NodeInfo]:
    """Return the nodes that listen to another broker. One that does not say is taken for one of this broker."""
    others = [node for node in nodes if node.broker_ids and broker.ids.isdisjoint(node.broker_ids)]
    server = broker.server_id() if others else None
    return [node for node in others if server not in node.broker_ids]


def unheard(broker: Broker, nodes: Sequence[NodeInfo]) -> dict[str, list[NodeInfo]]:
    """Return the routes of which each worker listens to another broker, with these workers."""
    away = elsewhere(broker, nodes)
    here = {route for node in nodes if node not in away for route, _ in node.subscriptions}
    found: dict[str, list[NodeInfo]] = {}
    for node in away:
        for route, _ in node.subscriptions:
            if route not in here:
                found.setdefault(route, []).append(node)
    return found


def told(broker: Broker, nodes: Sequence[NodeInfo]) -> str:
    """Say in one line that these nodes listen to another broker than the one that this process publishes to."""
    names = ", ".join(node.name for node in nodes[:_SHOWN])
    more = f" and {len(nodes) - _SHOWN} more" if len(nodes) > _SHOWN else ""
    theirs = " or ".join(sorted({str(node.info.get("broker", "another")) for node in nodes}))
    verb = "listens" if len(nodes) == 1 else "listen"
    return f"permits from here go to {broker.name}, but {names}{more} {verb} to {theirs}"


def apart(broker: Broker, nodes: Sequence[NodeInfo], queues: Iterable[QueueInfo]) -> str:
    """Say in one line that workers listen to another broker than this process publishes to; empty if nothing is wrong.

    Two apps with a broker each may share a namespace. So it is wrong if no worker listens to this broker, or if jobs
    wait on a route of which no worker does.
    """
    found = unheard(broker, nodes)
    away = {node.name: node for group in found.values() for node in group}
    if len(away) < len(nodes):
        groups = [found[queue.route] for queue in queues if queue.ready and queue.route in found]
        away = {node.name: node for group in groups for node in group}
    return told(broker, list(away.values())) if away else ""


def tell_other_broker(settings: Settings, broker: Broker, ids: str) -> None:
    """Say in a worker's log that the settings name another broker than its app, whose ids are given."""
    if settings.broker_url:
        theirs = Broker.of_url(settings.broker_url)
        if not theirs.is_one_of(set(ids.split())):
            logger.warning(
                "this worker listens to %s, its app's broker; ORCHESTRATOR_BROKER_URL is %s: this worker hears no "
                "permits of processes that do not name the app",
                broker.name,
                theirs.name,
            )


class Agreement:
    """What a publisher knows of the workers' brokers. As long as it knows nothing, all permits are heard."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._unheard: dict[str, list[NodeInfo]] = {}
        self._next = 0.0
        self._said: set[str] = set()

    @property
    def stale(self) -> bool:
        """Whether it is time to learn anew which nodes there are."""
        return time.monotonic() >= self._next

    def learn(self, nodes: Sequence[NodeInfo]) -> None:
        """Compare the broker with those of the live nodes."""
        self._unheard = unheard(self._broker, nodes)
        self._next = time.monotonic() + (_APART_S if self._unheard else _AGREED_S)

    def heard(self, permits: Sequence[Permits]) -> Sequence[Permits]:
        """Return the permits that a worker of this broker may take; the others are told in the log, once."""
        if not self._unheard:
            return permits
        self.tell({each.route for each in permits})
        return [each for each in permits if each.route not in self._unheard]

    def tell(self, routes: Set[str] | None = None) -> None:
        """Say in the log, once, for which of these routes (by default all) the workers listen to another broker."""
        for route in self._unheard.keys() & (self._unheard.keys() if routes is None else routes):
            line = told(self._broker, self._unheard[route])
            if line not in self._said:
                self._said.add(line)
                logger.warning("%s (%s)", line, REMEDY)
