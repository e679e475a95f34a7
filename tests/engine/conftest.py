"""What the engine's tests share: the state machine under a clock of its own, checked at each test's end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from orchestrator import Client
from support.ahead import Ahead, client_of
from support.checker import check
from support.machine import Machine
from support.starters import Starters


@pytest.fixture(autouse=True)
def set_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let clients believe the set clock of a machine, which is far ahead of that of Redis."""
    monkeypatch.setattr("orchestrator.state.reads.base.CLOCK_AHEAD_MS", 2**53)


@pytest.fixture
def machine(redis_client: redis.Redis, ns: str) -> Iterator[Machine]:
    """The state machine in the test's own namespace. At the end, transitions and stored state must agree."""
    made = Machine(redis_client, ns)
    yield made
    assert not check(made.store)


@pytest.fixture
def starters(machine: Machine) -> Starters:
    """Schedules and triggers in the test's own namespace, worked by a scheduler's own code."""
    return Starters(machine)


@pytest.fixture
def ahead(redis_client: redis.Redis, ns: str) -> Starters:
    """The same on a clock that clients go by too: see `client`."""
    return Starters(Ahead(redis_client, ns))


@pytest.fixture
def client(ahead: Starters, redis_url: str) -> Iterator[Client]:
    """A client for which it is as late as for `ahead`."""
    with client_of(ahead, redis_url) as made:
        yield made
