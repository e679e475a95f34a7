"""The node: the main process of a worker, as the store knows it.

It registers, beats every two seconds for all its slots, carries out the answers, reports the attempts whose slots
cannot speak, and takes itself out in good order. All of it happens in one thread, which waits as long as the store is
away; what must not wait is the monitor's. A node whose name a live node has shuts its worker down.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import queue
import socket
import threading
import time
from typing import Any, assert_never

from celery import __version__ as celery_version
from celery.worker import state as worker_state

from orchestrator import threads
from orchestrator.dispatch.agreement import tell_other_broker
from orchestrator.model.errors import OrchestratorError
from orchestrator.model.ids import AttemptRef
from orchestrator.runtime import afterwards, capture, outcomes
from orchestrator.runtime.attempt import tell_end
from orchestrator.runtime.job import read_spec
from orchestrator.runtime.outcomes import Outcome, Tried
from orchestrator.runtime.resources import Resources
from orchestrator.runtime.slot_monitor import SlotMonitor, UnreportedOutcome, slots_of
from orchestrator.runtime.slots import Phase, Row
from orchestrator.runtime.turn import carry_on
from orchestrator.runtime.watchdog import Watchdog
from orchestrator.state import reads
from orchestrator.state.transitions.attempts import Settle, Settled, Stale
from orchestrator.state.transitions.nodes import Beat, Beaten, Leave, Left, Register, Subscribe, Taken, Welcome
from orchestrator.state.transitions.replies import Gone, Missing
from orchestrator.state.transitions.values import SOME, Held, Subscription

logger = logging.getLogger(__name__)

BEAT_S = 2.0
_NAME_S = 0.5
"""Pause between two tries to get a name that another node has."""
_STOPPED_S = 10.0
"""How long a node that was given up waits for what it runs to stop, before it comes in again."""


class Node:
    """The node's thread and what it knows."""

    def __init__(self, resources: Resources, worker: Any) -> None:
        self._resources = resources
        self._worker = worker
        self._unreported: queue.SimpleQueue[UnreportedOutcome | None] = queue.SimpleQueue()
        self._watchdog = Watchdog(worker)
        self._leaving = self._resubscribed = False
        self._beats = 0
        self._told_tasks = ""
        self._thread: threading.Thread | None = None
        self.monitor: SlotMonitor

    def start(self, monitor: SlotMonitor) -> None:
        """Start the threads. The store need not be there yet."""
        self.monitor = monitor
        self._thread = threads.start("orchestrator-node", self._run)
        monitor.start()

    def report(self, unreported: UnreportedOutcome) -> None:
        """Take an outcome that the slot monitor reports."""
        self._unreported.put(unreported)

    def subscribe(self, subscriptions: tuple[Subscription, ...]) -> None:
        """Take from other queues than before, and let the store know."""
        self._resources.subscriptions = subscriptions
        self._resubscribed = True
        self._unreported.put(None)

    def leave(self) -> None:
        """Go out: report what is left to report, give back what is held. Waits until that is done, or hopeless."""
        self._resources.table.draining = True
        self.monitor.close()
        self._leaving = True
        self._unreported.put(None)
        if self._thread is not None:
            self._thread.join(15.0)

    def _run(self) -> None:
        resources = self._resources
        try:
            resources.patiently(resources.open)
            self._register()
            due = time.monotonic()
            while not self._leaving:
                due = self._wait(due)
            self._go()
        except NameTaken as error:
            logger.critical("%s", error)
            worker_state.should_stop = threads.EXIT_CODE  # type: ignore[assignment] # plain tasks that it runs come to their end
        except OrchestratorError as error:
            if not self._leaving:
                raise
            logger.warning("leaving without a word: %s", error)

    def _wait(self, due: float) -> float:
        """Report one outcome, or beat if that is due. Return when the next beat is due."""
        try:
            unreported = self._unreported.get(timeout=max(0.0, due - time.monotonic()))
        except queue.Empty:
            self._beat()
            return time.monotonic() + BEAT_S
        if unreported is not None:
            self._settle(unreported)
        elif self._resubscribed and not self._leaving:
            self._subscribe()
        return due

    # -- in and out -------------------------------------------------------------------------------------------------

    def _register(self) -> None:
        resources = self._resources
        broker = resources.publisher.broker
        info = {
            "broker": broker.name,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "pool": type(self._worker.pool).__module__.rpartition(".")[2],
            "python": platform.python_version(),
            "celery": celery_version,
        }
        ids = " ".join(sorted(broker.all_ids()))
        tell_other_broker(resources.settings, broker, ids)
        register = Register(
            resources.node, resources.subscriptions, slots_of(self._worker), json.dumps(info).encode(), ids
        )
        shortest_ms: int | None = None
        while not self._leaving:
            reply = resources.patiently(lambda: resources.store.run(register))
            if isinstance(reply, Welcome):
                self._told_tasks = ""
                resources.table.incarnation = reply.incarnation
                logger.info("node %s is in (incarnation %d)", resources.node, reply.incarnation)
                return
            if shortest_ms is not None and reply.silent_ms < shortest_ms:
                raise NameTaken(resources.node, reply)
            shortest_ms = reply.silent_ms  # it grows until the node beats again; a dead one's name is free in a moment
            time.sleep(_NAME_S)  # noqa: TID251 — between two tries

    def _subscribe(self) -> None:
        """Tell the store what this node may take. A node that is not open tells it when it comes in."""
        self._resubscribed = False
        resources = self._resources
        reply = resources.patiently(
            lambda: resources.store.run(Subscribe(resources.node, resources.table.incarnation, resources.subscriptions))
        )
        if isinstance(reply, Gone):
            self._come_back()

    def _come_back(self) -> None:
        """The store has given this node up: what its slots run is no longer theirs."""
        logger.warning(
            "node %s was given up by the store: stopping what it runs, and coming in again", self._resources.node
        )
        self._resources.table.incarnation = 0
        self.monitor.order_all("stale")
        until = time.monotonic() + _STOPPED_S
        time.sleep(0.2)  # noqa: TID251 — the monitor's next look
        while not self.monitor.quiet() and time.monotonic() < until:
            time.sleep(0.05)  # noqa: TID251 — for what is being stopped
        while not self._unreported.empty():
            self._unreported.get()
        if not self._leaving:
            self._register()

    def _go(self) -> None:
        resources = self._resources
        while not self._unreported.empty():
            unreported = self._unreported.get()
            if unreported is not None:
                self._settle(unreported)
        reply = resources.patiently(lambda: resources.store.run(Leave(resources.node, resources.table.incarnation)))
        match reply:
            case Left(permits):
                resources.publisher.publish(permits)
            case Gone():
                pass
            case _:
                assert_never(reply)
        resources.events.close()
        resources.publisher.close()
        resources.store.close()

    # -- beats ------------------------------------------------------------------------------------------------------

    def _beat(self) -> None:
        resources = self._resources
        slots = tuple(_held(row) for _, row in resources.table.rows())
        self._beats += 1
        known_tasks = "\n".join(sorted(resources.app.tasks))
        beat = Beat(
            resources.node,
            resources.table.incarnation,
            self._beats,
            self._idle(),
            int(resources.table.draining),
            slots,
            "" if known_tasks == self._told_tasks else known_tasks,
        )
        reply = resources.patiently(lambda: resources.store.run(beat))
        match reply:
            case Beaten(kills, permits, unanswered):
                self._told_tasks = known_tasks
                for kill in kills:
                    self.monitor.order(kill.ref, kill.why)
                resources.publisher.publish(permits)
                if self._watchdog.hopeless(unanswered, broker_down=resources.publisher.down) and not any(
                    held.ref for held in slots
                ):
                    self._go()
                    threads.end_process("this worker takes no permits though its broker takes them: it ends")
            case Gone():
                self._come_back()
            case _:
                assert_never(reply)

    def _idle(self) -> int:
        if self._resources.table.draining:
            return 0
        return max(0, slots_of(self._worker) - len(worker_state.reserved_requests))

    # -- reports for those that cannot speak ------------------------------------------------------------------------

    def _settle(self, unreported: UnreportedOutcome) -> None:
        resources = self._resources
        outcome = self._outcome(unreported)
        settle = Settle(
            resources.node,
            resources.table.incarnation,
            unreported.slot,
            unreported.ref,
            outcome.kind,
            outcome.payload,
            outcome.delay_ms,
        )
        reply = resources.patiently(lambda: resources.store.run(settle))
        match reply:
            case Settled(permits, todo):
                resources.publisher.publish(permits)
                if todo:
                    carry_on(resources, AttemptRef.parse(unreported.ref).run)
                if resources.table.events and unreported.ref:
                    tell_end(resources, unreported.ref, unreported.task, outcome)
                if unreported.ref and outcome.kind != "returned":
                    afterwards.tell(resources, unreported.ref, outcome, goes_on=not self.monitor.sure)
            case Stale() | Missing():
                pass  # the slot had reported it itself, or the run is gone
            case Gone():
                self._come_back()
            case _:
                assert_never(reply)

    def _outcome(self, unreported: UnreportedOutcome) -> Outcome:
        match unreported.cause:
            case "timed_out":
                resources = self._resources
                found = resources.patiently(
                    lambda: resources.store.read(reads.attempt(resources.store.keys, unreported.ref))
                )
                if found is None:
                    return Outcome("timed_out", capture.encode(outcomes.HARD_LIMIT), error=outcomes.HARD_LIMIT)
                spec, job = found
                return outcomes.out_of_time(outcomes.HARD_LIMIT, Tried(read_spec(spec), job.retries))
            case "cancelled":
                return outcomes.cancelled()
            case "returned":
                return Outcome("returned")
            case "unbegun":
                logger.warning("a slot's process is dead before it began an attempt: %s", unreported.detail)
                return Outcome("returned")
        logger.error("attempt %s (%s) is lost with its process: %s", unreported.ref, unreported.task, unreported.detail)
        described = capture.plain_error("WorkerLost", f"the process that ran it is dead: {unreported.detail}")
        return Outcome("lost", capture.encode(described), error=described)


def _held(row: Row) -> Held:
    """Say what a slot holds: in every phase but idle it has an attempt, or may be given one at this moment."""
    if row.phase is Phase.idle:
        return Held(row.name, None)
    return Held(row.name, row.ref if row.phase is Phase.running else SOME)


class NameTaken(OrchestratorError):
    """Another live node has the name of this one."""

    def __init__(self, node: str, taken: Taken) -> None:
        holder = json.loads(taken.info or b"{}")
        super().__init__(
            f"the node name {node} is that of a live worker (process {holder.get('pid')} on {holder.get('host')})",
            remedy="give this worker another name with -n NAME@%h, or leave -n out",
        )
