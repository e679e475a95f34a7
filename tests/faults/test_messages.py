"""Half of all messages lost, doubled or late, whoever publishes them: workers, client and scheduler alike."""

from __future__ import annotations

import random

import pytest
from kombu import Connection

from orchestrator.dispatch.permits import Publisher
from support import ledger as tasks
from support.fleet import Fleet
from support.harm import APP, QUICK, assert_sound, done, layers, told
from support.ledger import Ledger, faulty
from support.waiting import wait_until


@pytest.mark.parametrize("fault", ["lost", "doubled", "late"])
def test_half_of_all_messages(fleet: Fleet, ledger: Ledger, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No attempt is made twice, and whatever waits is taken within 15 s."""
    monkeypatch.setattr(Publisher, "publish", faulty(Publisher.publish, fault, random.Random(11)))
    for name in ("w1", "w2"):
        fleet.worker(*QUICK, name=name, app=APP, env={"FAULT_MESSAGES": fault}).start()
    runs = [fleet.client.submit(layers(ledger, 10, 12, 0.02)) for _ in range(4)]
    for run in runs:
        run.wait(timeout=100)
        jobs = run.jobs()
        assert {(job.attempt, job.losses) for job in jobs} == {(1, 0)}
    alone = [fleet.outcome(tasks.step.s(str(ledger))) for _ in range(6)]
    waits = [(job.started_ms - job.queued_ms) / 1000 for job, _ in alone if job.started_ms and job.queued_ms]
    told(f"wait of a job alone, half of all messages {fault}", waits)
    assert max(waits) < 15
    assert_sound(fleet, ledger, *runs, *(run for _, run in alone))


def test_permits_for_nothing_and_garbage_do_no_harm(fleet: Fleet, ledger: Ledger) -> None:
    worker, ns = fleet.worker(*QUICK, app=APP).start(), fleet.namespace
    run = fleet.client.submit(layers(ledger, 10, 20, 0.02))
    queue = f"{ns}:celery.normal"
    wait_until(lambda: done(run) > 20, 20, "the run to be under way")
    with Connection(fleet.broker_url) as connection:
        producer = connection.Producer(auto_declare=False)
        for args in (
            [],
            ["x"],
            ["other", "celery", 2],
            [fleet.namespace, "nowhere", 9],
            [fleet.namespace, "celery", "a"],
        ):
            producer.publish(
                [args, {}, {}], routing_key=queue, serializer="json", headers={"task": "orchestrator.turn", "id": "g"}
            )
    run.wait(timeout=60)
    wait_until(lambda: worker.text().count("a permit that is none was dropped") == 4, 10, "the garbage to be read")
    assert "a permit of the namespace 'other'" in worker.text()
    assert_sound(fleet, ledger, run)
