"""Which queues a worker serves: `celery -A proj worker` with nothing else, and with -Q and -X."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.model.states import JobState, PriorityClass, RunState
from support import shop
from support.fleet import Fleet
from support.needs import require
from support.waiting import wait_until

ALL = tuple(PriorityClass)
QUICK = ("-c", "1", "--without-gossip", "--without-mingle")


@pytest.fixture
def fleet(redis_url: str, tmp_path: Path) -> Iterator[Fleet]:
    require("redis")
    with Fleet(tmp_path, redis_url) as made:
        yield made


def subscriptions(fleet: Fleet) -> dict[str, tuple[PriorityClass, ...]]:
    (node,) = fleet.client.nodes.list()
    return dict(node.subscriptions)


def test_a_plain_worker_serves_the_apps_queue_in_all_classes(fleet: Fleet) -> None:
    with fleet.worker():
        assert subscriptions(fleet) == {"celery": ALL}
        for priority in PriorityClass:
            assert fleet.outcome(shop.add.s(1), priority=priority.name)[0].state is JobState.succeeded


def test_q_gives_each_queue_its_classes(fleet: Fleet) -> None:
    with fleet.worker("-Q", "celery,mail", *QUICK):
        assert subscriptions(fleet) == {"celery": ALL, "mail": ALL}
        assert fleet.outcome(shop.add.s(1), route="mail")[0].state is JobState.succeeded


def test_q_with_a_class_serves_that_class_alone(fleet: Fleet) -> None:
    with fleet.worker("-Q", "mail.critical", *QUICK):
        assert subscriptions(fleet) == {"mail": (PriorityClass.critical,)}
        waits = fleet.submit(shop.add.s(1), route="mail", priority="low")
        assert fleet.outcome(shop.add.s(1), route="mail", priority="critical")[0].state is JobState.succeeded
        assert waits.refresh().state is RunState.queued
        with fleet.worker("-Q", "mail", *QUICK, name="w2"):
            waits.wait(timeout=15)


def test_x_leaves_a_class_out(fleet: Fleet) -> None:
    with fleet.worker("-Q", "mail", "-X", f"{fleet.namespace}:mail.low", *QUICK):
        assert subscriptions(fleet) == {"mail": (PriorityClass.critical, PriorityClass.high, PriorityClass.normal)}


def test_x_leaves_a_queue_out_with_its_classes(fleet: Fleet) -> None:
    with fleet.worker("-Q", "celery,mail", "-X", "mail", *QUICK):
        assert subscriptions(fleet) == {"celery": ALL}


def test_a_permit_that_a_reserved_worker_cannot_use_goes_on(fleet: Fleet) -> None:
    """A critical-only worker that is woken for nothing passes the permit to the class that has work."""
    with fleet.worker("-Q", "mail.critical", *QUICK), fleet.worker("-Q", "mail", *QUICK, name="w2"):
        for _ in range(5):
            assert fleet.outcome(shop.add.s(1), route="mail", priority="low", wait_s=5)[0].node == "w2@test"


def test_a_worker_of_another_namespace_takes_nothing_of_ours(fleet: Fleet, redis_url: str, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with Fleet(tmp_path / "other", redis_url) as other, other.worker(*QUICK):
        run = fleet.submit(shop.add.s(1))
        assert other.outcome(shop.add.s(1))[0].state is JobState.succeeded
        assert run.refresh().state is RunState.queued
        with fleet.worker(*QUICK, name="w2"):
            run.wait(timeout=15)
            assert run.jobs()[0].node == "w2@test"


def test_sigterm_lets_the_running_attempt_end_and_gives_the_rest_back(fleet: Fleet, tmp_path: Path) -> None:
    path = tmp_path / "notes"
    worker = fleet.worker(*QUICK).start()
    runs = [fleet.submit(shop.nap.s(1.0, str(path))) for _ in range(3)]
    wait_until(path.exists, 10, "the first job to run")
    assert worker.stop() == 0
    assert fleet.client.nodes.list() == []
    states = sorted(run.refresh().state.name for run in runs)
    assert states == ["queued", "queued", "succeeded"]
    with fleet.worker(*QUICK, name="w2"):
        for run in runs:
            run.wait(timeout=20)
            assert (run.state, run.jobs()[0].losses) == (RunState.succeeded, 0)
