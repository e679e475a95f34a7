"""What happens to the Redis that holds the state: killed and started again, silent for longer than a lease."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from orchestrator.model.states import JobState
from support import ledger as tasks
from support.fleet import Fleet
from support.harm import APP, QUICK, assert_sound, done, layers, told
from support.ledger import Ledger
from support.redis_server import RedisServer
from support.waiting import wait_until


@pytest.fixture(params=["everysec", pytest.param("always", marks=pytest.mark.slow)])
def durable(request: pytest.FixtureRequest, make_redis: Callable[..., RedisServer]) -> RedisServer:
    """A server that forces its file to the disk every second, or before each reply."""
    return make_redis(args=("--appendfsync", str(request.param)))


class TestKilled:
    """SIGKILL, and started again on its append-only file. It is the broker too here."""

    @pytest.fixture
    def server(self, durable: RedisServer) -> RedisServer:
        return durable

    def test_the_run_goes_on(self, server: RedisServer, fleet: Fleet, ledger: Ledger) -> None:
        """What Redis has answered, it still knows: no attempt is made twice, none is taken for lost."""
        fleet.worker(*QUICK, app=APP).start()
        run = fleet.client.submit(layers(ledger, 20, 25, 0.02))
        took = []
        for target in (100, 200, 300):
            wait_until(lambda target=target: done(run) > target, 30, "the run to be under way")
            server.kill()
            before = ledger.starts()
            server.start()
            started = time.monotonic()
            wait_until(lambda before=before: ledger.starts() > before + 2, 15, "the run to go on")
            took.append(time.monotonic() - started)
        told("the first jobs start after Redis answers again", took)
        run.wait(timeout=60)
        assert {(job.attempt, job.losses) for job in run.jobs()} == {(1, 0)}
        assert_sound(fleet, ledger, run)


@pytest.mark.parametrize("away_s", [pytest.param(14, id="14s"), pytest.param(60, id="60s", marks=pytest.mark.slow)])
def test_a_store_that_is_away_costs_no_attempt(
    server: RedisServer, fleet: Fleet, ledger: Ledger, away_s: float
) -> None:
    """Leases are 10 s: nobody could renew them, and nobody is given up. What ended meanwhile is reported after."""
    fleet.worker(*QUICK, app=APP).start()
    runs = [fleet.submit(tasks.step.s(str(ledger), seconds)) for seconds in (3.0, away_s + 3.0)]
    wait_until(lambda: ledger.starts() == 2, 10, "both jobs to run")
    server.freeze()
    time.sleep(away_s)  # noqa: TID251 — the fault itself
    server.thaw()
    for run in runs:
        run.wait(timeout=30)
        (job,) = run.jobs()
        assert (job.state, job.attempt, job.losses) == (JobState.succeeded, 1, 0)
    assert_sound(fleet, ledger, *runs)
