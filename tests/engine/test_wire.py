from __future__ import annotations

from collections.abc import Callable

import pytest

from orchestrator.model.errors import StoreUnavailable
from orchestrator.state.store import Store
from orchestrator.state.transitions.timers import Fire
from support.redis_server import RedisServer


def test_an_outage_of_many_calls_uses_up_no_connections(make_redis: Callable[..., RedisServer]) -> None:
    """A pool counts what it made: connections that are dropped for each failure would be at its limit for ever."""
    server = make_redis()
    store = Store.connect(server.url, "outage", retries=0)
    store.run(Fire())
    server.kill()
    for _ in range(150):
        with pytest.raises(StoreUnavailable):
            store.run(Fire())
    server.start()
    assert store.run(Fire()).count == 0
    store.close()
