"""Schedules and triggers by hand: put into a machine's store, and worked by a scheduler's own code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from orchestrator.model.ids import new_run_id
from orchestrator.model.starts import PastOccasion
from orchestrator.plan.plan import Plan
from orchestrator.scheduler.duties import Tools
from orchestrator.scheduler.process import standard_duties
from orchestrator.scheduling.records import schedule_record, trigger_record
from orchestrator.starters.schedule import Schedule
from orchestrator.starters.trigger import Trigger
from orchestrator.state.layouts.change_ops import Op, Starter, pack, put_starter, put_waiting, watch
from orchestrator.state.reads import starters
from orchestrator.state.reads.starters import StarterRecord
from orchestrator.state.store import Store
from orchestrator.state.transitions.base import Transition
from orchestrator.state.transitions.definitions import Applied, Apply
from orchestrator.state.transitions.events import Deliver, Offer
from orchestrator.state.transitions.starters import StartPlanned, StartWaiting
from orchestrator.state.transitions.values import Permits
from orchestrator.timing.calendars import Calendar
from support.machine import NORMAL, SET_CLOCK, Machine, plan_of

MINUTE = 60_000
PLAN = plan_of(1, workflow="w")


class Interrupted(Store):
    """A store in which something may come between what a scheduler has read and what it writes."""

    between: Callable[[], Any] | None = None
    """Called before the next writes."""
    cut = False
    """The reply to the next writes is cut, and they are sent again."""

    def __init__(self, client: Any, namespace: str) -> None:
        super().__init__(client, namespace, SET_CLOCK)
        # Its scheduler dies without a word: it is to have no connections of its own that somebody must close.
        self._wire, self._send = None, client.execute_command

    def run_all(self, transitions: Sequence[Transition[Any]]) -> list[Any]:
        """See `Store.run_all`."""
        between, self.between = self.between, None
        if between:
            between()
        replies = super().run_all(transitions)
        if self.cut and transitions:
            self.cut = False
            return super().run_all(transitions)
        return replies


class Starters:
    """What starts runs in a machine, under the machine's clock."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.store = machine.store
        self.keys = machine.keys
        self.permits: list[Permits] = []
        self._timers = standard_duties(3600)[0]
        self._worker = Interrupted(machine.client, self.store.namespace)

    def apply(self, ops: Sequence[Op], *, expected: int = -1, revision: bytes = b"") -> Any:
        """Change definitions."""
        return self.machine.do(Apply(expected, pack(ops), revision))

    def put(self, starter: Starter, generation: str = "") -> str:
        """Put a starter."""
        assert isinstance(self.apply([put_starter(starter, generation)]), Applied)
        return starter.id

    def schedule(
        self,
        plan: Plan,
        schedule: Schedule,
        *,
        after: int | None = None,
        calendars: Mapping[str, Calendar] | None = None,
    ) -> str:
        """Store a plan and a schedule of it; its first run is planned after now, or after a moment."""
        self.store.put_plan(plan)
        after = self.machine.now if after is None else after
        return self.put(schedule_record(plan.workflow, schedule, calendars or {}, after))

    def trigger(self, plan: Plan, trigger: Trigger) -> str:
        """Store a plan and a trigger of it."""
        self.store.put_plan(plan)
        watched = [watch(name) for name in trigger.run.workflow] if trigger.run else []
        record = trigger_record(plan.workflow, trigger, token=f"token-{trigger.name}")
        assert isinstance(self.apply([*watched, put_starter(record)]), Applied)
        return record.id

    def deliver(self, delivery: str, topic: str, body: bytes = b"{}") -> Any:
        """Deliver an event."""
        return self.machine.do(Deliver(delivery, topic, "test", body))

    def starter(self, **fields: Any) -> str:
        """Put a starter by its record: a schedule `w/s` of one job, planned for the next minute, or as told."""
        self.store.put_plan(PLAN)
        at = self.machine.now + MINUTE
        own: dict[str, Any] = {
            "id": "w/s",
            "kind": "schedule",
            "workflow": "w",
            "spec": b"{}",
            "enabled": True,
            "next": at,
            "due": at,
        }
        return self.put(Starter(**(own | fields)))

    def backfill(self, base: str, times: Sequence[int], **fields: Any) -> str:
        """Let planned times of a schedule run again."""
        known: dict[str, Any] = {"spec": b"{}", "log": base, "overlap": "queue_all", "limit": 1}
        made = Starter(f"{base}~1", "backfill", "w", enabled=True, **(known | fields))
        assert isinstance(self.apply([put_waiting(made.id, times), put_starter(made, "0")]), Applied)
        return made.id

    def start(self, own: str = "w/s", run: str | None = None, **fields: Any) -> Any:
        """Start the planned time that is next, and plan the one a minute later."""
        record = self.record(own)
        following = (record.next or 0) + MINUTE
        given: dict[str, Any] = {
            "generation": record.generation,
            "planned": str(record.next or 0),
            "next": str(following),
            "due": following,
            "run_id": run or new_run_id(),
            "plan": PLAN.digest,
            "params": b"{}",
            "priority": NORMAL,
            "facts": b"{}",
        }
        return self.machine.do(StartPlanned(id=own, **(given | fields)))

    def start_waiting(self, own: str = "w/s", count: int = 1, **fields: Any) -> Any:
        """Start what waits longest."""
        given: dict[str, Any] = {
            "generation": self.record(own).generation,
            "occasion": (self.waiting(own) or ["none"])[0],
            "run_id": new_run_id(),
            "plan": PLAN.digest,
            "params": b"{}",
            "priority": NORMAL,
            "facts": b"{}",
        }
        return self.machine.do(StartWaiting(id=own, count=count, **(given | fields)))

    def offer(self, delivery: str, own: str = "w/t", name: str = "e", why: str = "") -> Any:
        """Deliver something, and offer it to a trigger."""
        self.deliver(delivery, f"event:{name}")
        self.store.pipeline([("ZREM", self.keys.timers, f"delivery/{delivery}")])
        return self.machine.do(Offer(own, self.record(own).generation, delivery, name, why))

    def outcome(self, delivery: str, own: str = "w/t") -> str | None:
        """Return what became of a delivery at a trigger."""
        (found,) = self.store.read(starters.deliveries(self.keys, [delivery]))
        return found.outcomes.get(own)

    def work(self) -> None:
        """Do what a scheduler does with due timers, until none is due."""
        tools = Tools(self._worker, self.permits.extend)
        for _ in range(1000):
            if self._timers.step(tools) > 0:
                return
        raise AssertionError("the timers never come to an end")

    def interrupt(self, between: Callable[[], Any]) -> None:
        """Let something happen between what a scheduler reads and what it writes next."""
        self._worker.between = between

    def run_clock(self, ms: int, step: int = 1000) -> None:
        """Let time pass in steps, with a scheduler at work."""
        for _ in range(ms // step):
            self.machine.wait(step)
            self.work()

    def record(self, starter: str) -> StarterRecord:
        """Read a starter."""
        found = self.store.read(starters.one(self.keys, starter))
        assert found is not None, f"no starter {starter}"
        return found

    def past(self, starter: str) -> list[PastOccasion]:
        """Read what became of its occasions."""
        return self.store.read(starters.past(self.keys, starter))

    def runs(self, starter: str) -> list[str]:
        """Name its runs, in the order of their planned times."""
        return [each.run for each in self.past(starter) if each.run]

    def waiting(self, starter: str) -> list[str]:
        """Read what waits."""
        return self.store.read(starters.waiting(self.keys, starter, 10_000))

    def finish(self, run: str | None = None) -> None:
        """Let a node take what is ready and succeed, of one run or of all."""
        slot = self.machine.node("finisher").slot()
        slot.claim()
        while slot.claimed:
            slot.finish(go_on=True)
