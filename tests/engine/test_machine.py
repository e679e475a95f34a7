"""The state machine against its oracle: random plans, nodes, wrong and repeated calls, deaths, and jumps of the clock.

After each step the stored state must be the oracle's, every move one that the tables give to the script that made it,
and the checker must find nothing. `HYPOTHESIS_PROFILE=long` goes on for minutes, and shrinks
what it finds.
"""

from __future__ import annotations

import os
import uuid
from collections import Counter
from typing import Any

import hypothesis.strategies as st
import redis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from orchestrator.model.states import JOB_MOVES, RUN_MOVES, JobState, RunState
from orchestrator.plan.plan import Plan
from orchestrator.state import reads
from orchestrator.state.transitions.attempts import Done, Settle, Took
from orchestrator.state.transitions.nodes import Beaten
from orchestrator.state.transitions.replies import Missing
from orchestrator.state.transitions.runs import Advance, Advanced, Cancel, Forget, Forgotten, Marked
from orchestrator.state.transitions.values import SOME, Held
from support.checker import check
from support.machine import START_MS, Machine, Node, Slot, plan_of
from support.oracle import Oracle

NODES = {"all": (0, 1, 2, 3), "some": (0, 2), "low": (3,)}
OUTCOMES = ["ok"] * 6 + ["failed", "retry", "timed_out", "skipped", "cancelled", "unknown", "returned", "lost"]
NOWHERE = "0" * 20 + "/0@1"


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Draw a small plan."""
    total = draw(st.integers(1, 6))
    pairs = [(a, b) for b in range(total) for a in range(b)]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=9)) if pairs else []
    return plan_of(
        total,
        edges,
        classes=draw(st.dictionaries(st.integers(0, total - 1), st.integers(0, 3), max_size=3)),
        numbers=draw(st.dictionaries(st.integers(0, total - 1), st.sampled_from([1, 255]), max_size=2)),
        deadline_ms=draw(st.sampled_from([0, 0, 0, 40_000])),
    )


class Engine(RuleBasedStateMachine):
    """What may be done to a namespace, in any order."""

    url: str

    def __init__(self) -> None:
        super().__init__()
        self.client = redis.Redis.from_url(self.url)
        self.machine = Machine(self.client, f"m{uuid.uuid4().hex[:12]}")
        self.oracle = Oracle(START_MS)
        self.nodes: list[Node] = []  # older incarnations too
        self.replies: dict[int, Any] = {}  # the last reply to each slot
        self.last_transition = "-"
        self.orderly = True  # nothing has happened yet that loses a permit or a turn
        self.messages: Counter[int] = Counter()

    @initialize(plan=plans())
    def begin(self, plan: Plan) -> None:
        self.register("all")
        self.submit(plan, 2)

    # -- rules

    @rule(plan=plans(), priority=st.integers(0, 3))
    @precondition(lambda self: len(self.oracle.runs) < 6)
    def submit(self, plan: Plan, priority: int) -> None:
        run = self.machine.submit(plan, priority=priority, carry_on=False)
        self.oracle.create_run(run, plan, priority)
        self._after("create_run")

    @rule(name=st.sampled_from(sorted(NODES)))
    @precondition(lambda self: len(self.nodes) < 12)
    def register(self, name: str) -> None:
        self.orderly &= name not in self.oracle.nodes or not self.oracle.nodes[name].slots
        expected = self.oracle.register(name)
        self.nodes.append(self.machine.node(name, classes=NODES[name]))
        assert self.nodes[-1].incarnation == expected
        self._after("register")

    @rule(data=st.data(), by_permit=st.booleans())
    def claim(self, data: st.DataObject, by_permit: bool) -> None:
        slot = self._slot(data)
        served = [priority for priority in NODES[slot.node.name] if self.messages[priority]]
        permit = ("default", data.draw(st.sampled_from(served))) if by_permit and served else None
        if permit:
            self.messages[permit[1]] -= 1
        self._claim(slot, permit)

    @rule(
        data=st.data(), outcome=st.sampled_from(OUTCOMES), delay=st.sampled_from([0, 500, 70_000]), go_on=st.booleans()
    )
    def finish(self, data: st.DataObject, outcome: str, delay: int, go_on: bool) -> None:
        slot = self._slot(data, holding=True)
        if slot.ref is None:
            return
        self._finish(slot, slot.ref, outcome, delay, go_on)

    @rule(data=st.data(), times=st.integers(1, 8))
    def work(self, data: st.DataObject, times: int) -> None:
        """Get on with it: slots take what there is, and end it, some badly."""
        for _ in range(times):
            slot = self._slot(data)
            if slot.ref and self._is_open(slot.node):
                self._finish(slot, slot.ref, data.draw(st.sampled_from(OUTCOMES)), 0, data.draw(st.booleans()))
            else:
                self._claim(slot, None)

    @rule(data=st.data(), outcome=st.sampled_from(["ok", "retry", "lost", "failed"]))
    def work_and_wait(self, data: st.DataObject, outcome: str) -> None:
        """End whatever is held in one way, let timers fire, and take again."""
        for _ in range(3):
            for slot in [slot for node in self.nodes if self._is_open(node) for slot in node.slots.values()]:
                if slot.ref:
                    self._finish(slot, slot.ref, outcome, 0, False)
                else:
                    self._claim(slot, None)
            self.wait(1000)
            self.fire()

    @rule(data=st.data(), outcome=st.sampled_from(OUTCOMES), late=st.integers(1, 2))
    def finish_late(self, data: st.DataObject, outcome: str, late: int) -> None:
        """Report under an operation number that was used before."""
        slot = self._slot(data, holding=True)
        if slot.ref is None:
            return
        op, claimed, last = slot.op, slot.claimed, slot.last
        slot.op, node = max(op - late, 0), slot.node
        expected = self.oracle.finish(node.name, node.incarnation, slot.name, slot.op + 1, slot.ref, outcome, 0, ())
        reply = slot.finish(outcome, b"1")
        slot.op, slot.claimed, slot.last = op, claimed, last
        assert type(reply).__name__.lower() == expected[0]
        self._after("finish")

    @rule(data=st.data(), outcome=st.sampled_from(OUTCOMES))
    def finish_anothers(self, data: st.DataObject, outcome: str) -> None:
        """Report an attempt that another slot holds, or nobody."""
        refs = [f"{run.id}/{index}@{job.attempt + more}" for run in self.oracle.runs.values()
                for index, job in enumerate(run.jobs) for more in (0, 1)]  # fmt: skip
        ref = data.draw(st.sampled_from(list(self.oracle.held()) or [NOWHERE]) | st.sampled_from([*refs, NOWHERE]))
        slot = self._slot(data)
        if slot.ref == ref:
            slot = slot.node.slot("h2" if slot.name == "h1" else "h1")
        claimed = slot.claimed
        self._finish(slot, ref, outcome, 0, False)
        slot.claimed = claimed

    @rule(data=st.data())
    def again(self, data: st.DataObject) -> None:
        """Send a slot's last call once more."""
        slot = self._slot(data)
        at = self.oracle.nodes.get(slot.node.name)
        known = at.slots.get(slot.name) if at and at.incarnation == slot.node.incarnation else None
        if slot.last is None or known is None or known.op != slot.op or id(slot) not in self.replies:
            return
        before = self.machine.snapshot()
        assert slot.again() == self.replies[id(slot)]
        assert self.machine.snapshot() == before

    @rule(data=st.data(), outcome=st.sampled_from(OUTCOMES[6:]), delay=st.sampled_from([0, 500]), right=st.booleans())
    def settle(self, data: st.DataObject, outcome: str, delay: int, right: bool) -> None:
        slot = self._slot(data, holding=right)
        ref = slot.ref or NOWHERE
        node = slot.node
        self.orderly = False
        expected = self.oracle.settle(node.name, node.incarnation, slot.name, ref, outcome, delay)
        reply = self.machine.do(Settle(node.name, node.incarnation, slot.name, ref, outcome, b'{"e":1}', delay))
        assert type(reply).__name__.lower() == expected
        if expected != "missing":
            slot.claimed = None
        self._after("settle")

    @rule(data=st.data(), silent=st.booleans(), between=st.booleans(), idle=st.integers(0, 2))
    def beat(self, data: st.DataObject, silent: bool, between: bool, idle: int) -> None:
        node = data.draw(st.sampled_from(self.nodes))
        held = tuple(Held(slot.name, SOME if between else slot.ref) for slot in node.slots.values())
        if silent:
            held = held[1:]
            self.orderly = False
        self._beat(node, held, idle)

    @rule(ms=st.sampled_from([1, 1000, 2500, 10_000, 31_000, 61_000, 130_000]))
    def wait(self, ms: int) -> None:
        self.machine.wait(ms)
        self.oracle.now += ms

    @rule(ticks=st.sampled_from([1, 1, 12]), silent=st.sampled_from([None, *NODES]))
    def reap(self, ticks: int, silent: str | None) -> None:
        """Let the reaper tick, while all nodes beat but one."""
        for _ in range(ticks):
            self.machine.wait(1000)
            self.oracle.now += 1000
            for node in self.nodes:
                if self._is_open(node) and node.name != silent:
                    self._beat(node, tuple(Held(slot.name, slot.ref) for slot in node.slots.values()), 0)
            expected = self.oracle.reap()
            self.orderly &= expected == 0
            assert self.machine.reap() == expected
            self._after("reap")

    @rule()
    def fire(self) -> None:
        expected = self.oracle.fire()
        assert self.machine.fire() == expected
        self._after("fire")

    @rule(data=st.data())
    @precondition(lambda self: len(self.oracle.runs) > 1)
    def cancel(self, data: st.DataObject) -> None:
        run = self._run(data)
        expected = self.oracle.cancel(run)
        assert isinstance(self.machine.do(Cancel(run, "a", "b")), Marked) == (expected == "marked")
        self._after("cancel")

    @rule(data=st.data())
    @precondition(lambda self: self.oracle.runs)
    def advance(self, data: st.DataObject) -> None:
        run = self._run(data)
        self.oracle.advance(run)
        assert self.machine.do(Advance(run)) == Advanced(more=False, permits=())
        self._after("advance")

    @rule(data=st.data())
    @precondition(lambda self: self.oracle.runs)
    def forget(self, data: st.DataObject) -> None:
        run = self._run(data)
        expected = self.oracle.forget(run)
        assert isinstance(self.machine.do(Forget(run)), Forgotten) == (expected == "forgotten")
        assert (not list(self.client.scan_iter(match=f"*{run}*", count=1000))) == (expected == "forgotten")
        self._after("forget")

    @rule(data=st.data())
    @precondition(lambda self: len(self.oracle.nodes) > 1)
    def leave(self, data: st.DataObject) -> None:
        node = data.draw(st.sampled_from(self.nodes))
        self.orderly = False
        self.oracle.leave(node.name, node.incarnation)
        node.leave()
        self._after("leave")

    # -- after each step

    @invariant()
    def the_store_is_as_it_should_be(self) -> None:
        for run in self.oracle.runs.values():
            assert self.machine.state(run.id) is run.state, run
            for job, expected in zip(self.machine.jobs(run.id), run.jobs, strict=True):
                ending = run.state in (RunState.cancelled, RunState.timed_out) and expected.state is JobState.waiting
                state = JobState.cancelled if ending else expected.state
                found = job.state, job.attempt, job.retries, job.losses
                assert found == (state, expected.attempt, expected.retries, expected.losses), (run, job)
        assert self.machine.ready() == [ref for _, ref, _ in self.oracle.ready("default")]
        held = Counter(ref for node in self.machine.store.read(reads.nodes(self.machine.keys)) for ref in node.held)
        assert held == Counter(self.oracle.held())
        assert not check(self.machine.store)

    @invariant()
    def what_is_ready_has_a_permit_or_a_turn(self) -> None:
        if not self.orderly or sum(self.messages.values()):
            return
        turns = {priority for name, node in self.oracle.nodes.items() if any(slot.ref for slot in node.slots.values())
                 for priority in NODES[name]}  # fmt: skip
        for order, ref, _ in self.oracle.ready("default"):
            assert order[0] in turns, f"nobody will wake for {ref}"

    def teardown(self) -> None:
        """Whatever has happened, the runs come to their ends."""
        try:
            slot = self.machine.node("last").slot()
            self.machine.reap_at_last()
            for _ in range(200):
                if all(self.machine.state(run).final for run in self.oracle.runs):
                    break
                slot.node = self.machine.node("last")
                slot.op = 0
                for run in self.oracle.runs:
                    self.machine.carry_on(run)
                slot.claim()
                slot.work()
                self.machine.wait(100_000)
                self.machine.reap_at_last()
                self.machine.fire()
            else:
                raise AssertionError("a run does not end")
            assert not check(self.machine.store)
        finally:
            keys = list(self.client.scan_iter(match=f"o:{{{self.machine.store.namespace}}}:*", count=1000))
            self.client.unlink(*keys)
            self.machine.store.close()

    def _beat(self, node: Node, held: tuple[Held, ...], idle: int) -> None:
        expected = self.oracle.beat(node.name, node.incarnation, held)
        reply = node.report(held, idle)
        assert (set(reply.kills) if isinstance(reply, Beaten) else None) == expected
        self._after("beat")

    def _claim(self, slot: Slot, permit: tuple[str, int] | None) -> None:
        node = slot.node
        expected = self.oracle.claim(node.name, node.incarnation, slot.name, slot.op + 1, node.subscriptions)
        self.orderly &= expected[0] != "gone" or permit is None
        self._answer(slot, slot.claim(permit=permit), expected, "claim")

    def _finish(self, slot: Slot, ref: str, outcome: str, delay: int, go_on: bool) -> None:
        node = slot.node
        subscriptions = node.subscriptions if go_on else ()
        expected = self.oracle.finish(
            node.name, node.incarnation, slot.name, slot.op + 1, ref, outcome, delay, subscriptions
        )
        reply = slot.finish(outcome, b'{"o":1}', delay, go_on=go_on, leave=not go_on, ref=ref)
        self._answer(slot, reply, expected, "finish")
        if not isinstance(reply, Done):
            self.orderly = False  # a turn that gives up; its node claims anew in real life

    def _answer(self, slot: Slot, reply: Any, expected: tuple[str, str | None], script: str) -> None:
        claimed = reply.claimed if isinstance(reply, Took | Done) else None
        assert (type(reply).__name__.lower(), claimed.ref if claimed else None) == expected
        self.replies[id(slot)] = reply
        if isinstance(reply, Missing):
            self.replies.pop(id(slot))  # nothing was kept of it
        self._after(script)

    def _after(self, script: str) -> None:
        """Check the transitions of a step, and take what it published."""
        for permits in self.machine.permits:
            self.messages[permits.priority] += permits.messages
        self.machine.permits = []
        for each in self.machine.store.read(reads.transitions(self.machine.keys, self.last_transition, 10_000)):
            self.last_transition = each.id
            if each.before is not None:
                moves: Any = RUN_MOVES if each.job is None else JOB_MOVES
                assert script in moves[each.before, each.after], f"{script}: {each}"

    def _slot(self, data: st.DataObject, *, holding: bool = False) -> Slot:
        """Draw a slot, seldom one of an older incarnation."""
        if not any(map(self._is_open, self.nodes)):
            self.register("all")
        everyone = [node.slot(name) for node in self.nodes for name in ("h1", "h2")]
        open_now = [slot for slot in everyone if self._is_open(slot.node)]
        if holding:
            open_now = [slot for slot in open_now if slot.ref] or open_now
        return data.draw(st.sampled_from(everyone if data.draw(st.integers(0, 9)) == 9 else open_now))

    def _is_open(self, node: Node) -> bool:
        at = self.oracle.nodes.get(node.name)
        return at is not None and at.incarnation == node.incarnation

    def _run(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(self.oracle.runs)))


LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"


def test_the_machine_does_what_its_oracle_does(redis_url: str) -> None:
    Engine.url = redis_url
    run_state_machine_as_test(
        Engine,
        settings=settings(
            max_examples=2000 if LONG else 60,
            stateful_step_count=80 if LONG else 40,
            deadline=None,
            database=None,
            derandomize=not LONG,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink] if LONG else [Phase.generate],
        ),
    )
