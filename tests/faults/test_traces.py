"""Every recorded workflow runs again to its end, each job after its parents, also when a node dies in the middle."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator import Run
from orchestrator.importers.traces import Trace, read_trace, workflow_of
from orchestrator.model.states import JobState
from support.fleet import Fleet
from support.harm import QUICK, assert_sound, done, env_of
from support.redis_server import RedisServer
from support.waiting import wait_until

FOLDER = Path(__file__).parents[1] / "data" / "traces"
TRACES = sorted(FOLDER.glob("*.json"))
STOCK = "orchestrator_workers.app"
RABBITMQ = pytest.param("rabbitmq", marks=[pytest.mark.rabbitmq, pytest.mark.xdist_group("rabbitmq")])


@pytest.fixture(params=["redis", RABBITMQ])
def fleet(request: pytest.FixtureRequest, make_redis: Callable[..., RedisServer], tmp_path: Path) -> Iterator[Fleet]:
    broker = request.getfixturevalue("rabbitmq").url if request.param == "rabbitmq" else None
    with Fleet(tmp_path, make_redis().url, broker) as made:
        yield made


def assert_in_order(run: Run, trace: Trace) -> None:
    """Each job of the trace succeeded, and began when the last of its parents was over: by the trace, not the plan."""
    jobs = run.jobs()  # in the order of the definition, which is the trace's
    assert {job.state for job in jobs} == {JobState.succeeded}
    assert len(jobs) == len(trace.jobs)
    by_id = {recorded.id: job for recorded, job in zip(trace.jobs, jobs, strict=True)}
    for recorded in trace.jobs:
        began = by_id[recorded.id].started_ms
        assert began is not None
        for parent in recorded.after:
            ended = by_id[parent].ended_ms
            assert ended is not None
            assert ended <= began, f"{recorded.id} began {ended - began} ms before {parent} was over"


def test_there_are_traces() -> None:
    assert len(TRACES) == 10


def test_every_trace_replays_by_command(fleet: Fleet) -> None:
    """`orchestrator replay TRACE --time-scale 0 --wait --json`: exit code 0, one document, the run's."""
    fleet.worker(*QUICK, app=STOCK).start()
    runs = []
    for path in TRACES:
        command = [sys.executable, "-m", "orchestrator", "replay", str(path), "--time-scale", "0", "--wait", "--json"]
        ended = subprocess.run(command, env=env_of(fleet), capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        told = json.loads(ended.stdout)
        trace = read_trace(path)
        assert (told["state"], told["counts"]) == ("succeeded", {"succeeded": len(trace.jobs)})
        runs.append(fleet.client.runs.get(told["id"]))
        assert_in_order(runs[-1], trace)
    assert_sound(fleet, None, *runs)


@pytest.mark.slow
def test_every_trace_survives_the_death_of_one_of_two_nodes(fleet: Fleet) -> None:
    """All at once, by the client, each stretched or shrunk to about 2 s of work, so that each is in the middle."""
    first, _ = (fleet.worker(*QUICK, name=name, app=STOCK).start() for name in ("w1", "w2"))
    traces = [read_trace(path) for path in TRACES]
    scales = [2.0 / sum(job.runtime_s for job in trace.jobs) for trace in traces]
    runs = [fleet.client.submit(workflow_of(*pair)) for pair in zip(traces, scales, strict=True)]
    total = sum(len(trace.jobs) for trace in traces)
    wait_until(lambda: sum(map(done, runs)) > total / 3, 60, "a third of the work to be done")
    first.kill()
    killed = time.monotonic()
    for run in runs:
        run.wait(timeout=100)
    print(f"\n{total} jobs in {len(runs)} runs, the last over {time.monotonic() - killed:.1f} s after the kill")
    for run, trace in zip(runs, traces, strict=True):
        assert_in_order(run, trace)
    losses = [job.losses for run in runs for job in run.jobs()]
    assert 1 <= sum(losses) <= 2
    assert_sound(fleet, None, *runs)
