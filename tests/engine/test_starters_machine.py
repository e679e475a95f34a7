"""Schedules and triggers under two schedulers that work on the same at once, whatever comes between their steps.

Schedulers die with timers that they have taken and have their replies cut. Between what they read and what they write,
they meet edits, pauses, the ends of runs and each other. At the end every planned time has come to exactly one thing,
and so has every delivery.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import hypothesis.strategies as st
import redis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from orchestrator.model.ids import new_run_id
from orchestrator.model.states import RunState
from orchestrator.scheduler.duties import Tools
from orchestrator.scheduler.process import standard_duties
from orchestrator.scheduling.records import backfill_record, schedule_record, times_of, trigger_record
from orchestrator.starters.schedule import Schedule
from orchestrator.starters.trigger import Trigger
from orchestrator.state.layouts.change_ops import Op, drop_starter, pack, pause, put_starter, put_waiting, resume
from orchestrator.state.reads import starters
from orchestrator.state.reads.starters import StarterRecord
from orchestrator.state.transitions.definitions import Applied, Apply
from orchestrator.state.transitions.events import Deliver
from orchestrator.state.transitions.replies import Outdated
from orchestrator.state.transitions.runs import Forget
from orchestrator.state.transitions.starters import StartPlanned, StartWaiting
from orchestrator.timing.intervals import Every
from support.checker import check
from support.machine import Machine, plan_of
from support.starter_checker import check_starters
from support.starters import Interrupted

MINUTE = 60_000
PLAN = plan_of(1, workflow="w")
NAMES = ("a", "b")

schedules = st.builds(
    lambda every, overlap, misfire, grace, jitter, past: Schedule(
        Every(every), overlap=overlap, misfire=misfire, grace=grace, jitter=jitter, depends_on_past=past
    ),
    st.sampled_from(["1m", "5m"]),
    st.sampled_from(["allow", "skip", "queue_one", "queue_all"]),
    st.sampled_from(["skip", "run_once", "run_all"]),
    st.sampled_from([None, None, "10m"]),
    st.sampled_from([0, 0, "150s"]),
    st.booleans(),
) | st.builds(
    lambda every, misfire: Schedule(Every(every), overlap="cancel_old", misfire=misfire),
    st.sampled_from(["1m", "5m"]),
    st.sampled_from(["skip", "run_once", "run_all"]),
)
policies = st.fixed_dictionaries(
    {"overlap": st.sampled_from(["skip", "queue_one", "queue_all", "cancel_old"]), "limit": st.integers(1, 2)}
) | st.just({"overlap": "allow"})
gathering = st.sampled_from([{}, {}, {"debounce": "30s"}, {"batch": {"size": 2, "within": "1m"}}])
triggers = st.builds(lambda policy, gather: Trigger(event="e", **policy, **gather), policies, gathering)


class Died(Exception):
    """The scheduler is gone between two steps."""


@dataclass
class Plans:
    """What a schedule was planned for, as its editors have seen it."""

    schedule: Schedule
    since: int | None
    """Planned times after this are not in `times` yet; None while it is paused."""
    times: list[int] = field(default_factory=list)

    def close(self, own: str, until: int | None) -> None:
        """Take in the planned times before `until`, which is next."""
        if self.since is not None:
            times, at = times_of("w", replace_name(self.schedule, own), {}), self.since
            while (following := times.next(at)) is not None and until is not None and following < until:
                self.times.append(following)
                at = following
        self.since = None


def replace_name(schedule: Schedule, own: str) -> Schedule:
    """Return the schedule under the name of a starter."""
    return Schedule.read(own.partition("/")[2], schedule.document())


class Starting(RuleBasedStateMachine):
    """What may happen to schedules and triggers, in any order."""

    url: str

    def __init__(self) -> None:
        super().__init__()
        self.client: Any = redis.Redis.from_url(self.url)
        ns = f"m{uuid.uuid4().hex[:12]}"
        self.machine = Machine(self.client, ns)
        self.store, self.keys = self.machine.store, self.machine.keys
        self.schedulers = [self._scheduler(ns) for _ in range(2)]
        self.plans: dict[str, Plans] = {}
        self.deliveries: list[str] = []
        self.backfills = 0
        self.lived: dict[str, int] = {}
        """How many runs of each lived after the step before."""

    def _scheduler(self, ns: str) -> tuple[Tools, Any]:
        store = Interrupted(self.client, ns)
        return Tools(store, lambda _permits: None), standard_duties(3600)[0]

    @initialize(first=schedules, second=schedules, trigger=triggers)
    def begin(self, first: Schedule, second: Schedule, trigger: Trigger) -> None:
        self.store.put_plan(PLAN)
        for name, schedule in zip(NAMES, (first, second), strict=True):
            self.edit(name, schedule)
        self.edit_trigger(trigger)

    # -- rules

    @rule(ms=st.sampled_from([1_000, 20_000, MINUTE, 3 * MINUTE]))
    def wait(self, ms: int) -> None:
        self.machine.wait(ms)

    @rule(ms=st.sampled_from([30 * MINUTE, 120 * MINUTE]))
    def outage(self, ms: int) -> None:
        if len(self.plans["w/a"].times) < 300:
            self.machine.wait(ms)

    @rule(
        who=st.integers(0, 1),
        between=st.sampled_from([None, "other", "finish", "edit", "pause", "wait", "die", "trigger", "drop"]),
        cut=st.booleans(),
        data=st.data(),
    )
    def work(self, who: int, between: str | None, cut: bool, data: st.DataObject) -> None:
        """Let a scheduler take a step, in the midst of which something else happens."""
        tools, timers = self.schedulers[who]
        store: Any = tools.store
        happens: dict[str | None, Callable[[], Any]] = {
            "other": lambda: self.step(1 - who),
            "finish": lambda: self.finish(1, "ok"),
            "edit": lambda: self.edit("a", data.draw(schedules)),
            "pause": lambda: self.pause("a"),
            "wait": lambda: self.machine.wait(MINUTE),
            "die": self._die,
            "trigger": lambda: self.edit_trigger(data.draw(triggers)),
            "drop": lambda: self.drop("b", data.draw(schedules)),
        }
        store.between, store.cut = happens.get(between), cut
        try:
            timers.step(tools)
        except Died:
            self.schedulers[who] = self._scheduler(self.store.namespace)
        finally:
            store.between, store.cut = None, False

    @rule(who=st.integers(0, 1))
    def step(self, who: int) -> None:
        """Let a scheduler work off what is due."""
        tools, timers = self.schedulers[who]
        for _ in range(200):
            if timers.step(tools) > 0:
                return
        raise AssertionError("the timers never come to an end")

    @rule(times=st.integers(1, 3), outcome=st.sampled_from(["ok", "ok", "failed"]))
    def finish(self, times: int, outcome: str) -> None:
        slot = self.machine.node().slot()
        for _ in range(times):
            slot.claim()
            if slot.claimed:
                slot.finish(outcome)
        for run in self._todos():
            self.machine.carry_on(run)

    @rule(name=st.sampled_from(NAMES), schedule=schedules)
    def edit(self, name: str, schedule: Schedule) -> None:
        """Change a schedule, as whoever has seen it does; the time that is due stays planned if it can."""
        own = f"w/{name}"
        record, now = self._record(own), self.machine.now
        plans = self.plans.setdefault(own, Plans(schedule, None))
        pending = record.next if record and record.next is not None and record.next <= now else None
        after = now if pending is None else pending - 1
        made = schedule_record("w", replace_name(schedule, own), {}, after)
        assert isinstance(self._apply([put_starter(made, record.seen if record else "0")]), Applied)
        if pending is not None and (made.next is None or made.next > pending):
            plans.times.append(pending)  # it is told that it was passed over
        plans.close(own, record.next if record else None)
        plans.schedule = schedule
        plans.since = None if record and record.paused_ms else after

    @rule(name=st.sampled_from(NAMES))
    def pause(self, name: str) -> None:
        own = f"w/{name}"
        record = self._record(own)
        assert record is not None
        assert isinstance(self._apply([pause(own, record.seen)]), Applied)
        self.plans[own].close(own, record.next)

    @rule(name=st.sampled_from(NAMES), catch_up=st.booleans())
    def resume(self, name: str, catch_up: bool) -> None:
        own = f"w/{name}"
        record = self._record(own)
        assert record is not None
        if record.paused_ms is None:
            return
        times, after = times_of("w", replace_name(self.plans[own].schedule, own), {}), self.machine.now
        if catch_up and record.held is not None and after - record.held < 30 * MINUTE:
            after = min(after, record.held - 1)
        following = times.next(after)
        due = None if following is None else times.due(following)
        assert isinstance(self._apply([resume(own, record.seen, following, due)]), Applied)
        self.plans[own].since = after

    @rule(name=st.sampled_from(NAMES), schedule=schedules)
    def drop(self, name: str, schedule: Schedule) -> None:
        """Delete a schedule with its backfills, and make another of its name."""
        own = f"w/{name}"
        backfills = [each for each in self.store.read(starters.ids(self.keys, "backfill")) if each.startswith(own)]
        assert isinstance(self._apply([drop_starter(each) for each in (own, *backfills)]), Applied)
        del self.plans[own]
        self.edit(name, schedule)

    @rule(trigger=triggers)
    def edit_trigger(self, trigger: Trigger) -> None:
        made = trigger_record("w", Trigger.read("t", trigger.document()))
        assert isinstance(self._apply([put_starter(made)]), Applied)

    @rule()
    def emit(self) -> None:
        self.deliveries.append(f"e{len(self.deliveries)}")
        self.machine.do(Deliver(self.deliveries[-1], "event:e", "test", b"{}"))

    @rule(name=st.sampled_from(NAMES), parallel=st.integers(1, 2))
    def backfill(self, name: str, parallel: int) -> None:
        """Let the last few planned times of a schedule run again."""
        own = f"w/{name}"
        base = self._record(own)
        known = [each.occasion for each in self.store.read(starters.past(self.keys, own)) if each.word != "missed"][-3:]
        if base is None or not known:
            return
        self.backfills += 1
        made = backfill_record(base, replace_name(self.plans[own].schedule, own), self.backfills, parallel)
        assert isinstance(self._apply([put_waiting(made.id, known), put_starter(made, "0")]), Applied)

    @rule()
    def forget(self) -> None:
        for run in self.client.zrange(self.keys.ended, 0, 1):
            self.machine.do(Forget(run.decode()))

    @rule(data=st.data())
    def late(self, data: st.DataObject) -> None:
        """Send again what somebody thought of long ago."""
        own = data.draw(st.sampled_from([*self.plans, "w/t"]))
        record = self._record(own)
        assert record is not None
        generation = data.draw(st.integers(max(record.generation - 3, 0), record.generation))
        run, plan = new_run_id(), PLAN.digest
        planned = str((record.next or self.machine.now) - data.draw(st.sampled_from([0, MINUTE, 5 * MINUTE])))
        if generation == record.generation and planned == str(record.next):
            return
        before = self.machine.snapshot()
        reply: Any = self.machine.do(StartPlanned(own, generation, planned, "", 0, run, plan, b"{}", 2, b"{}"))
        assert isinstance(reply, Outdated)
        reply = self.machine.do(StartWaiting(own, record.generation - 1, planned, 1, run, plan, b"{}", 2, b"{}"))
        assert isinstance(reply, Outdated)
        assert self.machine.snapshot() == before

    # -- after each step

    @invariant()
    def all_tell_the_same(self) -> None:
        assert not check_starters(self.store)

    @invariant()
    def no_more_live_than_may(self) -> None:
        for own in [*self.plans, "w/t"]:
            record = self._record(own)
            if record is not None:
                (load,) = self.store.read(starters.loads(self.keys, [own]))
                # A limit that was lowered ends nothing.
                assert record.limit == 0 or load.living <= max(record.limit, self.lived.get(own, 0)), own
                self.lived[own] = load.living

    def teardown(self) -> None:
        """Whatever has happened, all comes to its end."""
        try:
            if self.plans:
                self._come_to_an_end()
        finally:
            keys = list(self.client.scan_iter(match=f"o:{{{self.store.namespace}}}:*", count=1000))
            self.client.unlink(*keys)
            self.store.close()
            self.client.close()

    def _come_to_an_end(self) -> None:
        self.machine.wait(10_000)  # every lease is over
        for name in NAMES:
            self.resume(name, False)
        for _ in range(3):
            self._drain()
            self.machine.wait(MINUTE)
        self._drain()
        for own in self.plans:
            self._open(own)
        for own, plans in self.plans.items():
            record = self._record(own)
            assert record is not None
            assert record.next is None or record.due is None or record.due > self.machine.now
            assert not self.store.read(starters.waiting(self.keys, own, 10))
            plans.close(own, record.next)
            self._account(own, plans)
        found = self.store.read(starters.deliveries(self.keys, self.deliveries))
        assert len(found) == len(self.deliveries)
        for each in found:
            assert each.outcomes.get("w/t") not in (None, "waits"), each
        assert not check(self.store)

    def _drain(self) -> None:
        """Work and finish until nothing is left at this moment."""
        for turn in range(1000):
            self.step(turn % 2)
            if not self.client.zcard(self.keys.live):
                return
            self.finish(50, "ok")
        raise AssertionError("runs never come to an end")

    def _open(self, own: str) -> None:
        """Where a failed run keeps others from starting, a backfill of it lets them go on."""
        record = self._record(own)
        assert record is not None
        if record.last_end in (None, RunState.succeeded.value) or not record.enabled:
            return
        at = self.client.hget(self.keys.starter(own), "last_end_at")
        schedule = replace_name(self.plans[own].schedule, own)
        made = backfill_record(record, schedule, 1_000, 1)
        assert isinstance(self._apply([put_waiting(made.id, [at.decode()]), put_starter(made, "0")]), Applied)
        self._drain()

    def _account(self, own: str, plans: Plans) -> None:
        """Hold what became of planned times against those that there were."""
        outcomes: list[int] = []
        for each in self.store.read(starters.past(self.keys, own)):
            if each.word == "missed":
                count, first = map(int, each.detail.split())
                outcomes += [at for at in plans.times if first <= at <= each.at_ms]
                assert count >= 1
            else:
                outcomes.append(each.at_ms)
        lost, extra = sorted(set(plans.times) - set(outcomes)), sorted(set(outcomes) - set(plans.times))
        assert (lost, extra) == ([], []), own

    def _record(self, own: str) -> StarterRecord | None:
        return self.store.read(starters.one(self.keys, own))

    def _apply(self, ops: Sequence[Op]) -> Any:
        return self.machine.do(Apply(-1, pack(ops)))

    def _todos(self) -> list[str]:
        return [run.decode() for run in self.client.zrange(self.keys.todos, 0, -1)]

    def _die(self) -> None:
        raise Died


LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"


def test_each_planned_time_and_each_delivery_comes_to_one_thing(redis_url: str) -> None:
    Starting.url = redis_url
    run_state_machine_as_test(
        Starting,
        settings=settings(
            max_examples=1000 if LONG else 40,
            stateful_step_count=60 if LONG else 30,
            deadline=None,
            database=None,
            derandomize=not LONG,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink] if LONG else [Phase.generate],
        ),
    )
