"""Where a permit finds its slot: what one process of a worker node has, its resources and its slots.

Prefork: the main process makes it before the pool forks; each child opens its own clients and keeps one slot for its
life. Other pools: every turn borrows a slot of the process and puts it back.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from billiard.exceptions import SoftTimeLimitExceeded

from orchestrator.runtime.pool_control import GreenletSlot, ThreadSlot
from orchestrator.runtime.resources import Resources
from orchestrator.runtime.slots import Phase, Row, Slot
from orchestrator.runtime.turn import Turn
from orchestrator.state.transitions.values import Subscription

logger = logging.getLogger(__name__)


class WorkerProcess:
    """The slots of one process."""

    def __init__(self, resources: Resources, pool: str) -> None:
        self.resources = resources
        self.pool = pool
        self.slots: dict[int, Any] = {}
        self._free: list[Any] = []
        self._lock = threading.Lock()
        self._own: Slot | None = None

    def start_child(self) -> None:
        """Begin the life of a prefork child: its own process group, clients and slot."""
        os.setpgid(0, 0)
        self._own = self.resources.table.adopt(Slot)
        self.resources.pid = 0

    def end_child(self) -> None:
        """End the life of a prefork child in good order."""
        if self._own is not None and self.resources.pid == os.getpid():
            self.resources.events.flush(1.0)

    def borrow(self) -> Slot:
        """Return a slot for one turn."""
        if self.pool == "prefork":
            if self._own is None:
                self._own = self.resources.table.adopt(Slot)  # there was no room for it when the child began
            self._prepare_child(self._own)
            return self._own
        with self._lock:
            slot = self._free.pop() if self._free else None
        if slot is None:
            slot = self.resources.table.adopt(GreenletSlot if self.pool == "gevent" else ThreadSlot)
            self.slots[slot.index] = slot
        slot.bind()
        return slot

    def put_back(self, slot: Slot) -> None:
        """Give a borrowed slot back."""
        if self.pool != "prefork":
            with self._lock:
                self._free.append(slot)

    def _prepare_child(self, slot: Slot) -> None:
        if self.resources.pid == os.getpid():
            return
        self.resources.open()
        plain: Any = signal.getsignal(signal.SIGUSR1)  # billiard's, for the soft limits of plain tasks
        signal.signal(signal.SIGUSR1, _soft_limit(slot, plain))


def _soft_limit(slot: Slot, plain: Callable[[int, Any], Any]) -> Callable[[int, Any], None]:
    def raise_in_time(signum: int, frame: Any) -> None:
        if slot.phase is Phase.idle:
            plain(signum, frame)
        elif slot.phase is Phase.running and 0 < slot.soft <= time.monotonic():
            raise SoftTimeLimitExceeded

    return raise_in_time


_current: WorkerProcess | None = None


def set_up(process: WorkerProcess | None) -> None:
    """Make a process this process's."""
    global _current
    _current = process


def current() -> WorkerProcess | None:
    """Return this process's process, if it is a worker of ours."""
    return _current


def take_turn(
    name: str, namespace: str, route: str, priority: int, subscriptions: tuple[Subscription, ...] | None = None
) -> None:
    """Take a turn that a permit opens. A permit of another namespace is dropped: its own workers get permits again.

    `subscriptions` are those of the node: a prefork child learns by them of queues that were added or cancelled.
    """
    process = _current
    if process is None:
        logger.error("a permit came to a process that is no worker of ours: dropped")
        return
    if namespace != process.resources.namespace:
        logger.warning(
            "a permit of the namespace %r came to a worker of %r: dropped", namespace, process.resources.namespace
        )
        return
    if subscriptions is not None and process.pool == "prefork":
        process.resources.subscriptions = subscriptions
    slot = process.borrow()
    try:
        Turn(process.resources, slot, name, route, priority).run()
    finally:
        slot.rest()
        process.put_back(slot)


def row_of_turn(name: str) -> Row | None:
    """Return the row of the slot that has a turn of this name."""
    if _current is None:
        return None
    return next((row for _, row in _current.resources.table.rows() if row.turn == name), None)
