"""Checks a namespace at rest: its transitions, replayed, must give the stored state, and every index must agree.

`check(store)` returns what is wrong, a line each; an empty list is a clean bill. Nothing may change meanwhile.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from orchestrator.model.ids import AttemptRef
from orchestrator.model.run import JobRun, TransitionInfo
from orchestrator.model.states import (
    FAILURE_STATES,
    JOB_MOVES,
    RUN_MOVES,
    SKIP_STATES,
    SUCCESS_STATES,
    JobState,
    RunState,
)
from orchestrator.plan.plan import INHERIT_PRIORITY, Plan
from orchestrator.state import reads
from orchestrator.state.layouts.records import read_counts
from orchestrator.state.limits import BUCKET, CLASS_SCORE, FAILED_COUNT, LAST_RANK, NODE_NAME, RANK_SCORE, SKIPPED_COUNT
from orchestrator.state.store import Store
from support.starter_checker import StarterChecker

RUN_FIELDS = ("plan", "state", "n", "counts", "started", "ended", "requested_end", "created", "class", "starter")


@dataclass
class Job:
    """A job run as the transitions tell it."""

    state: JobState = JobState.waiting
    attempt: int = 0
    queued: int | None = None
    started: int | None = None
    ended: int | None = None
    node: str | None = None
    retries: int = 0


@dataclass
class Told:
    """A run as the transitions tell it."""

    n: int = 0
    state: RunState | None = None
    started: int | None = None
    ended: int | None = None
    ending: bool = False
    jobs: dict[int, Job] = field(default_factory=lambda: defaultdict(Job))


def check(store: Store) -> list[str]:
    """Return the violations of the invariants in a namespace."""
    return list(_Checker(store).run())


class _Checker:
    def __init__(self, store: Store) -> None:
        self.store = store
        self.keys = store.keys
        self.plans: dict[str, tuple[Plan, list[list[int]]]] = {}
        self.queued: dict[str, dict[str, tuple[float, float]]] = defaultdict(dict)  # route → member → both scores
        self.running: Counter[str] = Counter()
        self.timers: set[str] = set()
        self.free_timers: set[str] = set()  # may stand or not: what an ending run's `advance` has yet to drop

    def run(self) -> Iterator[str]:
        live, ended, self.todos, routes = self.store.pipeline([
            ("ZRANGE", self.keys.live, 0, -1), ("ZRANGE", self.keys.ended, 0, -1),
            ("ZRANGE", self.keys.todos, 0, -1), ("SMEMBERS", self.keys.routes),
        ])  # fmt: skip
        self.live = {run.decode() for run in live}
        self.ended = {run.decode() for run in ended}
        plans = {run: self.store.pipeline([("HGET", self.keys.run(run), "plan")])[0] for run in self.live | self.ended}
        told: dict[str, Told] = defaultdict(Told)
        for transition in self._transitions():
            plan = plans.get(transition.run)
            yield from self._replay(told[transition.run], transition, self._plan(plan.decode())[1] if plan else None)
        for run in sorted(self.live | self.ended):
            if plans[run] is None:
                yield f"{run} is listed and has no record"
            else:
                yield from self._run(run, told[run])
        for run in sorted(told.keys() - self.live - self.ended):
            if told[run].ended is None:
                yield f"{run} is gone and has not ended"
        yield from self._ready(sorted(route.decode() for route in routes))
        yield from self._slots()
        yield from self._starters()
        yield from self._timers()

    def _transitions(self) -> Iterator[TransitionInfo]:
        after = "-"
        while part := self.store.read(reads.transitions(self.keys, after)):
            yield from part
            after = part[-1].id

    def _plan(self, digest: str) -> tuple[Plan, list[list[int]]]:
        if digest not in self.plans:
            plan = self.store.read(reads.plan(self.keys, digest))
            assert plan is not None, f"plan {digest} is not sealed"
            parents: list[list[int]] = [[] for _ in plan.jobs]
            for index, job in enumerate(plan.jobs):
                for child in job.successors:
                    parents[child].append(index)
            self.plans[digest] = plan, parents
        return self.plans[digest]

    def _replay(self, run: Told, transition: TransitionInfo, parents: list[list[int]] | None) -> Iterator[str]:
        """Apply one transition; tell what it may not be."""
        where = f"{transition.run} transition {transition.number}"
        if transition.number != run.n + 1:
            yield f"{where}: follows transition {run.n}"
        run.n = transition.number
        if run.ended is not None:
            yield f"{where}: comes after the run's end"
        if transition.job is None:
            yield from self._replay_run(run, transition, where)
            return
        assert isinstance(transition.after, JobState)
        job = run.jobs[transition.job]
        where = f"{where}, job {transition.job}: {job.state.name} -> {transition.after.name}"
        if transition.before is not job.state:
            yield f"{where}: the transition says that it was {transition.before!r}"
        if (job.state, transition.after) not in JOB_MOVES:
            yield f"{where}: no such move"
        if parents is not None and job.state is JobState.waiting:
            before = {run.jobs[parent].state for parent in parents[transition.job]}
            if (expected := _expected(before)) is not transition.after:
                yield f"{where}: its parents are {sorted(state.name for state in before)}: expected {expected!r}"
        if transition.after in (JobState.queued, JobState.running) and run.ending:
            yield f"{where}: starts in a run that is to end"
        if transition.after is JobState.running and run.state is not RunState.running:
            yield f"{where}: in a run that is {run.state!r}"
        if transition.after is JobState.queued:
            job.attempt += 1
            job.queued, job.started, job.ended = transition.ms, None, None
        elif transition.after is JobState.running:
            job.started, job.node = transition.ms, transition.detail[:NODE_NAME]
        elif transition.after.final:
            job.ended = transition.ms
        if (job.state, transition.after) == (JobState.running, JobState.retrying):
            job.retries += 1
        if transition.attempt != job.attempt:
            yield f"{where}: attempt {transition.attempt}, expected {job.attempt}"
        job.state = transition.after

    def _replay_run(self, run: Told, transition: TransitionInfo, where: str) -> Iterator[str]:
        assert isinstance(transition.after, RunState)
        where = f"{where}: {run.state!r} -> {transition.after!r}"
        if transition.before is not run.state:
            yield f"{where}: the transition says that it was {transition.before!r}"
        if run.state is None:
            if transition.after is not RunState.queued:
                yield f"{where}: no such start"
        elif (run.state, transition.after) not in RUN_MOVES:
            yield f"{where}: no such move"
        run.state = transition.after
        if transition.after is RunState.running:
            run.started = transition.ms
        elif transition.after is RunState.cancelling:
            run.ending = True
        elif transition.after.final:
            run.ended = transition.ms

    def _run(self, run: str, told: Told) -> Iterator[str]:
        """Compare one stored run with what its transitions tell, and enter it into the indexes that must match."""
        fields, todo = self.store.pipeline([
            ("HMGET", self.keys.run(run), *RUN_FIELDS),
            ("LRANGE", self.keys.todo(run), 0, -1),
        ])  # fmt: skip
        digest, state, n, counts, started, ended, requested_end, created, priority, starter = fields
        plan, parents = self._plan(digest.decode())
        stored = (RunState.numbered(int(state)), int(n), _number(started), _number(ended), requested_end is not None)
        if stored != (told.state, told.n, told.started, told.ended, told.ending):
            yield f"{run} is stored as {stored}, its events tell {told}"
        over = stored[0].final
        if (run in self.ended, run in self.live) != (over, not over):
            yield f"{run} is {stored[0].name}, and in the wrong list"
        if bool(todo) != (run.encode() in self.todos):
            yield f"{run} has todo {todo!r}, and the list of todos says otherwise"
        if over and todo:
            yield f"{run} is over and has todo {todo!r}"
        jobs = self._jobs(run, len(plan.jobs))
        outputs, errors = self.store.pipeline([("HKEYS", self.keys.outputs(run)), ("HKEYS", self.keys.errors(run))])
        for index in range(len(plan.jobs)):
            yield from _compare(f"{run} job {index}", jobs.get(index), told.jobs[index])
        tally = Counter(told.jobs[index].state for index in range(len(plan.jobs)))
        if read_counts(counts) != dict(tally):
            yield f"{run} counts {read_counts(counts)}, its transitions tell {dict(tally)}"
        for index in range(len(plan.jobs)):
            job = told.jobs[index]
            ref = str(AttemptRef(run, index, job.attempt))
            at = plan.jobs[index]
            if over and not (job.state.final or (told.ending and job.state is JobState.waiting)):
                yield f"{run} is over and job {index} is {job.state.name}"
            if job.state is JobState.queued:
                own, number = int(priority) if at.priority == INHERIT_PRIORITY else at.priority, at.rank
                if b"~" in (starter or b""):  # a backfill's
                    own, number = max(own, int(priority)), LAST_RANK
                scores = own * CLASS_SCORE + number * RANK_SCORE + int(created), own * CLASS_SCORE + (job.queued or 0)
                self.queued[plan.routes[at.route]][f"{job.queued:013d}:{ref}"] = scores
            elif job.state is JobState.running:
                self.running[ref] += 1
            elif job.state in (JobState.retrying, JobState.parked):
                (self.free_timers if told.ending else self.timers).add(f"retry/{ref}")
            if job.state is JobState.waiting and not told.ending and not todo:
                before = [told.jobs[parent].state for parent in parents[index]]
                counted = self._count(run, index) if at.in_degree > 1 else None
                if all(each.final for each in before):
                    yield f"{run} job {index} waits for nothing"
                if counted not in (None, sum(_weight(each) for each in before)):
                    yield f"{run} job {index} has counted {counted}, its parents are {before}"
        done = {index for index, job in told.jobs.items() if job.state is JobState.succeeded}
        if wrong := {int(index) for index in outputs} - done:
            yield f"{run} has outputs of jobs {sorted(wrong)}, which did not succeed"
        if wrong := {int(index) for index in errors if index.isdigit()} & done:
            yield f"{run} has errors of jobs {sorted(wrong)}, which succeeded"
        if plan.deadline_ms and not over:
            (self.free_timers if told.ending else self.timers).add(f"deadline/{run}")

    def _jobs(self, run: str, total: int) -> dict[int, JobRun]:
        info = {job.index: job for job in self.store.read(reads.jobs(self.keys, run))}
        recorded: set[int] = set()
        for bucket in range(-(-total // BUCKET)):
            recorded |= {int(index) for index in self.store.pipeline([("HKEYS", self.keys.records(run, bucket))])[0]}
        return {index: info[index] for index in recorded}

    def _count(self, run: str, index: int) -> int:
        (counter,) = self.store.pipeline([("HGET", self.keys.counters(run, index // BUCKET), index)])
        return int(counter or 0)

    def _ready(self, routes: list[str]) -> Iterator[str]:
        for route in sorted({*routes, *self.queued}):
            expected = self.queued[route]
            for at, key in enumerate((self.keys.ready(route), self.keys.since(route))):
                (flat,) = self.store.pipeline([("ZRANGE", key, 0, -1, "WITHSCORES")])
                pairs = flat if flat and isinstance(flat[0], list | tuple) else zip(*[iter(flat)] * 2, strict=True)
                found = {member.decode(): float(score) for member, score in pairs}
                wanted = {member: scores[at] for member, scores in expected.items()}
                for member in sorted(found.keys() | wanted.keys()):
                    if found.get(member) != wanted.get(member):
                        yield f"{key} has {member} at {found.get(member)}, expected {wanted.get(member)}"

    def _slots(self) -> Iterator[str]:
        held = Counter(ref for node in self.store.read(reads.nodes(self.keys)) for ref in node.held)
        if held != self.running:
            yield f"slots hold {dict(held - self.running)} too much, and not {dict(self.running - held)}"

    def _starters(self) -> Iterator[str]:
        checker = StarterChecker(self.store)
        yield from checker.run(self.live | self.ended)
        self.timers |= checker.timers
        self.free_timers |= checker.free_timers

    def _timers(self) -> Iterator[str]:
        (found,) = self.store.pipeline([("ZRANGE", self.keys.timers, 0, -1)])
        timers = {timer.decode() for timer in found}
        if missing := self.timers - timers:
            yield f"timers are missing: {sorted(missing)}"
        if extra := timers - self.timers - self.free_timers:
            yield f"timers are left over: {sorted(extra)}"


def _expected(parents: set[JobState]) -> JobState | None:
    """What a waiting job may become, given the states of the jobs before it; None for nothing yet."""
    if not all(state.final for state in parents):
        return None
    if parents & FAILURE_STATES:
        return JobState.upstream_failed
    return JobState.skipped if parents & SKIP_STATES else JobState.queued


def _weight(state: JobState) -> int:
    if state in SUCCESS_STATES:
        return 1
    if state in SKIP_STATES:
        return SKIPPED_COUNT
    return FAILED_COUNT if state in FAILURE_STATES else 0


def _compare(where: str, stored: JobRun | None, told: Job) -> Iterator[str]:
    if stored is None:
        if told.state is not JobState.waiting:
            yield f"{where} has no record, its transitions tell {told}"
        return
    record = Job(
        stored.state, stored.attempt, stored.queued_ms, stored.started_ms, stored.ended_ms, stored.node, stored.retries
    )
    if record != told:
        yield f"{where} is stored as {record}, its transitions tell {told}"


def _number(value: bytes | None) -> int | None:
    return None if value is None else int(value)
