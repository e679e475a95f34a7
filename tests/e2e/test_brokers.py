"""One broker: the app's own, with all of its settings, whatever ORCHESTRATOR_BROKER_URL says. Who differs is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis

from orchestrator import Client, Run, Workflow, children
from orchestrator.model.states import RunState
from support.configured import configured
from support.fleet import Fleet
from support.proxy import Proxy
from support.rabbitmq import RabbitMQ
from support.redis_server import RedisServer, free_port
from support.waiting import wait_until
from support.workers import TESTS, Worker

QUICK = ("-c", "1", "--without-gossip", "--without-mingle")
AT_ONCE_S = 1.5
"""Healing takes two seconds: what is quicker came by its own permit."""


@pytest.fixture
def broker(make_redis: Callable[..., RedisServer]) -> RedisServer:
    return make_redis()


@pytest.fixture
def fleet(redis_url: str, tmp_path: Path) -> Iterator[Fleet]:
    """A scheduler and a client whose settings name the store as the broker: a wrong one here."""
    with Fleet(tmp_path, redis_url) as made:
        yield made


class Shop:
    """An app with these settings, here and in a worker."""

    def __init__(self, fleet: Fleet, conf: dict[str, Any], queues: list[list[str]] | None = None) -> None:
        self.fleet = fleet
        self.app = configured(conf, queues)
        self.env = {"CONF": json.dumps(conf), "QUEUES": json.dumps(queues)}

    def worker(self, *args: str, name: str = "w1") -> Worker:
        return self.fleet.worker(*QUICK, *args, app="support.configured", env=self.env, name=name)

    def submit(self, client: Client, text: str = "x", **options: Any) -> Run:
        workflow = Workflow("one")
        note = self.app.tasks["note"]
        workflow.job("job", note.s(str(self.fleet.folder / "notes"), text), **options)
        return client.submit(workflow)

    def seconds(self, client: Client, **options: Any) -> float:
        start = time.monotonic()
        run = self.submit(client, **options).wait(timeout=20)
        assert run.state is RunState.succeeded
        return time.monotonic() - start

    def cli(self, *args: str, app: bool = True) -> subprocess.CompletedProcess[str]:
        settings = self.fleet.client.settings
        env = {
            **Worker(Path(), str(settings.redis_url), settings.namespace)._env,
            **(self.env if app else {}),
            "ORCHESTRATOR_BROKER_URL": str(settings.broker_url),
        }
        app_option = ["-A", "support.configured"] if app else []
        command = [sys.executable, "-m", "orchestrator", *app_option, *args]
        return subprocess.run(command, env=env, cwd=TESTS, capture_output=True, text=True, timeout=60, check=False)


CONFS: dict[str, dict[str, Any]] = {
    "another address": {},
    "a list of addresses": {"broker_url": ["redis://127.0.0.1:1/0", "BROKER"], "broker_failover_strategy": "shuffle"},
    "addresses in one text": {"broker_url": "BROKER;redis://127.0.0.1:1/0"},
    "two ways": {"broker_read_url": "BROKER", "broker_write_url": "BROKER"},
    "a key prefix": {"broker_transport_options": {"global_keyprefix": "acme_", "visibility_timeout": 60}},
    "an order of queues": {"broker_transport_options": {"queue_order_strategy": "priority"}},
    "no JSON": {
        "accept_content": ["pickle"], "task_serializer": "pickle", "result_serializer": "pickle",
        "event_serializer": "pickle",
    },
    "YAML": {"accept_content": ["yaml"], "task_serializer": "yaml", "result_serializer": "yaml"},
    "a fanout by default": {"task_default_exchange_type": "fanout", "task_default_exchange": "all"},
    "a topic by default": {"task_default_exchange_type": "topic", "task_default_routing_key": "task.#"},
    "annotations for all": {
        "task_annotations": {"*": {"rate_limit": "2/m", "time_limit": 1, "acks_late": True, "soft_time_limit": 1}},
    },
}  # fmt: skip


def with_broker(conf: dict[str, Any], url: str) -> dict[str, Any]:
    return json.loads(json.dumps({"broker_url": "BROKER", **conf}).replace("BROKER", url))


@pytest.mark.parametrize("name", CONFS)
def test_permits_reach_the_workers_of_an_app_whatever_its_broker(fleet: Fleet, broker: RedisServer, name: str) -> None:
    """By `Client(app=…)`, and by a workflow that is made of the app's signatures."""
    shop = Shop(fleet, with_broker(CONFS[name], broker.url))
    with Client(fleet.client.settings, app=shop.app) as client, shop.worker():
        took = [shop.seconds(each) for each in (client, fleet.client) for _ in range(3)]
    assert sorted(took)[-2] < AT_ONCE_S, took
    with broker.client() as there, redis.Redis.from_url(fleet.redis_url) as here:
        assert there.keys("*binding*orchestrator*") == []
        assert here.keys(f"{fleet.namespace}:*") == []


def test_a_client_without_the_app_is_told_and_the_work_is_done_all_the_same(
    fleet: Fleet, broker: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    shop = Shop(fleet, with_broker({}, broker.url))
    with shop.worker() as worker:
        workflow = Workflow("by-name")
        workflow.job("job", {"task": "note", "args": [str(fleet.folder / "notes"), "x"]}, route="celery")
        for _ in range(2):
            assert fleet.client.submit(workflow).wait(timeout=20).state is RunState.succeeded
        lines = {record.getMessage() for record in caplog.records if "listens to" in record.getMessage()}
        (line,) = lines
        assert f"redis://127.0.0.1:{broker.port}/0" in line
        assert "permits from here go to redis://" in line
        assert "connections to the broker are made anew" not in worker.text()
        assert "ORCHESTRATOR_BROKER_URL is redis://" in worker.text()
        with redis.Redis.from_url(fleet.redis_url) as here:
            assert here.keys(f"{fleet.namespace}:*") == [], "permits that nobody hears are not published"
        doctor = shop.cli("doctor", app=False)
        assert "workers' broker" in doctor.stdout
        assert "-A, CELERY_APP" in " ".join(doctor.stdout.split())
        checks = {each["name"]: each for each in json.loads(shop.cli("doctor", "--json").stdout)["checks"]}
        assert checks["workers' broker"]["ok"]
        waits = fleet.submit({"task": "note"}, route="nowhere")
        for command in (("queues",), ("runs", "show", waits.id)):
            assert "permits from here go to" in shop.cli(*command, app=False).stderr
            assert shop.cli(*command).stderr == ""


def test_one_server_under_two_addresses_is_one_broker(fleet: Fleet, broker: RedisServer) -> None:
    other = Shop(fleet, with_broker({}, broker.url))
    with Proxy(broker.port) as proxy, Client(fleet.client.settings, app=other.app) as client:
        shop = Shop(fleet, with_broker({}, f"redis://127.0.0.1:{proxy.port}/0"))
        worker = shop.worker().start()
        assert client.nodes.elsewhere() == ""
        assert min(other.seconds(client) for _ in range(2)) < AT_ONCE_S
        worker.stop()


def test_a_broker_behind_sentinels(fleet: Fleet, make_redis: Callable[..., RedisServer], tmp_path: Path) -> None:
    """Two addresses, of which one sentinel is away; the master's name is an option of the transport."""
    master, port = make_redis(), free_port()
    config = tmp_path / "sentinel.conf"
    lines = f"port {port}", "bind 127.0.0.1", f"dir {tmp_path}", f"sentinel monitor main 127.0.0.1 {master.port} 1"
    config.write_text("\n".join(lines) + "\n")
    sentinel = children.spawn([master.server.path, str(config), "--sentinel"], stdout=subprocess.DEVNULL)
    try:
        shop = Shop(fleet, {
            "broker_url": f"sentinel://127.0.0.1:{port}/0;sentinel://127.0.0.1:1/0",
            "broker_transport_options": {"master_name": "main", "global_keyprefix": "acme_"},
        })  # fmt: skip
        with Client(fleet.client.settings, app=shop.app) as client, shop.worker():
            assert client.nodes.elsewhere() == ""
            assert min(shop.seconds(client) for _ in range(2)) < AT_ONCE_S
    finally:
        children.stop(sentinel)


@pytest.mark.rabbitmq
@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_rabbitmq_with_a_list_of_addresses_and_a_virtual_host(fleet: Fleet, rabbitmq: RabbitMQ, kind: str) -> None:
    route = f"own-{kind}"
    conf = {
        "broker_url": ["amqp://guest:guest@127.0.0.1:1//", rabbitmq.url],
        "task_default_queue": route, "task_default_queue_type": kind, "accept_content": ["pickle"],
        "task_serializer": "pickle",
    }  # fmt: skip
    shop = Shop(fleet, conf)
    with Client(fleet.client.settings, app=shop.app) as client, shop.worker():
        assert client.nodes.elsewhere() == ""
        assert sorted(shop.seconds(client) for _ in range(3))[1] < AT_ONCE_S


def scheduler_of(pid: int) -> list[str]:
    """Return the command line of the scheduler that a process has started; empty while there is none."""
    lines = [each.cmdline() for each in psutil.Process(pid).children(recursive=True)]
    return next((line for line in lines if "scheduler" in line), [])


def test_up_names_the_app_to_what_it_starts(tmp_path: Path) -> None:
    """The app has a broker of its own, here one that is away: the scheduler publishes there, not to the store."""
    conf = {"broker_url": "redis://127.0.0.1:1/0", "broker_connection_max_retries": 1}
    env = {**os.environ, "PYTHONPATH": str(TESTS), "CONF": json.dumps(conf), "C_FORCE_ROOT": "1"}
    env |= {"ORCHESTRATOR_DATA_DIR": str(tmp_path), "ORCHESTRATOR_WEB_PORT": "0"}
    command = [sys.executable, "-m", "orchestrator", "-A", "support.configured", "up", "--json"]
    with (tmp_path / "up.log").open("ab") as log:
        process = children.spawn(command, env=env, stdout=log, stderr=log, cwd=TESTS)
    try:
        argv = wait_until(lambda: scheduler_of(process.pid), 20, "the scheduler to be started")
        assert argv[argv.index("-A") + 1] == "support.configured"
    finally:
        children.stop(process, patience_s=20)


# -- queues -----------------------------------------------------------------------------------------------------------


def test_consumers_are_added_and_cancelled_at_run_time(fleet: Fleet, broker: RedisServer) -> None:
    shop = Shop(fleet, with_broker({}, broker.url))

    def routes() -> set[str]:
        (node,) = fleet.client.nodes.list()
        return {route for route, _ in node.subscriptions}

    with Client(fleet.client.settings, app=shop.app) as client, shop.worker():
        assert routes() == {"celery"}
        shop.app.control.add_consumer("mail")
        wait_until(lambda: routes() == {"celery", "mail"}, 5, "the node to take from the new queue")
        assert min(shop.seconds(client, route="mail") for _ in range(2)) < AT_ONCE_S
        shop.app.control.cancel_consumer("mail")
        wait_until(lambda: routes() == {"celery"}, 5, "the node to take no more from the queue")
        waits = shop.submit(client, route="mail")
        assert min(shop.seconds(client) for _ in range(2)) < AT_ONCE_S
        assert waits.refresh().state is RunState.queued
        (queue,) = [each for each in fleet.client.queues.list() if each.ready]
        assert (queue.route, queue.slots) == ("mail", 0)


def test_a_broadcast_leaves_nothing_behind(fleet: Fleet, broker: RedisServer) -> None:
    queues = [["news", "", "broadcast", ""], ["celery", "celery", "direct", "celery"]]
    shop = Shop(fleet, with_broker({}, broker.url), queues)
    for name in ("w1", "w2"):
        with shop.worker(name=name) as worker:
            (node,) = fleet.client.nodes.list()
            assert [route for route, _ in node.subscriptions] == ["celery"]
            assert "bcast" in worker.text()
    with broker.client() as there:
        assert [key for key in there.keys("*") if b"bcast" in key and b"binding" not in key] == []


def test_a_queue_of_the_apps_own_keeps_its_binding(fleet: Fleet, broker: RedisServer) -> None:
    queues = [["mail.high", "mail", "topic", "mail.urgent.#"]]
    shop = Shop(fleet, with_broker({"task_default_queue": "mail.high"}, broker.url), queues)
    notes = fleet.folder / "notes"
    with shop.worker():
        shop.app.send_task("note", (str(notes), "bound"), exchange="mail", routing_key="mail.urgent.1")
        wait_until(notes.exists, 5, "the message to the app's exchange to be taken")
