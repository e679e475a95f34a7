"""The same workflows on every Redis that we promise: 6.2, 7.0, 8.2, a cluster, and a user limited to the namespace."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from orchestrator.model.states import RunState
from orchestrator.scheduler.duties import Tools
from orchestrator.scheduler.process import standard_duties
from orchestrator.starters.schedule import Schedule
from orchestrator.starters.trigger import Trigger
from orchestrator.state import reads
from orchestrator.state.layouts.change_ops import drop_starter, pause, put_calendar, resume
from orchestrator.state.script import link, names
from orchestrator.state.store import Store
from orchestrator.state.transitions.runs import CreateRun, Forget
from orchestrator.timing.intervals import Every
from support.checker import check
from support.machine import DIAMOND, Machine, fan, plan_of
from support.needs import require_redis
from support.redis_server import RedisCluster, RedisServer
from support.starters import Starters

IN_SCRIPTS = {each for name in names() for each in re.findall(r"redis\.call\('(\w+)'", link(name).text)}
OUTSIDE = {
    *("evalsha", "eval", "script|load", "client", "info", "ping", "time", "expire", "rpush", "sadd", "smembers"),
    *("hgetall", "hkeys", "xrange", "xrevrange", "xtrim", "zcount", "zrangebyscore", "lrange"),
}
FOR_TESTS = {"scan", "set", "get", "type", "zscore", "zcard", "ttl", "xlen"}


@contextlib.contextmanager
def _limited(server: RedisServer, ns: str) -> Iterator[redis.Redis]:
    """A client of a user who may touch the namespace's keys only, with the commands that the engine uses."""
    with server.client() as admin:
        allowed = [f"+{command}" for command in {*IN_SCRIPTS, *OUTSIDE, *FOR_TESTS}]
        admin.execute_command("ACL", "SETUSER", ns, "on", ">secret", "resetkeys", f"~o:{{{ns}}}:*", "-@all", *allowed)
        try:
            with server.client(username=ns, password="secret") as client:
                yield client
        finally:
            admin.execute_command("ACL", "DELUSER", ns)


@pytest.fixture(params=["6.2", "7.0", "8.2", "cluster", "acl"])
def machine(request: pytest.FixtureRequest, make_redis: Callable[..., RedisServer]) -> Iterator[Machine]:
    if request.param == "cluster":
        cluster: RedisCluster = request.getfixturevalue("redis_cluster")
        store = Store.connect(cluster.url.replace("redis://", "redis+cluster://"), "workflows")
        made = Machine(store.client, "workflows")
        yield made
        assert not check(made.store)
        for key in list(store.client.scan_iter(match="*workflows*")):
            store.client.unlink(key)
        store.close()
    elif request.param == "acl":
        server = make_redis()
        with _limited(server, "workflows") as client:
            made = Machine(client, "workflows")
            yield made
            assert not check(made.store)
    else:
        with make_redis(require_redis(request.param)).client() as client:
            made = Machine(client, "workflows")
            yield made
            assert not check(made.store)


def test_what_starts_runs(machine: Machine) -> None:
    """Work schedules, triggers and a backfill by a scheduler's own code, with edits, a pause and an end."""
    starters = Starters(machine)
    plan = plan_of(1, workflow="w")
    own = starters.schedule(plan, Schedule(Every("1m"), name="s", overlap="queue_all", misfire="run_all"))
    batch = starters.trigger(plan, Trigger(event="e", name="batch", batch={"size": 2, "within": "1m"}))
    newest = starters.trigger(plan, Trigger(event="e", name="newest", overlap="cancel_old"))
    both = starters.trigger(plan, Trigger(datasets={"all": ["a", "b"]}, name="both"))
    starters.run_clock(180_000, 20_000)
    for at, topic in enumerate(("event:e", "event:e", "event:e", "dataset:a", "dataset:b")):
        starters.deliver(f"d{at}", topic)
        starters.work()
    starters.apply([pause(own), put_calendar("c", b"{}")], revision=b"one")
    at = machine.now + 1
    starters.apply([resume(own, "", at, at)])
    starters.backfill(own, [at - 120_000, at - 60_000], limit=2, spec=b'{"every": "1m"}')
    for _ in range(6):
        for run in machine.client.zrange(machine.keys.todos, 0, -1):
            machine.carry_on(run.decode())
        starters.work()
        starters.finish()
        machine.wait(20_000)
    assert starters.waiting(own) == []
    assert len(starters.runs(own)) >= 4
    assert (len(starters.runs(batch)), len(starters.runs(newest)), len(starters.runs(both))) == (2, 2, 1)
    starters.apply([drop_starter(f"{own}~1"), drop_starter(own), drop_starter(batch)])


def test_workflows(machine: Machine) -> None:
    """Work through success, retries, losses, deadlines, cancels, healing and forgetting; then look at it all."""
    node = machine.node()
    slot = node.slot()
    done = machine.submit(DIAMOND)
    slot.take()
    _flush_scripts(machine.client)  # as after a failover
    slot.finish("retry", b'{"type":"E"}', 5)
    machine.wait(5)
    machine.fire()
    assert slot.claim(permit=("default", 2))
    slot.finish("ok", b"[1,2]", go_on=True)
    assert slot.work() == 3
    assert machine.state(done) is RunState.succeeded

    wide = machine.submit(fan(300))
    slot.work()
    assert machine.state(wide) is RunState.succeeded

    lost = machine.submit(plan_of(2, [(0, 1)]))
    for _ in range(3):
        machine.node("dying").slot().take()
        machine.reap_at_last()
        machine.wait(3000)
        machine.fire()
    assert machine.states(lost) == ["failed", "upstream_failed"]
    assert machine.state(lost) is RunState.failed

    late = machine.submit(plan_of(2, deadline_ms=1000))
    machine.wait(2000)
    assert machine.fire() == 1
    machine.carry_on(late)
    assert machine.state(late) is RunState.timed_out

    cancelled = machine.submit(plan_of(300))
    node = machine.node()
    node.slot().take()
    machine.cancel(cancelled)
    assert node.beat().kills  # type: ignore[union-attr]
    node.slot().settle("cancelled")
    assert machine.state(cancelled) is RunState.cancelled

    machine.submit(plan_of(1))
    machine.wait(2000)
    assert [permits.messages for permits in node.beat(idle=1).permits] == [1]  # type: ignore[union-attr]
    node.slot().take()
    node.leave()
    for run in (done, wide, lost):
        machine.do(Forget(run))

    assert machine.store.read(reads.plan(machine.keys, DIAMOND.digest)) == DIAMOND
    assert len(machine.store.read(reads.runs(machine.keys))) == 3
    assert machine.store.read(reads.queues(machine.keys))
    assert machine.store.read(reads.workflows(machine.keys))
    assert machine.store.read(reads.last_transition(machine.keys)) != "-"


def test_the_schedulers_duties(machine: Machine) -> None:
    tools = Tools(machine.store, lambda permits: None)
    machine.wait(1_700_000_000_000 - machine.now)  # these reads go by the server's own clock
    run = machine.submit(plan_of(600), carry_on=False)
    servers = set()
    for _ in range(3):
        for duty in standard_duties(retention_s=60.0):
            assert duty.step(tools) >= 0
        servers.add(machine.client.hget(machine.keys.meta, "server"))
    assert machine.states(run).count("queued") == 600
    assert len(servers) == 1, "each tick sees another server, so no lease would ever end"


def test_a_run_is_created_once_on_every_server(machine: Machine) -> None:
    run = machine.submit(DIAMOND)
    assert machine.do(CreateRun(run, DIAMOND.digest, b"{}", 2)).run_id == run  # type: ignore[union-attr]


def _flush_scripts(client: Any) -> None:
    with contextlib.suppress(redis.exceptions.NoPermissionError):
        client.script_flush()
