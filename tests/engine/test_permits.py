"""The publisher: permits reach the broker, and a broker that is away costs nobody anything."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator

import pytest
import redis

from orchestrator.dispatch.broker import Broker
from orchestrator.dispatch.permits import BACKOFF_S, Publisher
from orchestrator.state.transitions.values import Permits
from support.redis_server import RedisServer
from support.waiting import wait_until


@pytest.fixture
def server(make_redis: Callable[..., RedisServer]) -> RedisServer:
    return make_redis()


@pytest.fixture
def publisher(server: RedisServer) -> Iterator[Publisher]:
    made = Publisher(Broker.of_url(server.url), "acme")
    yield made
    made.close()


def permits(server: RedisServer, queue: str) -> list[dict[str, object]]:
    with server.client() as client:
        return [json.loads(each) for each in client.lrange(queue, 0, -1)]


def test_permits_are_so_many_messages(server: RedisServer, publisher: Publisher) -> None:
    publisher.publish([Permits("mail", 0, 3), Permits("web", 3, 1)])
    assert len(permits(server, "acme:mail.critical")) == 3
    (message,) = permits(server, "acme:web.low")
    headers = message["headers"]
    assert isinstance(headers, dict)
    assert (headers["task"], headers["argsrepr"]) == ("orchestrator.turn", "('acme', 'web', 3)")
    assert headers["ignore_result"] is True


def test_nothing_to_publish_connects_to_nothing() -> None:
    publisher = Publisher(Broker.of_url("redis://127.0.0.1:1/0"), "acme")
    publisher.publish([])
    assert not publisher.down


def test_a_broker_that_is_away_costs_a_moment_once(caplog: pytest.LogCaptureFixture) -> None:
    publisher = Publisher(Broker.of_url("redis://127.0.0.1:1/0"), "acme")
    start = time.monotonic()
    publisher.publish([Permits("mail", 0, 1)])
    assert time.monotonic() - start < 0.5
    assert publisher.down
    start = time.monotonic()
    for _ in range(100):
        publisher.publish([Permits("mail", 0, 1)])
    assert time.monotonic() - start < BACKOFF_S
    assert len(caplog.records) == 1


def test_a_broker_that_hangs_costs_no_more_than_its_time(server: RedisServer, publisher: Publisher) -> None:
    publisher.publish([Permits("mail", 0, 1)])
    os.kill(server.pid, 19)
    try:
        start = time.monotonic()
        publisher.publish([Permits("mail", 0, 1)])
        assert time.monotonic() - start < 4
        assert publisher.down
    finally:
        os.kill(server.pid, 18)


def test_a_connection_that_was_cut_is_made_anew(server: RedisServer, publisher: Publisher) -> None:
    publisher.publish([Permits("mail", 0, 1)])
    server.kill()
    server.start()
    publisher.publish([Permits("web", 0, 1)])
    assert not publisher.down
    assert len(permits(server, "acme:web.critical")) == 1


def test_permits_go_out_again_once_the_broker_is_back(server: RedisServer, publisher: Publisher) -> None:
    server.kill()
    publisher.publish([Permits("mail", 0, 1), Permits("web", 1, 1000)])
    assert publisher.down
    server.start()

    def published() -> bool:
        publisher.publish([])  # as every beat does
        return not publisher.down

    wait_until(published, 5, "the broker to take permits again", every=0.1)
    assert len(permits(server, "acme:mail.critical")) == 1
    assert len(permits(server, "acme:web.high")) == 16  # a few a queue are owed, never a flood
    publisher.publish([])
    assert len(permits(server, "acme:mail.critical")) == 1


def test_a_forked_child_has_a_connection_of_its_own(server: RedisServer, publisher: Publisher) -> None:
    publisher.publish([Permits("mail", 0, 1)])
    child = os.fork()
    if child == 0:
        publisher.publish([Permits("mail", 0, 1)])
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    publisher.publish([Permits("mail", 0, 1)])
    assert len(permits(server, "acme:mail.critical")) == 3


def test_a_unix_socket(make_redis: Callable[..., RedisServer], tmp_path: object) -> None:
    path = f"{tmp_path}/redis.sock"
    server = make_redis(args=("--unixsocket", path))
    publisher = Publisher(Broker.of_url(f"redis+socket://{path}"), "default")
    publisher.publish([Permits("mail", 2, 2)])
    assert len(permits(server, "mail.normal")) == 2
    publisher.close()


def test_what_kombu_leaves_is_bounded(server: RedisServer, publisher: Publisher) -> None:
    """No key but the queues themselves, and two connections."""
    with redis.Redis.from_url(server.url) as client:
        before = client.info("clients")["connected_clients"]
        for _ in range(20):
            publisher.publish([Permits("mail", 0, 2)])
        assert client.keys("*") == [b"acme:mail.critical"]
        assert (
            client.info("clients")["connected_clients"] <= before + 2
        )  # kombu keeps one for commands, one for batches
