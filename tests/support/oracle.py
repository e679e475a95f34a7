"""The state machine once more, in plain Python: what each script should do to runs, job runs, nodes and slots.

It knows the rules, not the scripts: no keys, no slices (its plans are small), no messages.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from orchestrator.model.ids import AttemptRef
from orchestrator.model.states import FAILURE_STATES, JobState, RunState
from orchestrator.plan.plan import INHERIT_PRIORITY, Plan
from orchestrator.state.limits import LEASE_MS, LOST_BUDGET, OUTAGE_MS, OVERTAKINGS, PATIENCE_MS
from orchestrator.state.transitions.values import SOME, Held, Subscription

ENDS = {
    "ok": JobState.succeeded, "failed": JobState.failed, "timed_out": JobState.timed_out,
    "cancelled": JobState.cancelled, "skipped": JobState.skipped,
}  # fmt: skip


@dataclass
class Job:
    state: JobState = JobState.waiting
    attempt: int = 0
    retries: int = 0
    losses: int = 0
    queued: int = 0
    due: int | None = None
    """When its timer fires."""


@dataclass
class Run:
    id: str
    plan: Plan
    priority: int
    created: int
    deadline: int | None
    jobs: list[Job]
    parents: list[list[int]]
    state: RunState = RunState.queued
    requested_end: RunState | None = None
    todo: bool = False


@dataclass
class Slot:
    op: int
    ref: str | None
    done: bool
    """Whether its last operation was a finish."""


@dataclass
class Node:
    incarnation: int
    deadline: int
    slots: dict[str, Slot] = field(default_factory=dict)
    missed: dict[str, tuple[str, int]] = field(default_factory=dict)


class Oracle:
    """What should be in the store."""

    def __init__(self, now: int) -> None:
        self.now = now
        self.runs: dict[str, Run] = {}
        self.nodes: dict[str, Node] = {}
        self.incarnations = 0
        self.debt: dict[str, int] = {}
        self.tick: int | None = None

    # -- the scripts; each returns the tag of its reply, and what matters of the rest

    def create_run(self, run: str, plan: Plan, priority: int) -> None:
        parents: list[list[int]] = [[] for _ in plan.jobs]
        for index, job in enumerate(plan.jobs):
            for child in job.successors:
                parents[child].append(index)
        deadline = self.now + plan.deadline_ms if plan.deadline_ms else None
        self.runs[run] = made = Run(run, plan, priority, self.now, deadline, [Job() for _ in plan.jobs], parents)
        for root in plan.roots:
            self._queue(made.jobs[root])

    def register(self, node: str) -> int:
        if node in self.nodes:
            self._close(node)
        self.incarnations += 1
        self.nodes[node] = Node(self.incarnations, self.now + LEASE_MS)
        return self.incarnations

    def leave(self, node: str, incarnation: int) -> str:
        if not self._open(node, incarnation):
            return "gone"
        self._close(node, free=True)
        return "left"

    def claim(
        self, node: str, incarnation: int, slot: str, op: int, subscriptions: tuple[Subscription, ...]
    ) -> tuple[str, str | None]:
        if not (at := self._open(node, incarnation)):
            return "gone", None
        known = at.slots.get(slot, Slot(0, None, False))
        if op < known.op:
            return "stale", None
        if op > known.op:
            if known.ref:
                self._lose(known.ref)
            at.slots[slot] = known = Slot(op, self._take(subscriptions), False)
        elif known.done:
            return "again", known.ref  # a finish of that number: no client does that
        return ("took" if known.ref else "nothing"), known.ref

    def finish(
        self,
        node: str,
        incarnation: int,
        slot: str,
        op: int,
        ref: str,
        outcome: str,
        delay: int,
        subscriptions: tuple[Subscription, ...],
    ) -> tuple[str, str | None]:
        if not (at := self._open(node, incarnation)):
            return "gone", None
        known = at.slots.get(slot, Slot(0, None, False))
        if op == known.op and op:
            return ("done", known.ref) if known.done else ("stale", None)
        if self._run_of(ref) is None:
            return "missing", None
        if op < known.op or known.ref != ref:
            return "stale", None
        self._end(ref, outcome, delay)
        at.missed.pop(slot, None)
        at.slots[slot] = Slot(op, self._take(subscriptions) if subscriptions else None, True)
        return "done", at.slots[slot].ref

    def settle(self, node: str, incarnation: int, slot: str, ref: str, outcome: str, delay: int) -> str:
        if not (at := self._open(node, incarnation)):
            return "gone"
        known = at.slots.get(slot)
        if known is not None and known.ref not in (None, ref) and outcome in ("lost", "returned"):
            del at.slots[slot]
            at.missed.pop(slot, None)
            self._lose(known.ref, free=True)
            return "settled"
        if self._run_of(ref) is None:
            return "missing"
        if known is None or known.ref != ref:
            return "stale"
        del at.slots[slot]
        at.missed.pop(slot, None)
        self._end(ref, outcome, delay)
        return "settled"

    def beat(self, node: str, incarnation: int, held: tuple[Held, ...]) -> set[tuple[str, str, str]] | None:
        """Return the attempts to end, None for a node that is gone."""
        if not (at := self._open(node, incarnation)):
            return None
        kills = set()
        for slot, ref in held:
            if ref is None or ref == SOME:
                continue
            run = self._run_of(ref)
            if slot not in at.slots or at.slots[slot].ref != ref or run is None:
                kills.add((slot, ref, "stale"))
            elif run.requested_end:
                kills.add((slot, ref, run.requested_end.name))
        at.deadline = self.now + LEASE_MS
        listed = dict(held)
        for slot, known in list(at.slots.items()):
            if slot in listed and listed[slot] in (known.ref, SOME):
                at.missed.pop(slot, None)
                continue
            mark = known.ref or "-"
            before, count = at.missed.get(slot, (mark, 0))
            at.missed[slot] = (mark, count + 1 if before == mark else 1)
            if at.missed[slot][1] == 2:
                del at.slots[slot], at.missed[slot]
                if known.ref:
                    self._lose(known.ref)
        return kills

    def reap(self) -> int:
        last, self.tick = self.tick, self.now
        if last is None or self.now - last > OUTAGE_MS:
            for node in self.nodes.values():
                node.deadline = self.now + LEASE_MS
            return 0
        dead = [name for name, node in self.nodes.items() if node.deadline <= self.now]
        return sum(self._close(name) for name in dead)

    def fire(self) -> int:
        due: list[tuple[int, str, Run, Job | None]] = []
        for run in self.runs.values():
            if run.deadline is not None and run.deadline <= self.now and not run.state.final:
                due.append((run.deadline, f"deadline/{run.id}", run, None))
            for index, job in enumerate(run.jobs):
                if job.due is not None and job.due <= self.now:
                    due.append((job.due, f"retry/{run.id}/{index}@{job.attempt}", run, job))
        for _, _, run, job in sorted(due, key=lambda timer: timer[:2]):
            if job is not None:
                job.due = None
                if not run.requested_end:
                    self._queue(job)
            else:
                run.deadline = None
                self._request_end(run, RunState.timed_out)
        return len(due)

    def cancel(self, run: str) -> str:
        at = self.runs[run]
        if at.state.final:
            return "ended"
        self._request_end(at, RunState.cancelled)
        return "marked"

    def advance(self, run: str) -> None:
        at = self.runs[run]
        if at.todo:
            at.todo = False
            for job in at.jobs:
                if job.state in (JobState.queued, JobState.retrying, JobState.parked):
                    job.state, job.due = JobState.cancelled, None
            self._end_run(at)

    def forget(self, run: str) -> str:
        if not self.runs[run].state.final:
            return "live"
        del self.runs[run]
        return "forgotten"

    # -- what they share

    def ready(self, route: str) -> list[tuple[tuple[int, int, int, str], str, int]]:
        """Return (order, attempt, ready ms) of what waits on a route, the most urgent first."""
        found = []
        for run in self.runs.values():
            for index, (job, planned) in enumerate(zip(run.jobs, run.plan.jobs, strict=True)):
                if job.state is JobState.queued and run.plan.routes[planned.route] == route:
                    ref = str(AttemptRef(run.id, index, job.attempt))
                    priority = run.priority if planned.priority == INHERIT_PRIORITY else planned.priority
                    found.append(((priority, planned.rank, run.created, f"{job.queued:013d}:{ref}"), ref, job.queued))
        return sorted(found)

    def held(self) -> Iterator[str]:
        """Yield what slots of open nodes hold."""
        for node in self.nodes.values():
            yield from (slot.ref for slot in node.slots.values() if slot.ref)

    def _open(self, node: str, incarnation: int) -> Node | None:
        at = self.nodes.get(node)
        return at if at and at.incarnation == incarnation else None

    def _run_of(self, ref: str) -> Run | None:
        return self.runs.get(AttemptRef.parse(ref).run)

    def _queue(self, job: Job) -> None:
        job.state, job.attempt, job.queued, job.due = JobState.queued, job.attempt + 1, self.now, None

    def _request_end(self, run: Run, requested_end: RunState) -> None:
        if not run.requested_end:
            run.requested_end, run.state, run.todo = requested_end, RunState.cancelling, True

    def _take(self, subscriptions: tuple[Subscription, ...]) -> str | None:
        while True:
            heads = []
            for want in subscriptions:
                ready = [entry for entry in self.ready(want.route) if entry[0][0] in want.classes]
                heads += [(ready[0][0][:3], want, ready)] if ready else []
            if not heads:
                return None
            _, want, ready = min(heads, key=lambda head: head[0])
            ref = self._fair(want, ready)
            run, job = self._job(ref)
            if run.requested_end:
                job.state = JobState.cancelled
                continue
            job.state = JobState.running
            if run.state is RunState.queued:
                run.state = RunState.running
            return ref

    def _fair(self, want: Subscription, ready: list[tuple[tuple[int, int, int, str], str, int]]) -> str:
        """Ruling 5: the head, or after nine overtakings of somebody past patience the longest waiting."""
        priority = ready[0][0][0]
        debt = self.debt.get(want.route, 0)
        late = [
            (order[0], queued, ref)
            for order, ref, queued in self.ready(want.route)
            if order[0] > priority and self.now - queued > PATIENCE_MS[order[0] - 1]
        ]
        mine = [(queued, behind, ref) for behind, queued, ref in late if behind in want.classes]
        if mine and debt >= OVERTAKINGS:
            self.debt[want.route] = 0
            longest = min(queued for queued, _, _ in mine)
            behind = min(priority for queued, priority, _ in mine if queued == longest)
            return min(ref for queued, priority, ref in mine if (queued, priority) == (longest, behind))
        if mine:
            self.debt[want.route] = debt + 1
        elif not late:
            self.debt[want.route] = 0
        return ready[0][1]

    def _job(self, ref: str) -> tuple[Run, Job]:
        at = AttemptRef.parse(ref)
        return self.runs[at.run], self.runs[at.run].jobs[at.job]

    def _end(self, ref: str, outcome: str, delay: int) -> None:
        run, job = self._job(ref)
        if outcome in ("lost", "returned"):
            self._lose(ref, free=outcome == "returned", delay=delay)
        elif outcome in ("retry", "unknown") and not run.requested_end:
            job.state = JobState.retrying if outcome == "retry" else JobState.parked
            job.retries += outcome == "retry"
            job.due = self.now + delay
        else:
            job.state = ENDS.get(outcome, JobState.failed)
            self._ended(run)

    def _lose(self, ref: str, *, free: bool = False, delay: int | None = None) -> None:
        run, job = self._job(ref)
        if delay is None:
            delay = 0 if free else 1000 * (2**job.losses - 1)
        job.losses += not free
        if run.requested_end:
            job.state = JobState.cancelled
        elif job.losses < LOST_BUDGET:
            job.state, job.due = JobState.retrying, self.now + delay
        else:
            job.state = JobState.failed
        self._ended(run)

    def _ended(self, run: Run) -> None:
        """Decide every waiting job whose parents have all ended, and so on."""
        decided = not run.requested_end
        while decided:
            decided = False
            for job, parents in zip(run.jobs, run.parents, strict=True):
                before = {run.jobs[parent].state for parent in parents}
                if job.state is JobState.waiting and all(state.final for state in before):
                    decided = True
                    if before & FAILURE_STATES:
                        job.state = JobState.upstream_failed
                    elif JobState.skipped in before:
                        job.state = JobState.skipped
                    else:
                        self._queue(job)
        self._end_run(run)

    def _end_run(self, run: Run) -> None:
        if run.todo or run.state.final:
            return
        states = {job.state for job in run.jobs}
        if run.requested_end:
            if all(state.final or state is JobState.waiting for state in states):
                run.state = run.requested_end
        elif all(state.final for state in states):
            bad = states & {JobState.failed, JobState.timed_out, JobState.cancelled}
            run.state = RunState.failed if bad else RunState.succeeded

    def _close(self, node: str, *, free: bool = False) -> int:
        lost = [slot.ref for slot in self.nodes.pop(node).slots.values() if slot.ref]
        for ref in lost:
            self._lose(ref, free=free)
        return len(lost)
