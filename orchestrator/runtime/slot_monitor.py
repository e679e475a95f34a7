"""The monitor: a thread of the node that looks at all slots twenty times a second.

It enforces time limits, carries out what must be stopped, and notices children that died. It never talks to the
store, so that an outage suspends no limit: the outcomes that it finds are reported by the node's other thread.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from celery.worker import state as worker_state

from orchestrator import threads
from orchestrator.runtime.pool_control import PoolControl, ProcessControl
from orchestrator.runtime.slots import Phase, Row, SlotTable

logger = logging.getLogger(__name__)

TICK_S = 0.05
GRACE_S = 5.0
"""Seconds after which an attempt that was told to stop, and cannot be killed, is given up."""


@dataclass(frozen=True, slots=True)
class UnreportedOutcome:
    """The end of an attempt whose slot cannot report it."""

    slot: str
    ref: str
    task: str
    cause: str
    """`lost`, `timed_out`, `cancelled`, `returned` (its process was ended with the node), or `unbegun`.

    `unbegun` is the end of a process that was being given an attempt: `ref` is empty, and what it was given is handed
    back.
    """
    detail: str = ""


def slots_of(worker: Any) -> int:
    """Return how many slots a worker's pool has; none while it is being taken down."""
    try:
        return int(worker.pool.num_processes)
    except AttributeError:
        return 0


@dataclass(slots=True)
class _Stop:
    ref: str
    why: str
    since: float
    given_up: bool = False


class SlotMonitor:
    """Watches over the slots of one node."""

    def __init__(
        self, table: SlotTable, control: PoolControl, report: Callable[[UnreportedOutcome], None], worker: Any
    ) -> None:
        self._table = table
        self._control = control
        self._report = report
        self._worker = worker
        self._orders: dict[str, str] = {}
        self._stops: dict[int, _Stop] = {}
        self._softened: dict[int, str] = {}
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def sure(self) -> bool:
        """Whether a stopped slot is dead, rather than asked."""
        return self._control.sure

    def start(self) -> None:
        """Start the thread."""
        self._thread = threads.start("orchestrator-monitor", self._run)

    def close(self) -> None:
        """Stop watching, after a last look."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(1.0)

    def order(self, ref: str, why: str) -> None:
        """Have an attempt stopped, if a slot still runs it: `cancelled`, `timed_out` or `stale`."""
        self._orders[ref] = why

    def order_all(self, why: str) -> None:
        """Have all running attempts stopped."""
        for _, row in self._table.rows():
            if row.phase is Phase.running:
                self.order(row.ref, why)

    def quiet(self) -> bool:
        """Tell whether nothing that was to be stopped still runs, but for what was given up."""
        running = {index: row.ref for index, row in self._table.rows() if row.phase is Phase.running}
        return not any(
            running.get(index) == stop.ref and not stop.given_up for index, stop in tuple(self._stops.items())
        )

    def _run(self) -> None:
        while True:
            closing = self._closing.wait(TICK_S)
            self._look()
            if closing:
                return

    def _look(self) -> None:
        self._watch_worker()
        now = time.monotonic()
        orders, self._orders = self._orders, {}
        for index, row in self._table.rows():
            death = self._control.death(row)
            if death is not None:
                self._bury(index, row, death)
            elif row.phase is Phase.running:
                self._check(index, row, now, orders.get(row.ref))

    def _check(self, index: int, row: Row, now: float, order: str | None) -> None:
        stop = self._stops.get(index)
        if stop is not None and stop.ref == row.ref:
            if not self._control.sure and not stop.given_up and now - stop.since > GRACE_S:
                self._give_up(row, stop)
            return
        if order is None and row.hard and now >= row.hard:
            order = "timed_out"
        if order is not None:
            if self._control.stop(index, row, order):
                self._stops[index] = _Stop(row.ref, order, now)
                logger.warning("attempt %s (%s) is stopped: %s", row.ref, row.task, order)
        elif row.soft and now >= row.soft and self._softened.get(index) != row.ref:
            self._softened[index] = row.ref
            self._control.soften(index, row)

    def _give_up(self, row: Row, stop: _Stop) -> None:
        stop.given_up = True
        logger.error("attempt %s (%s) was told to stop and goes on: its report will be refused", row.ref, row.task)
        if stop.why != "stale":
            self._report(
                UnreportedOutcome(row.name, row.ref, row.task, stop.why, "it did not stop when it was told to")
            )

    def _bury(self, index: int, row: Row, death: str) -> None:
        """A child is dead: report what it held, give up its row, have the pool replace it."""
        stop = self._stops.pop(index, None)
        self._softened.pop(index, None)
        self._table.free(index)
        if isinstance(self._control, ProcessControl):
            self._control.replace_the_dead()
        if row.phase is Phase.claiming:
            self._report(UnreportedOutcome(row.name, "", "", "unbegun", death))
        if not row.ref:
            return
        if stop is not None and stop.ref == row.ref:
            if stop.why != "stale":
                self._report(UnreportedOutcome(row.name, row.ref, row.task, stop.why))
        else:
            cause = "returned" if self._table.draining else "lost"
            self._report(UnreportedOutcome(row.name, row.ref, row.task, cause, death))

    def _watch_worker(self) -> None:
        """Set the flags that follow Celery's state: Flower, for one, switches task events at any time."""
        dispatcher = getattr(getattr(self._worker, "consumer", None), "event_dispatcher", None)
        wanted = bool(dispatcher is not None and dispatcher.enabled and not dispatcher.groups)
        self._table.events = wanted
        self._table.crowded = len(worker_state.reserved_requests) > slots_of(self._worker)
