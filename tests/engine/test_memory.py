"""A Redis whose memory or disk is full: what brings work in is refused whole, and memory lets ends go through."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from orchestrator.model.errors import StoreBusy
from orchestrator.model.ids import new_run_id
from orchestrator.model.states import RunState
from orchestrator.state.layouts.change_ops import pause, put_calendar
from orchestrator.state.transitions.events import Offer
from orchestrator.state.transitions.runs import Cancel, CreateRun, Forget
from orchestrator.state.transitions.starters import DropWaiting, PassOver
from support.checker import check
from support.machine import NORMAL, Machine, chain, fan, plan_of
from support.needs import require_redis
from support.redis_server import RedisServer
from support.starters import Starters
from support.waiting import wait_until


@pytest.fixture(params=["6.2", "7.0"])
def machine(request: pytest.FixtureRequest, make_redis: Callable[..., RedisServer]) -> Iterator[Machine]:
    args = ("--maxmemory-policy", "noeviction", "--dbfilename", "folder")
    server = make_redis(require_redis(request.param), args)
    with server.client() as client:
        made = Machine(client, "full")
        yield made
        client.config_set("maxmemory", 0)
        assert not check(made.store)


def fill(machine: Machine) -> None:
    machine.client.config_set("maxmemory", 1)


def test_create_run_is_refused_whole(machine: Machine) -> None:
    plan = chain(2)
    machine.store.put_plan(plan)
    fill(machine)
    before = machine.snapshot()
    with pytest.raises(StoreBusy):
        machine.do(CreateRun(new_run_id(), plan.digest, b"{}", NORMAL, "key", "request"))
    assert machine.snapshot() == before


def test_claim_is_refused_whole_and_repeated_later(machine: Machine) -> None:
    run = machine.submit(plan_of(2))
    slot = machine.node().slot()
    slot.take()
    fill(machine)
    before = machine.snapshot()
    with pytest.raises(StoreBusy):
        slot.claim()
    assert machine.snapshot() == before
    machine.client.config_set("maxmemory", 0)
    assert slot.again().claimed.ref == f"{run}/1@1"


@pytest.mark.parametrize("outcome", ["ok", "failed", "retry", "skipped", "lost"])
def test_finish_goes_through_with_all_that_follows(machine: Machine, outcome: str) -> None:
    run = machine.submit(fan(300))
    slot = machine.node().slot()
    slot.take()
    fill(machine)
    slot.finish(outcome, b'{"a":1}', go_on=True)
    machine.carry_on(run)
    assert not check(machine.store)


def test_settle_leave_fire_and_forget_go_through(machine: Machine) -> None:
    run = machine.submit(plan_of(2))
    node = machine.node()
    node.slot("a").take()
    node.slot("b").take()
    fill(machine)
    node.slot("a").settle("failed", b"{}")
    node.leave()
    assert machine.fire() == 1
    machine.client.config_set("maxmemory", 0)
    machine.node().slot().work()
    assert machine.state(run) is RunState.failed
    fill(machine)
    machine.do(Forget(run))
    assert machine.client.zcard(machine.keys.ended) == 0


def test_cancel_is_refused_whole(machine: Machine) -> None:
    run = machine.submit(plan_of(2))
    fill(machine)
    before = machine.snapshot()
    with pytest.raises(StoreBusy):
        machine.do(Cancel(run, "a", "b"))
    assert machine.snapshot() == before


def test_what_starts_runs_is_refused_whole_and_goes_on_later(machine: Machine) -> None:
    starters = Starters(machine)
    own = starters.starter(spec=b'{"every":"1m"}', overlap="queue_all", limit=1)
    starters.start()
    starters.start()
    starters.starter(id="w/t", kind="trigger", next=None)
    starters.deliver("a", "event:e")
    record, trigger = starters.record(own), starters.record("w/t")
    slot = machine.node().slot()
    slot.take()
    fill(machine)
    # From Redis 7 on, a script that would find nothing to do is refused too.
    with nullcontext() if is_old(machine) else pytest.raises(StoreBusy):
        starters.start_waiting()
    for refused in (
        starters.start,
        lambda: machine.do(
            PassOver(own, record.generation, str(record.next), str(record.next), "missed", "1 1", "", 0)
        ),
        lambda: machine.do(DropWaiting(own, record.generation, starters.waiting(own)[0], 1, "why")),
        lambda: starters.deliver("b", "event:e"),
        lambda: machine.do(Offer("w/t", trigger.generation, "a", "e")),
        lambda: starters.apply([put_calendar("c", b"{}"), pause(own)]),
    ):
        before = machine.snapshot()
        with pytest.raises(StoreBusy):
            refused()
        assert machine.snapshot() == before
    # The end of a run goes through, with all that it means for its schedule.
    slot.finish("ok")
    assert (machine.timers()[f"room/{own}"], starters.past(own)[0].end) == (0, RunState.succeeded)
    with pytest.raises(StoreBusy):
        starters.work()
    machine.client.config_set("maxmemory", 0)
    machine.wait(2000)
    starters.work()
    assert (starters.waiting(own), len(starters.runs(own))) == ([], 2)
    assert starters.waiting("w/t") == []
    assert starters.outcome("a") is None  # nothing listens to it


def test_a_full_disk_refuses_whole_and_work_goes_on_later(machine: Machine) -> None:
    plan = chain(2)
    machine.submit(plan)
    slot = machine.node().slot()
    slot.take()
    fail_to_save(machine)
    before = machine.snapshot()
    for refused in (
        lambda: slot.finish("ok"),
        lambda: machine.do(CreateRun(new_run_id(), plan.digest, b"{}", NORMAL)),
    ):
        with pytest.raises(StoreBusy):
            refused()
    assert machine.snapshot() == before
    machine.client.config_set("stop-writes-on-bgsave-error", "no")
    slot.again()


def is_old(machine: Machine) -> bool:
    return str(machine.client.info("server")["redis_version"]).startswith("6.")


def fail_to_save(machine: Machine) -> None:
    """Have Redis fail to save to its disk, so that it refuses writes."""
    folder = Path(machine.client.config_get("dir")["dir"]) / "folder"
    folder.mkdir()
    (folder / "file").touch()
    machine.client.config_set("save", "3600 1000000")
    machine.client.bgsave()
    wait_until(lambda: machine.client.info("persistence")["rdb_last_bgsave_status"] == "err", 20, "a save to fail")
