"""The node: the main process of a worker, as the store knows it.

It registers, beats every two seconds for all its hands, carries out the answers, reports the attempts whose hands
cannot speak, and takes itself out in good order. All of it happens in one thread, which waits as long as the store is
away; what must not wait is the warden's.
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

from orchestrator.model.errors import OrchestratorError
from orchestrator.model.ids import AttemptRef
from orchestrator.runtime import capture, outcomes
from orchestrator.runtime.attempt import tell_end
from orchestrator.runtime.job import read_spec
from orchestrator.runtime.outcomes import Ending
from orchestrator.runtime.resources import Station
from orchestrator.runtime.slot_monitor import Verdict, Warden, slots_of
from orchestrator.runtime.slots import Phase
from orchestrator.runtime.turn import carry_on
from orchestrator.runtime.watchdog import Watchdog
from orchestrator.state import reads
from orchestrator.state.transitions.replies import Beaten, Gone, Held, Left, Missing, Settled, Stale
from orchestrator.state.transitions.runs import Beat, Leave, Register, Settle

logger = logging.getLogger(__name__)

BEAT_S = 2.0
EXIT_CODE = 70
_STOPPED_S = 10.0
"""How long a node that was given up waits for what it runs to stop, before it comes in again."""


class Node:
    """The node's thread and what it knows."""

    def __init__(self, station: Station, worker: Any) -> None:
        self._station = station
        self._worker = worker
        self._verdicts: queue.SimpleQueue[Verdict | None] = queue.SimpleQueue()
        self._watchdog = Watchdog(worker)
        self._leaving = False
        self._thread = threading.Thread(target=self._run, name="orchestrator-node", daemon=True)
        self.warden: Warden

    def start(self, warden: Warden) -> None:
        """Start the threads. The store need not be there yet."""
        self.warden = warden
        self._thread.start()
        warden.start()

    def report(self, verdict: Verdict) -> None:
        """Take a verdict of the warden's."""
        self._verdicts.put(verdict)

    def leave(self) -> None:
        """Go out: report what is left to report, hand back what is held. Waits until that is done, or hopeless."""
        self._station.table.draining = True
        self.warden.close()
        self._leaving = True
        self._verdicts.put(None)
        self._thread.join(15.0)

    def _run(self) -> None:
        station = self._station
        try:
            station.patiently(station.open)
            self._register()
            due = time.monotonic()
            while not self._leaving:
                due = self._wait(due)
            self._go()
        except OrchestratorError as error:
            if not self._leaving:
                logger.critical("the node cannot go on: %s", error)
                os._exit(EXIT_CODE)
            logger.warning("leaving without a word: %s", error)

    def _wait(self, due: float) -> float:
        """Do one thing: report a verdict, or beat when that is due. Returns when the next beat is."""
        try:
            verdict = self._verdicts.get(timeout=max(0.0, due - time.monotonic()))
        except queue.Empty:
            self._beat()
            return time.monotonic() + BEAT_S
        if verdict is not None:
            self._settle(verdict)
        return due

    # -- in and out -------------------------------------------------------------------------------------------------

    def _register(self) -> None:
        station = self._station
        info = {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "pool": type(self._worker.pool).__module__.rpartition(".")[2],
            "python": platform.python_version(),
            "celery": celery_version,
        }
        register = Register(station.node, station.wants, slots_of(self._worker), json.dumps(info).encode())
        welcome = station.patiently(lambda: station.store.run(register))
        station.table.incarnation = welcome.incarnation
        logger.info("node %s is in (incarnation %d)", station.node, welcome.incarnation)

    def _come_back(self) -> None:
        """The store has given this node up: what its hands run is no longer theirs."""
        logger.warning(
            "node %s was given up by the store: stopping what it runs, and coming in again", self._station.node
        )
        self._station.table.incarnation = 0
        self.warden.order_all("stale")
        until = time.monotonic() + _STOPPED_S
        time.sleep(0.2)  # noqa: TID251 — the warden's next look
        while not self.warden.quiet() and time.monotonic() < until:
            time.sleep(0.05)  # noqa: TID251 — for what is being stopped
        while not self._verdicts.empty():
            self._verdicts.get()
        if not self._leaving:
            self._register()

    def _go(self) -> None:
        station = self._station
        while not self._verdicts.empty():
            verdict = self._verdicts.get()
            if verdict is not None:
                self._settle(verdict)
        reply = station.patiently(lambda: station.store.run(Leave(station.node, station.table.incarnation)))
        match reply:
            case Left(rings):
                station.publisher.publish(rings)
            case Gone():
                pass
            case _:
                assert_never(reply)
        station.events.flush(1.0)
        station.publisher.close()

    # -- beats ------------------------------------------------------------------------------------------------------

    def _beat(self) -> None:
        station = self._station
        hands = tuple(
            Held(row.name, row.ref if row.phase in (Phase.running, Phase.finishing) else None)
            for _, row in station.table.rows()
        )
        beat = Beat(station.node, station.table.incarnation, self._idle(), hands)
        reply = station.patiently(lambda: station.store.run(beat))
        match reply:
            case Beaten(kills, rings, deaf):
                for kill in kills:
                    self.warden.order(kill.ref, kill.why)
                station.publisher.publish(rings)
                if self._watchdog.hopeless(deaf, broker_down=station.publisher.down) and not any(
                    held.ref for held in hands
                ):
                    logger.critical("this worker takes no permits though its broker takes them: it ends")
                    self._go()
                    os._exit(EXIT_CODE)
            case Gone():
                self._come_back()
            case _:
                assert_never(reply)

    def _idle(self) -> int:
        if self._station.table.draining:
            return 0
        return max(0, slots_of(self._worker) - len(worker_state.reserved_requests))

    # -- reports for those that cannot speak ------------------------------------------------------------------------

    def _settle(self, verdict: Verdict) -> None:
        station = self._station
        ending = self._ending(verdict)
        settle = Settle(
            station.node,
            station.table.incarnation,
            verdict.hand,
            verdict.ref,
            ending.outcome,
            ending.payload,
            ending.delay_ms,
        )
        reply = station.patiently(lambda: station.store.run(settle))
        match reply:
            case Settled(rings, todo):
                station.publisher.publish(rings)
                if todo:
                    carry_on(station, AttemptRef.parse(verdict.ref).run)
                if station.table.events:
                    tell_end(station, verdict.ref, verdict.task, ending)
            case Stale() | Missing():
                pass  # the hand had reported it itself, or the run is gone
            case Gone():
                self._come_back()
            case _:
                assert_never(reply)

    def _ending(self, verdict: Verdict) -> Ending:
        match verdict.cause:
            case "timed_out":
                station = self._station
                found = station.patiently(lambda: station.store.read(reads.attempt(station.store.keys, verdict.ref)))
                if found is None:
                    return Ending("timed_out", capture.encode(outcomes.HARD_LIMIT), error=outcomes.HARD_LIMIT)
                _, spec, retries = found
                return outcomes.out_of_time(outcomes.HARD_LIMIT, read_spec(spec), retries)
            case "cancelled":
                return outcomes.cancelled()
            case "returned":
                return Ending("returned")
        logger.error("attempt %s (%s) is lost with its process: %s", verdict.ref, verdict.task, verdict.detail)
        described = capture.plain_error("WorkerLost", f"the process that ran it is dead: {verdict.detail}")
        return Ending("lost", capture.encode(described), error=described)
