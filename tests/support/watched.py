"""Triggers whose sources a scheduler watches, by hand: polls are waited for, and threads ended."""

from __future__ import annotations

import json
from typing import Any

from orchestrator.scheduler.duties import Tools
from orchestrator.scheduler.duties.timers import Timers
from orchestrator.scheduler.process import standard_duties
from orchestrator.scheduler.sources.inbox import Inbox
from orchestrator.scheduler.sources.listeners import Listeners
from orchestrator.scheduler.sources.polls import place_of
from orchestrator.settings import Settings
from orchestrator.starters.trigger import Trigger
from orchestrator.state.reads import starters
from orchestrator.state.reads.starters import DeliveryRecord
from support.machine import Machine, plan_of
from support.starters import Starters


class Watched(Starters):
    """One scheduler's work with the triggers of a machine."""

    def __init__(self, machine: Machine, settings: Settings | None = None) -> None:
        super().__init__(machine)
        duties = standard_duties(3600, settings)
        timers, listeners = duties[0], duties[-1]
        assert isinstance(timers, Timers)
        assert isinstance(listeners, Listeners)
        self._timers = timers
        self.listeners = listeners
        self.settings = settings or Settings()
        self.tools = Tools(self.store, self.permits.extend)

    def put_trigger(self, **fields: Any) -> str:
        """Store a trigger of a workflow of one job; returns its id."""
        return self.trigger(plan_of(1, workflow="w"), Trigger(name="t", **fields))

    def look(self, wait_ms: int = 0) -> None:
        """Let time pass, and do all that is due, polls too."""
        self.machine.wait(wait_ms)
        self.work()
        self.listeners.polls.close()
        self.work()

    def inbox(self, own: str) -> Inbox:
        """Return where finds of the trigger go."""
        trigger = Trigger.read("t", json.loads(self.record(own).spec))
        return Inbox(self.store, own, trigger, place_of(trigger))

    def due_ms(self, own: str) -> int:
        """Return in how many ms the trigger's source is asked again."""
        return self.machine.timers()[f"poll/{own}"]

    def deliveries(self) -> list[DeliveryRecord]:
        """Read what has been delivered, the oldest first."""
        names = self.store.read(starters.latest_deliveries(self.keys, 100_000))
        return self.store.read(starters.deliveries(self.keys, names[::-1]))
