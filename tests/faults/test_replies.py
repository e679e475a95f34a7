"""Scripts whose reply was cut, which the client sends again; and scripts that the server has forgotten."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator import Workflow
from orchestrator.state.script import library, link
from support import ledger as tasks
from support import shop
from support.cutter import Cutter
from support.fleet import Fleet
from support.harm import APP, QUICK, assert_sound, done, layers
from support.ledger import Ledger
from support.needs import require_redis
from support.redis_server import RedisServer
from support.waiting import wait_until

CUT = ("claim", "finish", "advance", "beat", "register")
SERVERS = ["6.2", "7.0"]
"""One without Redis Functions, one with them."""


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, make_redis: Callable[..., RedisServer]) -> RedisServer:
    return make_redis(require_redis(request.param))


def test_every_fifth_reply_is_cut_after_the_script_ran(
    server: RedisServer, fleet: Fleet, ledger: Ledger, tmp_path: Path
) -> None:
    """The second call is given the first's reply: no attempt runs twice, none is lost."""
    functions = not str(server.server.version).startswith("6")
    names = {name: (library().function(name) if functions else link(name).sha).encode() for name in CUT}
    with Cutter(server.port, names, 5) as cutter:
        worker = fleet.worker(*QUICK, app=APP, env={"ORCHESTRATOR_BROKER_URL": server.url})
        worker._env["ORCHESTRATOR_REDIS_URL"] = f"redis://127.0.0.1:{cutter.port}/0"
        worker.start()
        runs = [fleet.client.submit(layers(ledger, 10, 20, 0)) for _ in range(2)]
        for run in runs:
            run.wait(timeout=100)
        assert cutter.cut["finish"] >= 60
        while cutter.cut["claim"] < 5:
            fleet.client.submit(layers(ledger, 1, 1, 0)).wait(timeout=20)
        worker.stop()
    for run in runs:
        assert {(job.attempt, job.losses) for job in run.jobs()} == {(1, 0)}
    assert_sound(fleet, ledger, *runs)


@pytest.mark.parametrize("server", ["7.0"], indirect=True)
def test_a_reply_that_never_comes_costs_no_attempt(server: RedisServer, fleet: Fleet, ledger: Ledger) -> None:
    """The client waits 5 s for it, longer than two beats: beats list the slot, whatever it waits for."""
    names = {name: library().function(name).encode() for name in ("claim", "finish", "beat")}
    with Cutter(server.port, {**names, "inputs": b":out\r\n"}, 3, silent=True) as cutter:
        worker = fleet.worker(*QUICK, app=APP, env={"ORCHESTRATOR_BROKER_URL": server.url})
        worker._env["ORCHESTRATOR_REDIS_URL"] = f"redis://127.0.0.1:{cutter.port}/0"
        worker.start()
        runs = [fleet.client.submit(heavy(ledger)) for _ in range(3)]
        for run in runs:
            run.wait(timeout=100)
        while not cutter.cut["claim"]:
            fleet.client.submit(layers(ledger, 1, 1, 0)).wait(timeout=20)
        assert cutter.cut["finish"] >= 2
        assert cutter.cut["inputs"] >= 1
        worker.stop()
    for run in runs:
        assert {(job.attempt, job.losses) for job in run.jobs()} == {(1, 0)}
    assert_sound(fleet, None, *runs)


def heavy(ledger: Ledger) -> Workflow:
    """Make three jobs, of which the last gets more than a claim's reply carries: it fetches its inputs."""
    made = Workflow("heavy")
    large = made.job("large", shop.large.s(70_000), route="celery")
    between = made.job("between", tasks.step.s(str(ledger), 0.0, large.output), route="celery")
    made.job("last", tasks.step.s(str(ledger), 0.0, large.output), route="celery", after=between)
    return made


def test_the_server_forgets_its_scripts_in_the_middle_of_a_run(
    server: RedisServer, fleet: Fleet, ledger: Ledger
) -> None:
    fleet.worker(*QUICK, app=APP).start()
    run = fleet.client.submit(layers(ledger, 20, 20, 0.005))
    with server.client() as client:
        for target in (50, 150, 250):
            wait_until(lambda target=target: done(run) > target, 30, "the run to go on")
            client.script_flush()
            if not str(server.server.version).startswith("6"):
                client.function_flush()
    run.wait(timeout=60)
    assert {(job.attempt, job.losses) for job in run.jobs()} == {(1, 0)}
    assert_sound(fleet, ledger, run)
