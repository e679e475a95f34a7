"""The state machine by hand: plans of numbered jobs, runs, nodes and slots, under a clock that tests set."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from orchestrator.model.ids import AttemptRef, new_run_id
from orchestrator.model.run import JobRun, RunInfo, TransitionInfo
from orchestrator.model.states import JobState, RunState
from orchestrator.plan.plan import DEFAULT_RANK, INHERIT_PRIORITY, Plan, PlannedJob
from orchestrator.state import reads
from orchestrator.state.store import Store
from orchestrator.state.transitions.attempts import Claim, Done, Finish, Nothing, Settle, Settled, Stale, Took
from orchestrator.state.transitions.base import Transition
from orchestrator.state.transitions.nodes import Beat, Beaten, Leave, Reap, Register, Subscribe, Subscribed, Welcome
from orchestrator.state.transitions.replies import Gone, Missing
from orchestrator.state.transitions.runs import Advance, Advanced, Cancel, Created, CreateRun
from orchestrator.state.transitions.timers import Fire
from orchestrator.state.transitions.values import Claimed, Held, Permits, Subscription

R = TypeVar("R")

START_MS = 1_800_000_000_000
CRITICAL, HIGH, NORMAL, LOW = range(4)
ALL = (CRITICAL, HIGH, NORMAL, LOW)

SET_CLOCK = """\
-- clock: for tests: the time is what stands in a key
local clock = {}
function clock.begin() clock.now = tonumber(redis.call('GET', keys.prefix .. 'now')) end
function clock.keep() redis.call('HSET', keys.meta, 'clock', string.format('%.0f', clock.now)) end
"""


def plan_of(
    total: int,
    edges: Iterable[tuple[int, int]] = (),
    *,
    classes: Mapping[int, int] | None = None,
    numbers: Mapping[int, int] | None = None,
    inputs: Mapping[int, Sequence[int]] | None = None,
    routes: Mapping[int, str] | None = None,
    params: Iterable[int] = (),
    deadline_ms: int = 0,
    priority: int = NORMAL,
    workflow: str | None = None,
    task: str = "noop",
) -> Plan:
    """Make a plan of `total` jobs; an edge (a, b) makes b wait for a."""
    edges, params = sorted(edges), set(params)
    after: dict[int, list[int]] = {}
    before: dict[int, int] = {}
    for parent, child in edges:
        after.setdefault(parent, []).append(child)
        before[child] = before.get(child, 0) + 1
    names = tuple(dict.fromkeys((routes or {}).get(job, "default") for job in range(total)))
    jobs = tuple(
        PlannedJob(
            0,
            names.index((routes or {}).get(job, "default")),
            (classes or {}).get(job, INHERIT_PRIORITY),
            (numbers or {}).get(job, DEFAULT_RANK),
            before.get(job, 0),
            tuple((inputs or {}).get(job, ())),
            tuple(after.get(job, ())),
            job in params,
        )
        for job in range(total)
    )
    content = repr((jobs, names, deadline_ms, priority, workflow, *([task] if task != "noop" else [])))
    digest = hashlib.sha256(content.encode()).hexdigest()[:32]
    roots = tuple(job for job in range(total) if job not in before)
    spec = json.dumps({"task": task}, separators=(",", ":")).encode()
    return Plan(
        digest, workflow or f"w{digest[:8]}", b'{"name":"w"}', deadline_ms, priority,
        tuple(f"j{job}" for job in range(total)), (spec,), names, jobs, roots,
    )  # fmt: skip


def chain(length: int) -> Plan:
    """Make a plan in which each job waits for the one before it."""
    return plan_of(length, [(job, job + 1) for job in range(length - 1)])


def fan(width: int) -> Plan:
    """Make a plan 1 → width → 1."""
    middle = range(1, width + 1)
    return plan_of(width + 2, [(0, job) for job in middle] + [(job, width + 1) for job in middle])


DIAMOND = plan_of(4, [(0, 1), (0, 2), (1, 3), (2, 3)])


class Machine:
    """A store under a clock of its own, and short words for what tests do with it."""

    def __init__(self, client: Any, ns: str) -> None:
        self.store = Store(client, ns, clock=SET_CLOCK)
        self.client = client
        self.keys = self.store.keys
        self.now = START_MS
        self.permits: list[Permits] = []
        """What the last transition asked to be published."""
        self.wait(0)

    def wait(self, ms: int) -> None:
        """Let time pass (or go back)."""
        self.now += ms
        self.client.set(f"{self.keys.prefix}now", self.now)

    def do(self, transition: Transition[R]) -> R:
        """Make a transition."""
        reply = self.store.run(transition)
        self.permits = list(getattr(reply, "permits", ()))
        return reply

    # -- runs

    def submit(self, plan: Plan, *, priority: int = NORMAL, params: bytes = b"{}", carry_on: bool = True) -> str:
        """Store a plan and create a run of it, with all its todo done unless told otherwise."""
        self.store.put_plan(plan)
        run = new_run_id()
        created = self.do(CreateRun(run, plan.digest, params, priority))
        assert isinstance(created, Created), created
        if carry_on:
            self.carry_on(run)
        return run

    def carry_on(self, run: str) -> int:
        """Advance a run until nothing is left over; return how many slices that took."""
        permits, slices = self.permits, 0
        while True:
            slices += 1
            done = self.do(Advance(run))
            permits += self.permits
            if not isinstance(done, Advanced) or not done.more:
                self.permits = permits
                return slices

    def cancel(self, run: str, *, carry_on: bool = True) -> None:
        """Cancel a run."""
        self.do(Cancel(run, "someone", "because"))
        if carry_on:
            self.carry_on(run)

    def fire(self) -> int:
        """Apply the due timers."""
        return self.do(Fire()).count

    def reap(self, server: str = "server", broker: str = "") -> int:
        """Close nodes past their lease; return how many attempts were lost."""
        return self.do(Reap(server, broker)).lost

    def reap_at_last(self) -> int:
        """Let all leases run out under a reaper that ticks each second; return how many attempts were lost."""
        lost = self.reap()
        for _ in range(11):
            if not lost:
                self.wait(1000)
                lost = self.reap()
        return lost

    def info(self, run: str) -> RunInfo:
        """Read a run."""
        info = self.store.read(reads.run(self.keys, run))
        assert info is not None, f"no run {run}"
        return info

    def state(self, run: str) -> RunState:
        """Read a run's state."""
        return self.info(run).state

    def jobs(self, run: str) -> list[JobRun]:
        """Read a run's job runs."""
        return self.store.read(reads.jobs(self.keys, run))

    def states(self, run: str) -> list[str]:
        """Read the names of a run's job states, in the order of the plan."""
        return [job.state.name for job in self.jobs(run)]

    def transitions(self, run: str | None = None) -> list[TransitionInfo]:
        """Read the whole stream of transitions, or one run's part of it."""
        found: list[TransitionInfo] = []
        after = "-"
        while part := self.store.read(reads.transitions(self.keys, after)):
            found += part
            after = part[-1].id
        return [each for each in found if run in (None, each.run)]

    def ready(self, route: str = "default") -> list[str]:
        """Read what waits on a route, the most urgent first."""
        return [member.decode()[14:] for member in self.client.zrange(self.keys.ready(route), 0, -1)]

    def timers(self) -> dict[str, int]:
        """Read the timers and when they are due, from now."""
        return {
            name.decode(): int(due) - self.now
            for name, due in self.client.zrange(self.keys.timers, 0, -1, withscores=True)
        }

    def snapshot(self) -> dict[str, Any]:
        """Read everything in the namespace, to tell whether something has changed."""
        found: dict[str, Any] = {}
        for key in sorted(self.client.scan_iter(match=f"{_glob(self.keys.prefix)}*", count=1000)):
            kind = self.client.type(key)
            if kind == b"hash":
                found[key] = self.client.hgetall(key)
            elif kind == b"zset":
                found[key] = self.client.zrange(key, 0, -1, withscores=True)
            elif kind == b"list":
                found[key] = self.client.lrange(key, 0, -1)
            elif kind == b"set":
                found[key] = self.client.smembers(key)
            elif kind == b"stream":
                found[key] = self.client.xlen(key)
            else:
                found[key] = self.client.get(key)
        return found

    # -- nodes

    def node(
        self,
        name: str = "n1",
        *,
        classes: Sequence[int] = ALL,
        route: str = "default",
        slots: int = 2,
        broker: str = "",
    ) -> Node:
        """Register a node."""
        return Node(self, name, (Subscription(route, tuple(classes)),), slots, broker)


class Node:
    """A registered node."""

    def __init__(
        self, machine: Machine, name: str, subscriptions: tuple[Subscription, ...], slots: int, broker: str
    ) -> None:
        self.machine = machine
        self.name = name
        self.subscriptions = subscriptions
        self.slots = slots
        if machine.client.hexists(machine.keys.node(name), "incarnation"):
            machine.client.hset(machine.keys.node(name), "beaten", 0)  # whoever has the name has been silent for long
        self.beats = 0
        welcome = machine.do(Register(name, subscriptions, slots, broker=broker))
        assert isinstance(welcome, Welcome), welcome
        self.incarnation = welcome.incarnation
        self.slots: dict[str, Slot] = {}

    def slot(self, name: str = "h1") -> Slot:
        """Return a slot of this node, by name."""
        return self.slots.setdefault(name, Slot(self, name))

    def beat(self, idle: int = 0, *, without: Iterable[str] = ()) -> Beaten | Gone:
        """Beat for all slots but some."""
        silent = set(without)
        held = tuple(Held(slot.name, slot.ref) for slot in self.slots.values() if slot.name not in silent)
        return self.report(held, idle)

    def report(self, held: tuple[Held, ...], idle: int = 0, *, draining: bool = False) -> Beaten | Gone:
        """Beat with these slots."""
        self.beats += 1
        return self.machine.do(Beat(self.name, self.incarnation, self.beats, idle, int(draining), held))

    def subscribe(self, *subscriptions: Subscription) -> Subscribed | Gone:
        """Take from other queues than before."""
        return self.machine.do(Subscribe(self.name, self.incarnation, subscriptions))

    def leave(self) -> None:
        """Go out in good order."""
        self.machine.do(Leave(self.name, self.incarnation))


class Slot:
    """A slot of a node: it counts its operations and knows what it holds."""

    def __init__(self, node: Node, name: str) -> None:
        self.node = node
        self.name = name
        self.op = 0
        self.claimed: Claimed | None = None
        self.last: Transition[Any] | None = None

    @property
    def ref(self) -> str | None:
        """The attempt that it holds."""
        return self.claimed.ref if self.claimed else None

    def claim(self, *, permit: tuple[str, int] | None = None) -> Took | Nothing | Stale | Gone:
        """Take the head of the node's routes."""
        self.op += 1
        claim = Claim(self.node.name, self.node.incarnation, self.name, self.op, self.node.subscriptions, permit)
        self.last = claim
        reply = self.node.machine.do(claim)
        self.claimed = reply.claimed if isinstance(reply, Took) else None
        return reply

    def take(self) -> str:
        """Claim, and expect an attempt."""
        reply = self.claim()
        assert isinstance(reply, Took), reply
        return reply.claimed.ref

    def finish(
        self,
        outcome: str = "ok",
        payload: bytes = b"",
        delay_ms: int = 0,
        *,
        go_on: bool = False,
        leave: bool = False,
        ref: str | None = None,
    ) -> Done | Stale | Missing | Gone:
        """Report the end of the attempt that it holds, or of another."""
        self.op += 1
        node = self.node
        finish = Finish(
            node.name, node.incarnation, self.name, self.op, ref or self.ref or "", outcome, payload, delay_ms,
            node.subscriptions if go_on else (), node.subscriptions if leave else (),
        )  # fmt: skip
        self.last = finish
        reply = node.machine.do(finish)
        self.claimed = reply.claimed if isinstance(reply, Done) else None
        return reply

    def settle(
        self, outcome: str = "failed", payload: bytes = b"", delay_ms: int = 0, *, ref: str | None = None
    ) -> Any:
        """Have the node report the end of what this slot holds, or of another attempt."""
        node = self.node
        settle = Settle(node.name, node.incarnation, self.name, ref or self.ref or "", outcome, payload, delay_ms)
        reply = node.machine.do(settle)
        if isinstance(reply, Settled):
            self.claimed = None
        return reply

    def again(self) -> Any:
        """Send the last operation once more, as redis-py does when its reply was cut."""
        assert self.last is not None
        return self.node.machine.do(self.last)

    def work(self, run: str | None = None) -> int:
        """Take and finish with `ok` until nothing is ready; return how many attempts that were."""
        done = 0
        if self.claimed is None:
            self.claim()
        while self.claimed is not None:
            done += 1
            ran = AttemptRef.parse(self.claimed.ref).run
            reply = self.finish("ok", b"1", go_on=True)
            assert isinstance(reply, Done), reply
            if reply.todo:
                self.node.machine.carry_on(ran)
                if self.claimed is None:
                    self.claim()
        return done


def final(state: str) -> bool:
    """Tell whether a job state of this name is final."""
    return JobState[state].final


def _glob(text: str) -> str:
    return "".join(f"\\{char}" if char in "*?[]\\" else char for char in text)
