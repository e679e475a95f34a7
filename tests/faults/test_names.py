"""Two workers of one node name: the second is refused, and one that drains keeps its jobs to their end."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from orchestrator import threads
from orchestrator.model.states import JobState
from support import ledger as tasks
from support.fleet import Fleet
from support.harm import APP, QUICK, assert_sound
from support.ledger import Ledger
from support.waiting import wait_until
from support.workers import Worker


def namesake(fleet: Fleet, folder: Path, of: Worker) -> Worker:
    """Return another worker with the node name of one, and a log of its own."""
    folder.mkdir(exist_ok=True)
    made = Worker(folder, fleet.redis_url, fleet.namespace, *QUICK, name=of.name.partition("@")[0], app=APP)
    fleet.workers.append(made)
    return made


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_the_name_of_a_live_node_is_refused(fleet: Fleet, ledger: Ledger, tmp_path: Path, pool: str) -> None:
    first = fleet.worker("-P", pool, *QUICK, app=APP).start()
    run = fleet.submit(tasks.step.s(str(ledger), 6.0))
    wait_until(lambda: ledger.starts() == 1, 10, "the job to run")
    second = namesake(fleet, tmp_path / "second", first).start(wait=False)
    assert second.process is not None
    wait_until(lambda: second.process is None or second.process.poll() is not None, 25, "the second to end")
    assert second.process.returncode == threads.EXIT_CODE
    assert second.text().count("the node name w1@test is that of a live worker") == 1
    assert "Traceback" not in second.text()
    run.wait(timeout=20)
    assert (run.jobs()[0].attempt, run.jobs()[0].losses) == (1, 0)
    assert "given up" not in first.text()
    assert_sound(fleet, ledger, run)


def test_a_draining_node_ends_its_job_while_the_next_of_its_name_works(
    fleet: Fleet, ledger: Ledger, tmp_path: Path
) -> None:
    old = fleet.worker(*QUICK, app=APP).start()
    long = fleet.submit(tasks.step.s(str(ledger), 12.0))
    wait_until(lambda: ledger.starts() == 1, 10, "the job to run")
    assert old.process is not None
    old.process.send_signal(signal.SIGTERM)
    new = namesake(fleet, tmp_path / "new", old).start()
    other, run = fleet.outcome(tasks.step.s(str(ledger), 0.0))
    assert other.state is JobState.succeeded
    assert old.process.poll() is None
    assert sorted(node.name.partition("#")[0] for node in fleet.client.nodes.list()) == ["w1@test", "w1@test"]
    long.wait(timeout=30)
    assert (long.jobs()[0].attempt, long.jobs()[0].losses) == (1, 0)
    assert old.stop() == 0
    assert new.stop() == 0
    assert_sound(fleet, ledger, long, run)


def test_a_name_is_free_a_moment_after_its_node_was_killed(fleet: Fleet, ledger: Ledger, tmp_path: Path) -> None:
    old = fleet.worker(*QUICK, app=APP).start()
    long = fleet.submit(tasks.step.s(str(ledger), 1.0))
    wait_until(lambda: ledger.starts() == 1, 10, "the job to run")
    old.kill()
    namesake(fleet, tmp_path / "new", old).start()
    long.wait(timeout=30)
    assert (long.jobs()[0].attempt, long.jobs()[0].losses) == (2, 1)
    assert_sound(fleet, ledger, long)


def test_workers_whose_names_nobody_chose_work_side_by_side(fleet: Fleet, ledger: Ledger, tmp_path: Path) -> None:
    """One host name for all containers, or two workers in two terminals: Celery calls both `celery@HOST`."""
    for number in range(2):
        worker = fleet.worker(*QUICK, name=f"w{number}", app=APP)
        at = worker._argv.index("-n")
        del worker._argv[at : at + 2]
        worker.start()
    names = [node.name for node in fleet.client.nodes.list()]
    assert len(set(names)) == 2
    assert all(name.startswith("celery-") for name in names)
    runs = [fleet.submit(tasks.step.s(str(ledger), 0.1)) for _ in range(8)]
    for run in runs:
        run.wait(timeout=20)
    assert_sound(fleet, ledger, *runs)
