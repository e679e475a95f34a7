"""Where a permit finds its hand: the one place of a process that knows the station and the hands in it.

Prefork: the main process fills the desk before the pool forks; each child opens its own clients and takes one hand for
its life. Other pools: every turn borrows a hand of the process and puts it back.
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

from orchestrator.runtime.pool_control import GreenletHand, ThreadHand
from orchestrator.runtime.resources import Station
from orchestrator.runtime.slots import Hand, Phase, Row
from orchestrator.runtime.turn import Turn

logger = logging.getLogger(__name__)


class Desk:
    """The hands of one process."""

    def __init__(self, station: Station, pool: str) -> None:
        self.station = station
        self.pool = pool
        self.hands: dict[int, Any] = {}
        self._free: list[Any] = []
        self._lock = threading.Lock()
        self._own: Hand | None = None

    def move_in(self) -> None:
        """Begin the life of a prefork child: its own process group, clients and hand."""
        os.setpgid(0, 0)
        self._own = self.station.table.adopt(Hand)
        self.station.pid = 0

    def move_out(self) -> None:
        """End the life of a prefork child in good order."""
        if self._own is not None and self.station.pid == os.getpid():
            self.station.events.flush(1.0)

    def borrow(self) -> Hand:
        """Return a hand for one turn."""
        if self._own is not None:
            self._prepare_child(self._own)
            return self._own
        with self._lock:
            hand = self._free.pop() if self._free else None
        if hand is None:
            hand = self.station.table.adopt(GreenletHand if self.pool == "gevent" else ThreadHand)
            self.hands[hand.index] = hand
        hand.seat()
        return hand

    def put_back(self, hand: Hand) -> None:
        """Give a borrowed hand back."""
        if self._own is None:
            with self._lock:
                self._free.append(hand)

    def _prepare_child(self, hand: Hand) -> None:
        if self.station.pid == os.getpid():
            return
        self.station.open()
        plain: Any = signal.getsignal(signal.SIGUSR1)  # billiard's, for the soft limits of plain tasks
        signal.signal(signal.SIGUSR1, _soft_limit(hand, plain))


def _soft_limit(hand: Hand, plain: Callable[[int, Any], Any]) -> Callable[[int, Any], None]:
    def raise_in_time(signum: int, frame: Any) -> None:
        if hand.phase is Phase.idle:
            plain(signum, frame)
        elif hand.phase is Phase.running and 0 < hand.soft <= time.monotonic():
            raise SoftTimeLimitExceeded

    return raise_in_time


_desk: Desk | None = None


def set_up(desk: Desk | None) -> None:
    """Make a desk this process's."""
    global _desk
    _desk = desk


def the_desk() -> Desk | None:
    """Return this process's desk, if it is a worker of ours."""
    return _desk


def take_turn(name: str, namespace: str, route: str, cls: int) -> None:
    """Take a turn that a permit opens. A permit of another namespace is dropped: its own workers are rung again."""
    desk = _desk
    if desk is None:
        logger.error("a permit came to a process that is no worker of ours: dropped")
        return
    if namespace != desk.station.namespace:
        logger.warning(
            "a permit of the namespace %r came to a worker of %r: dropped", namespace, desk.station.namespace
        )
        return
    hand = desk.borrow()
    try:
        Turn(desk.station, hand, name, route, cls).run()
    finally:
        hand.rest()
        desk.put_back(hand)


def row_of_turn(name: str) -> Row | None:
    """Return the row of the hand that has a turn of this name."""
    if _desk is None:
        return None
    return next((row for _, row in _desk.station.table.rows() if row.turn == name), None)
