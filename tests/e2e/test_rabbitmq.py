"""RabbitMQ as the broker: quorum queues beside the app's own, confirmed permits, order by the store alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kombu import Connection

from orchestrator import RetryPolicy, Workflow
from orchestrator.dispatch.broker import Broker
from orchestrator.dispatch.permits import Publisher
from orchestrator.model.states import JobState, RunState
from orchestrator.state.transitions.values import Permits
from support import shop
from support.fleet import Fleet
from support.needs import require
from support.rabbitmq import RabbitMQ
from support.waiting import wait_until

pytestmark = pytest.mark.rabbitmq

QUICK = ("-c", "2", "--without-gossip", "--without-mingle")


@pytest.fixture(scope="module", params=["classic", "quorum"])
def fleet(
    request: pytest.FixtureRequest, rabbitmq: RabbitMQ, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    require("redis")
    kind = str(request.param)
    # A queue keeps its type for life, so each type has a route of its own.
    with Fleet(tmp_path_factory.mktemp(kind), redis_url, rabbitmq.url) as made:
        made.worker("-Q", kind, *QUICK, env={"SHOP_QUEUE_TYPE": kind}).start()
        made.route = kind
        yield made


def depth(fleet: Fleet, queue: str) -> int:
    with Connection(fleet.broker_url) as connection:
        return int(connection.default_channel.queue_declare(queue, passive=True).message_count)


def test_a_diamond_with_a_wide_middle(fleet: Fleet) -> None:
    workflow = Workflow("wide")
    root = workflow.job("root", shop.add.s(1), route=fleet.route)
    middle = [workflow.job(f"m{i}", shop.add.s(root.output, i), route=fleet.route) for i in range(300)]
    workflow.job("sink", shop.noop.s(*(job.output for job in middle)), route=fleet.route)
    run = fleet.client.submit(workflow)
    run.wait(timeout=60)
    assert run.state is RunState.succeeded
    assert run.output("m299") == 300


def test_retries_limits_and_lost_children(fleet: Fleet, tmp_path: Path) -> None:
    policy = RetryPolicy(max=2, delay=0.1, jitter=False)
    job, _ = fleet.outcome(shop.fail_until.s(str(tmp_path / "a"), 2), route=fleet.route, retry=policy)
    assert (job.state, job.attempt) == (JobState.succeeded, 3)
    job, _ = fleet.outcome(shop.nap.s(30), route=fleet.route, timeout=0.4)
    assert job.state is JobState.timed_out
    job, _ = fleet.outcome(shop.kill_me.s(str(tmp_path / "b"), 1), route=fleet.route)
    assert (job.state, job.losses) == (JobState.succeeded, 1)


def test_a_critical_job_overtakes_a_backlog(fleet: Fleet) -> None:
    workflow = Workflow("backlog", priority="low")
    for number in range(200):
        workflow.job(f"j{number}", shop.nap.s(0.05), route=fleet.route)
    backlog = fleet.client.submit(workflow)
    wait_until(lambda: backlog.refresh().state is RunState.running, 15, "the backlog to start")
    job, _ = fleet.outcome(shop.add.s(1), route=fleet.route, priority="critical")
    assert job.started_ms is not None
    assert job.queued_ms is not None
    assert job.started_ms - job.queued_ms < 50 + 200
    assert backlog.refresh().state is RunState.running
    backlog.cancel("seen enough")
    backlog.wait(timeout=20)


def test_permits_never_pile_up(fleet: Fleet) -> None:
    """After work, the queues of permits are empty again."""
    fleet.outcome(shop.add.s(1), route=fleet.route)
    queue = f"{fleet.namespace}:{fleet.route}.normal"
    wait_until(lambda: depth(fleet, queue) == 0, 10, "the permits to be taken")


def test_the_class_queues_have_the_type_of_the_routes_queue(fleet: Fleet) -> None:
    kind = fleet.route
    with Connection(fleet.broker_url) as connection:
        channel = connection.default_channel
        other = {"classic": "quorum", "quorum": "classic"}[kind]
        for name in (kind, f"{fleet.namespace}:{kind}.critical"):
            arguments = {"x-queue-type": kind} if kind == "quorum" else {}
            channel.queue_declare(name, durable=True, auto_delete=False, arguments=arguments)
            with pytest.raises(Exception, match="inequivalent arg 'x-queue-type'"):
                channel.queue_declare(name, durable=True, auto_delete=False, arguments={"x-queue-type": other})
            channel = connection.channel()


def test_many_permits_are_confirmed_together(rabbitmq: RabbitMQ) -> None:
    publisher = Publisher(Broker.of_url(rabbitmq.url), "confirms")
    with Connection(rabbitmq.url) as connection:
        channel = connection.default_channel
        channel.queue_declare("confirms:mail.high", durable=True, auto_delete=False)
        for _ in range(3):
            publisher.publish([Permits("mail", 1, 100), Permits("nowhere", 0, 5)])
        assert not publisher.down
        declared = channel.queue_declare("confirms:mail.high", passive=True)
        assert declared.message_count == 300
        channel.queue_delete("confirms:mail.high")
    publisher.close()


def test_a_worker_comes_back_after_the_broker_was_restarted(rabbitmq: RabbitMQ, redis_url: str, tmp_path: Path) -> None:
    with Fleet(tmp_path, redis_url, rabbitmq.url) as fleet, fleet.worker("-Q", "restart", *QUICK, name="w2"):
        assert fleet.outcome(shop.add.s(1), route="restart")[0].state is JobState.succeeded
        rabbitmq.stop()
        run = fleet.submit(shop.add.s(1), route="restart")  # no permit can be published
        rabbitmq.start()
        run.wait(timeout=60)
        assert run.state is RunState.succeeded
