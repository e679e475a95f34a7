"""A turn: one slot takes the most urgent attempt of a route, runs it, reports it and is given the next, and so on.

Each report is answered with the next attempt, so a job costs one round trip to the store. The turn ends when nothing
is left for it, or after a second or a hundred attempts, so that plain tasks, the pool's limits and shutdown get their
turn; then it rings once for what is left. A turn may begin with a permit that came late, twice or for nothing: the
claim says what there is.
"""

from __future__ import annotations

import logging
import time
from typing import assert_never

from orchestrator.dispatch.topology import queue_name
from orchestrator.model.ids import AttemptRef
from orchestrator.runtime.attempt import run_attempt
from orchestrator.runtime.resources import Station
from orchestrator.runtime.slots import Hand
from orchestrator.state.transitions.replies import Advanced, Claimed, Done, Gone, Missing, Nothing, Stale, Took
from orchestrator.state.transitions.runs import Advance, Claim, Finish

logger = logging.getLogger(__name__)

TURN_S = 1.0
CROWDED_TURN_S = 0.1
"""How long a turn goes on while other messages wait at the node, plain tasks perhaps among them."""
TURN_ATTEMPTS = 100


class Turn:
    """One turn of one hand, opened by a permit for a route and class."""

    def __init__(self, station: Station, hand: Hand, name: str, route: str, cls: int) -> None:
        self._station = station
        self._hand = hand
        self._name = name
        self._permit: tuple[str, int] | None = (route, cls)
        self._queue = queue_name(station.namespace, route, cls)
        self._wants = station.wants_for(route)
        self._began = time.monotonic()
        self._left = min(TURN_ATTEMPTS, station.turn_attempts)

    def run(self) -> None:
        """Take the turn."""
        claimed = self._claim()
        while claimed is not None:
            claimed = self._attempt(claimed)
        self._hand.rest()

    def _may_go_on(self) -> bool:
        table = self._station.table
        if self._left <= 0 or table.draining:
            return False
        return time.monotonic() - self._began < (CROWDED_TURN_S if table.crowded else TURN_S)

    def _claim(self) -> Claimed | None:
        """Take the head of the routes."""
        station, hand = self._station, self._hand
        if not station.table.incarnation or station.table.draining:
            return None  # not registered, or going out: healing rings for what the permit was for
        hand.claim(self._name)
        claim = Claim(station.node, station.table.incarnation, hand.name, hand.next_op(), self._wants, self._permit)
        self._permit = None
        reply = station.patiently(lambda: station.store.run(claim))
        match reply:
            case Took(claimed, rings):
                station.publisher.publish(rings)
                return claimed
            case Nothing(rings):
                station.publisher.publish(rings)
                return None
            case Stale() | Gone():
                return None
        assert_never(reply)

    def _attempt(self, claimed: Claimed) -> Claimed | None:
        """Run an attempt, report it, and return the next."""
        station, hand = self._station, self._hand
        ending = run_attempt(station, hand, claimed, self._queue)
        self._left -= 1
        go_on = self._may_go_on()
        finish = Finish(
            station.node,
            station.table.incarnation,
            hand.name,
            hand.next_op(),
            claimed.ref,
            ending.outcome,
            ending.payload,
            ending.delay_ms,
            wants=self._wants if go_on else (),
            leave=() if go_on else self._wants,
        )
        reply = station.patiently(lambda: station.store.run(finish))
        match reply:
            case Done(following, rings, todo):
                station.publisher.publish(rings)
                if todo:
                    carry_on(station, AttemptRef.parse(claimed.ref).run)
                return following
            case Stale(state):
                logger.warning("attempt %s was no longer this worker's (job state %d): dropped", claimed.ref, state)
                hand.renew()
                return self._claim() if go_on else None
            case Missing():
                return self._claim() if go_on else None
            case Gone():
                logger.warning("attempt %s was given up while this worker did not answer: dropped", claimed.ref)
                return None
        assert_never(reply)


def carry_on(station: Station, run: str) -> None:
    """Do what a run's other scripts left over, slice by slice."""
    while True:
        reply = station.patiently(lambda: station.store.run(Advance(run)))
        match reply:
            case Advanced(more, rings):
                station.publisher.publish(rings)
                if not more:
                    return
            case Missing():
                return
            case _:
                assert_never(reply)
