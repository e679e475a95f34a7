"""Scripts whose reply was cut, which the client sends again; and scripts that the server has forgotten."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.state.script import library, link
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
