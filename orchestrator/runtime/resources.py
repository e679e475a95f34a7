"""What one process of a worker node has at hand: its store, its publisher, its place in the slot table."""

from __future__ import annotations

import logging
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from celery import Celery
from celery.utils.nodenames import default_nodename

from orchestrator.dispatch.broker import Broker
from orchestrator.dispatch.permits import Publisher
from orchestrator.model.errors import StoreBusy, StoreUnavailable
from orchestrator.runtime.slots import SlotTable
from orchestrator.runtime.task_events import TaskEvents
from orchestrator.servers.addresses import store_url
from orchestrator.settings import Settings
from orchestrator.state.store import Store
from orchestrator.state.transitions.values import Subscription

logger = logging.getLogger(__name__)

T = TypeVar("T")

_FIRST_S, _LONGEST_S = 0.05, 2.0
_LAST_WORD_S = 10.0
"""How long a node that goes out still tries to report an end to a store that does not answer."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The time limits of the worker itself, in seconds: `--soft-time-limit`, `--time-limit`."""

    soft: float | None = None
    hard: float | None = None


@dataclass(slots=True)
class Resources:
    """One process's tools. A prefork child opens its own after the fork; the other pools share the node's."""

    app: Celery
    settings: Settings
    namespace: str
    hostname: str
    """Celery's name of the worker."""
    node: str
    """The name of the node in the store: the same, or made unique where nobody chose it (see `node_name`)."""
    subscriptions: tuple[Subscription, ...]
    table: SlotTable
    limits: Limits
    turn_attempts: int
    """How many attempts a turn may run: 100, or fewer where the pool replaces its children sooner."""
    store: Store = field(init=False)
    publisher: Publisher = field(init=False)
    events: TaskEvents = field(init=False)
    pid: int = field(init=False)

    def open(self) -> Resources:
        """Make this process's own clients. Nothing is connected yet; an embedded store must be running, though."""
        self.pid = os.getpid()
        self.store = Store.connect(store_url(self.settings), self.namespace)
        self.publisher = Publisher(Broker.of_app(self.app), self.namespace)
        self.events = TaskEvents(self.app, self.hostname)
        return self

    def subscriptions_for(self, route: str) -> tuple[Subscription, ...]:
        """Return what a turn of this route may take: of its own route first."""
        return tuple(sorted(self.subscriptions, key=lambda want: want.route != route))

    def patiently(self, ask: Callable[[], T]) -> T:
        """Ask the store until it answers.

        An outage is not a death: the attempt stays this slot's unless the store says otherwise. Operations that are
        sent again are harmless. Only a node that goes out gives up.
        """
        pause, until = _FIRST_S, 0.0
        while True:
            try:
                return ask()
            except (StoreUnavailable, StoreBusy) as error:
                if pause == _FIRST_S:
                    logger.warning("waiting for the store: %s", error)
                if self.table.draining:
                    until = until or time.monotonic() + _LAST_WORD_S
                    if time.monotonic() > until:
                        raise
                time.sleep(pause)  # noqa: TID251 — between two tries
                pause = min(pause * 2, _LONGEST_S)


def node_name(hostname: str) -> str:
    """Return the name under which a worker comes in.

    The default, `celery@` and the host's name, is that of every worker of a host, and on some platforms of all hosts:
    it is made unique. A name that somebody chose is kept.
    """
    name, _, host = hostname.partition("@")
    return hostname if hostname != default_nodename("") else f"{name}-{secrets.token_hex(3)}@{host}"
