"""Fixtures of the fault tests: servers that may be harmed, and an end that looks at everything.

Nothing here is mocked: workers, schedulers and servers are processes, and faults are signals, proxies and restarts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.fleet import Fleet
from support.ledger import Ledger
from support.redis_server import RedisServer


@pytest.fixture
def server(make_redis: Callable[..., RedisServer]) -> RedisServer:
    """The Redis that holds the state."""
    return make_redis()


@pytest.fixture
def fleet(server: RedisServer, tmp_path: Path) -> Iterator[Fleet]:
    """A fleet whose broker is the state's Redis too."""
    with Fleet(tmp_path, server.url) as made:
        yield made


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """What the task bodies of `support.ledger` write into."""
    return Ledger(tmp_path / "ledger")
