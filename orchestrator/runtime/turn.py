"""A turn: one slot takes the most urgent attempt of a route, runs it, reports it and is given the next, and so on.

Each report is answered with the next attempt, so a job costs one round trip to the store. The turn ends when nothing
is left for it, or after a second or a hundred attempts, so that plain tasks, the pool's limits and shutdown get their
turn; then it permits once for what is left. A turn may begin with a permit that came late, twice or for nothing: the
claim says what there is.
"""

from __future__ import annotations

import logging
import time
from typing import assert_never

from orchestrator.dispatch.topology import queue_name
from orchestrator.model.errors import Unavailable
from orchestrator.model.ids import AttemptRef
from orchestrator.runtime import outcomes
from orchestrator.runtime.attempt import run_attempt
from orchestrator.runtime.outcomes import Outcome
from orchestrator.runtime.resources import Resources
from orchestrator.runtime.slots import Slot
from orchestrator.state.transitions.attempts import Claim, Done, Finish, Nothing, Stale, Took
from orchestrator.state.transitions.replies import Gone, Missing
from orchestrator.state.transitions.runs import Advance, Advanced
from orchestrator.state.transitions.values import Claimed

logger = logging.getLogger(__name__)

TURN_S = 1.0
CROWDED_TURN_S = 0.1
"""How long a turn goes on while other messages wait at the node, plain tasks perhaps among them."""
TURN_ATTEMPTS = 100


class Turn:
    """One turn of one slot, opened by a permit for a route and class."""

    def __init__(self, resources: Resources, slot: Slot, name: str, route: str, priority: int) -> None:
        self._resources = resources
        self._slot = slot
        self._name = name
        self._permit: tuple[str, int] | None = (route, priority)
        self._queue = queue_name(resources.namespace, route, priority)
        self._subscriptions = resources.subscriptions_for(route)
        self._began = time.monotonic()
        self._left = min(TURN_ATTEMPTS, resources.turn_attempts)

    def run(self) -> None:
        """Take the turn."""
        claimed = self._claim()
        while claimed is not None:
            claimed = self._attempt(claimed)
        self._slot.rest()

    def _may_go_on(self) -> bool:
        table = self._resources.table
        if self._left <= 0 or table.draining:
            return False
        return time.monotonic() - self._began < (CROWDED_TURN_S if table.crowded else TURN_S)

    def _claim(self) -> Claimed | None:
        """Take the head of the routes."""
        resources, slot = self._resources, self._slot
        if not resources.table.incarnation or resources.table.draining:
            return None  # not registered, or going out: healing permits for what the permit was for
        slot.claim(self._name)
        claim = Claim(
            resources.node, resources.table.incarnation, slot.name, slot.next_op(), self._subscriptions, self._permit
        )
        self._permit = None
        reply = resources.patiently(lambda: resources.store.run(claim))
        match reply:
            case Took(claimed, permits):
                resources.publisher.publish(permits)
                return claimed
            case Nothing(permits):
                resources.publisher.publish(permits)
                return None
            case Stale() | Gone():
                return None
        assert_never(reply)

    def _attempt(self, claimed: Claimed) -> Claimed | None:
        """Run an attempt, report it, and return the next."""
        resources, slot = self._resources, self._slot
        outcome = run_attempt(resources, slot, claimed, self._queue)
        self._left -= 1
        go_on = self._may_go_on()
        try:
            reply = self._report(claimed, outcome, go_on)
        except Unavailable:
            raise
        except Exception as error:
            logger.exception("the end of attempt %s could not be stored", claimed.ref)
            reply = self._report(claimed, outcomes.hopeless(error), go_on)
        match reply:
            case Done(following, permits, todo):
                resources.publisher.publish(permits)
                if todo:
                    carry_on(resources, AttemptRef.parse(claimed.ref).run)
                return following
            case Stale(state):
                logger.warning("attempt %s was no longer this worker's (it is %s): dropped", claimed.ref, state)
                slot.renew()
                return self._claim() if go_on else None
            case Missing():
                return self._claim() if go_on else None
            case Gone():
                logger.warning("attempt %s was given up while this worker did not answer: dropped", claimed.ref)
                return None
        assert_never(reply)

    def _report(self, claimed: Claimed, outcome: Outcome, go_on: bool) -> Done | Stale | Missing | Gone:
        """Report the end of an attempt, and ask for the next if the turn goes on."""
        resources, slot = self._resources, self._slot
        finish = Finish(
            resources.node,
            resources.table.incarnation,
            slot.name,
            slot.next_op(),
            claimed.ref,
            outcome.kind,
            outcome.payload,
            outcome.delay_ms,
            subscriptions=self._subscriptions if go_on else (),
            leave=() if go_on else self._subscriptions,
        )
        return resources.patiently(lambda: resources.store.run(finish))


def carry_on(resources: Resources, run: str) -> None:
    """Do what a run's other scripts left over, slice by slice."""
    while True:
        reply = resources.patiently(lambda: resources.store.run(Advance(run)))
        match reply:
            case Advanced(more, permits):
                resources.publisher.publish(permits)
                if not more:
                    return
            case Missing():
                return
            case _:
                assert_never(reply)
