"""Fixtures of all tests: real servers, a namespace of one's own, and no leaks."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from orchestrator.servers.discovery import Server
from support.leaks import orphans, strays
from support.needs import all_servers, require
from support.rabbitmq import RabbitMQ
from support.redis_server import RedisCluster, RedisServer


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis for this test process. Whoever kills or reconfigures a server makes one of their own: `make_redis`."""
    require("redis")
    server = RedisServer(all_servers()[0], tmp_path_factory.mktemp("redis")).start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis_url(redis_server: RedisServer) -> str:
    """The address of `redis_server`."""
    return redis_server.url


@pytest.fixture
def redis_client(redis_server: RedisServer) -> Iterator[redis.Redis]:
    """A client of `redis_server` that gives bytes."""
    with redis_server.client() as client:
        yield client


@pytest.fixture
def ns(redis_server: RedisServer) -> Iterator[str]:
    """A namespace of this test's own. At the end, nothing may lie outside it, and nothing in it without its record."""
    name = f"t{uuid.uuid4().hex[:12]}"
    with redis_server.client(decode_responses=True) as client:
        before = set(client.scan_iter(count=1000))
        yield name
        after = set(client.scan_iter(count=1000))
        own = [key for key in after if key.startswith(f"o:{{{name}}}:")]
        if own:
            client.unlink(*own)
    assert not strays(after - before, name), "keys left outside the test's namespace"
    assert not orphans(after, name), "keys left without the record that owns them"


@pytest.fixture
def make_redis(tmp_path: Path) -> Iterator[Callable[..., RedisServer]]:
    """Make servers for this test alone: `make_redis(server=None, args=())` starts one; all are stopped at the end."""
    made: list[RedisServer] = []

    def make(server: Server | None = None, args: tuple[str, ...] = ()) -> RedisServer:
        if server is None:
            require("redis")
        made.append(RedisServer(server or all_servers()[0], tmp_path / f"redis{len(made)}", args))
        return made[-1].start()

    yield make
    for each in made:
        each.stop()


@pytest.fixture(scope="session")
def redis_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    """Three Redis masters on loopback that share the slots."""
    require("redis")
    cluster = RedisCluster(all_servers()[0], tmp_path_factory.mktemp("cluster"))
    try:
        yield cluster.start()
    finally:
        cluster.stop()


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """A private RabbitMQ broker; its `url` goes into ORCHESTRATOR_BROKER_URL."""
    require("rabbitmq")
    broker = RabbitMQ(tmp_path_factory.mktemp("rabbitmq"))
    try:
        yield broker.start()
    finally:
        broker.stop()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests that share a costly server in one process of xdist, so that it is started once."""
    for item in items:
        for costly in ("rabbitmq", "redis_cluster"):
            if costly in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.xdist_group(costly))
