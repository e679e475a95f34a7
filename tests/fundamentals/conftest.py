"""One engine for all of the tutorial: a Redis server, a scheduler, and a worker with two slots."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fundamentals import tasks

from orchestrator import Client
from support.fleet import Fleet
from support.needs import all_servers, require
from support.redis_server import RedisServer


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of the engine. A Redis of its own keeps the worker away from other tests' plain tasks."""
    require("redis")
    folder = tmp_path_factory.mktemp("tutorial")
    server = RedisServer(all_servers()[0], folder).start()
    tasks.app.conf.update(broker_url=server.url, result_backend=server.url)
    with Fleet(folder, server.url) as fleet:
        fleet.worker("-c", "2", app="fundamentals.tasks", env={"BROKER_URL": server.url}).start()
        yield fleet.client
    tasks.app.close()
    server.stop()


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A file that tasks write to."""
    return str(tmp_path / "notes")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tutorial in one process of xdist, so that its engine is started once."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("fundamentals"))
