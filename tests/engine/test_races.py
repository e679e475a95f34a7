"""Many threads on one namespace: each attempt has one winner, whatever meets."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable

import redis

from orchestrator.model.ids import AttemptRef, new_run_id
from orchestrator.model.states import JobState, RunState
from orchestrator.state import reads
from orchestrator.state.layouts.change_ops import Starter, pack, put_starter, put_waiting
from orchestrator.state.reads import starters
from orchestrator.state.store import Store
from orchestrator.state.transitions.attempts import Claim, Done, Finish, Settle, Settled, Took
from orchestrator.state.transitions.definitions import Apply
from orchestrator.state.transitions.nodes import Register, Welcome
from orchestrator.state.transitions.replies import Started
from orchestrator.state.transitions.runs import Advance, Advanced, Cancel, Created, CreateRun, Exists
from orchestrator.state.transitions.starters import StartPlanned, StartWaiting
from orchestrator.state.transitions.values import Claimed, Subscription
from support.checker import check
from support.machine import ALL, NORMAL, fan, plan_of

WANTS = (Subscription("default", ALL),)


def together(*bodies: Callable[[], None]) -> None:
    """Run functions in threads that start at once; raise what one of them raised."""
    start, failed = threading.Barrier(len(bodies)), []

    def run(body: Callable[[], None]) -> None:
        start.wait()
        try:
            body()
        except BaseException as error:  # noqa: BLE001
            failed.append(error)

    threads = [threading.Thread(target=run, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def test_each_attempt_is_run_once_and_each_run_ends_once(redis_client: redis.Redis, ns: str) -> None:
    store = Store(redis_client, ns)
    plans = [fan(40), fan(300), plan_of(60, [(a, a + 7) for a in range(53)])]
    for plan in plans:
        store.put_plan(plan)
    runs = [new_run_id() for _ in range(6)]
    ran: Counter[str] = Counter()

    def submit() -> None:
        for at, run in enumerate(runs):
            assert isinstance(store.run(CreateRun(run, plans[at % 3].digest, b"{}", at % 4)), Created | Exists)

    def carry_on(run: str) -> None:
        while isinstance(done := store.run(Advance(run)), Advanced) and done.more:
            pass

    def work(name: str) -> None:
        incarnation, op = come_in(store, name), 0
        claimed: Claimed | None = None
        while not all((info := store.read(reads.run(store.keys, run))) and info.state.final for run in runs):
            op += 1
            took = store.run(Claim(name, incarnation, "h", op, WANTS))
            claimed = took.claimed if isinstance(took, Took) else None
            while claimed is not None:
                op += 1
                ran[claimed.ref] += 1
                ref = claimed.ref
                done = store.run(Finish(name, incarnation, "h", op, ref, "ok", b"1", subscriptions=WANTS))
                assert isinstance(done, Done)
                claimed = done.claimed
                if done.todo:
                    carry_on(AttemptRef.parse(ref).run)

    together(submit, submit, *(lambda name=f"n{at}": work(name) for at in range(4)))
    assert set(ran.values()) == {1}
    assert len(ran) == sum(len(plans[at % 3].jobs) for at in range(6))
    assert {store.read(reads.run(store.keys, run)).state for run in runs} == {RunState.succeeded}  # type: ignore[union-attr]
    assert not check(store)


def come_in(store: Store, node: str) -> int:
    """Register a node under a name that nobody has; return its incarnation."""
    welcome = store.run(Register(node, WANTS, 1))
    assert isinstance(welcome, Welcome)
    return welcome.incarnation


def test_of_finish_settle_and_cancel_one_wins(redis_client: redis.Redis, ns: str) -> None:
    store = Store(redis_client, ns)
    plan = plan_of(1)
    store.put_plan(plan)
    incarnation = come_in(store, "n")
    op = 0
    for _ in range(40):
        run = new_run_id()
        store.run(CreateRun(run, plan.digest, b"{}", NORMAL))
        op += 1
        took = store.run(Claim("n", incarnation, "h", op, WANTS))
        assert isinstance(took, Took)
        ref, won = took.claimed.ref, []

        def finish(ref: str = ref, op: int = op + 1, won: list[str] = won) -> None:
            if isinstance(store.run(Finish("n", incarnation, "h", op, ref, "ok")), Done):
                won.append("succeeded")

        def settle(ref: str = ref, won: list[str] = won) -> None:
            if isinstance(store.run(Settle("n", incarnation, "h", ref, "timed_out")), Settled):
                won.append("timed_out")

        def cancel(run: str = run) -> None:
            store.run(Cancel(run, "a", "b"))
            store.run(Advance(run))

        bodies = [finish, settle, cancel]
        random.shuffle(bodies)
        together(*bodies)
        op += 1
        (job,) = store.read(reads.jobs(store.keys, run))
        assert [job.state.name] == won
        assert job.state in (JobState.succeeded, JobState.timed_out)
        info = store.read(reads.run(store.keys, run))
        assert info is not None
        assert info.state.final
    assert not check(store)


def test_of_many_with_one_key_one_makes_the_run(redis_client: redis.Redis, ns: str) -> None:
    store = Store(redis_client, ns)
    plan = plan_of(3)
    replies: list[Created | Exists] = []

    def submit() -> None:
        store.put_plan(plan)
        replies.append(store.run(CreateRun(new_run_id(), plan.digest, b"{}", NORMAL, "k", "r")))  # type: ignore[arg-type]

    together(*[submit] * 8)
    assert sum(isinstance(reply, Created) for reply in replies) == 1
    assert len({reply.run_id for reply in replies if isinstance(reply, Exists)}) == 1
    assert not check(store)


def test_of_many_schedulers_one_starts_each_planned_time(redis_client: redis.Redis, ns: str) -> None:
    store = Store(redis_client, ns)
    plan = plan_of(1)
    store.put_plan(plan)
    first, times = 1_000_000, 40
    starter = Starter("w/s", "schedule", plan.workflow, b"{}", True, next=first, due=first)
    store.run(Apply(-1, pack([put_starter(starter)])))
    generation = (store.read(starters.several(store.keys, ["w/s"])))[0].generation
    won: list[str] = []

    def start() -> None:
        for at in range(first, first + times):
            run, following = new_run_id(), at + 1
            reply = store.run(
                StartPlanned(
                    "w/s", generation, str(at), str(following), following, run, plan.digest, b"{}", NORMAL, b"{}"
                )
            )
            if isinstance(reply, Started):
                won.append(run)

    together(*[start] * 6)
    past = store.read(starters.past(store.keys, "w/s"))
    assert [each.at_ms for each in past] == list(range(first, first + times))
    assert sorted(each.run or "" for each in past) == sorted(won)
    assert not check(store)


def test_of_many_schedulers_one_starts_what_waits(redis_client: redis.Redis, ns: str) -> None:
    store = Store(redis_client, ns)
    plan = plan_of(1)
    store.put_plan(plan)
    occasions = list(range(60))
    backfill = Starter("w/s~1", "backfill", plan.workflow, b"{}", True, overlap="queue_all", limit=25)
    store.run(Apply(-1, pack([put_waiting("w/s~1", occasions), put_starter(backfill)])))
    generation = (store.read(starters.several(store.keys, ["w/s~1"])))[0].generation
    won: list[str] = []

    def start() -> None:
        for at in map(str, occasions):
            reply = store.run(StartWaiting("w/s~1", generation, at, 1, new_run_id(), plan.digest, b"{}", NORMAL, b"{}"))
            if isinstance(reply, Started):
                won.append(at)

    together(*[start] * 6)
    assert sorted(map(int, won)) == occasions[:25]
    assert store.read(starters.loads(store.keys, ["w/s~1"])) == [starters.Load(25, 35)]
    assert not check(store)
