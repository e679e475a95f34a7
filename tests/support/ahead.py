"""Clients on a set clock: what they are told is the time is what the machine says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from orchestrator import Client, Schedule, Workflow
from orchestrator.settings import Settings
from support.machine import Machine
from support.starters import Starters

MINUTE = 60_000
START = datetime(2101, 1, 7, 8, tzinfo=UTC)
"""A Friday; later than any day on which these tests run, since who asks for the time never gets an earlier one."""
START_MS = int(START.timestamp() * 1000)


class Params(BaseModel):
    day: str
    copies: int = 1


def one_job(name: str = "shop", **options: Any) -> Workflow:
    """Make a workflow of one job."""
    made = Workflow(name, **options)
    made.job("a", {"task": "orchestrator.noop"})
    return made


def put(client: Client, schedule: Schedule, workflow: str = "shop") -> str:
    """Put a schedule, register its workflow if it is not there yet, and return the schedule's id."""
    if workflow not in client.workflows.names():
        client.workflows.register(one_job(workflow))
    return client.schedules.put(workflow, schedule).id


class Ahead(Machine):
    """A machine whose set clock is also what clients are told when they ask for the time."""

    def __init__(self, client: Any, ns: str) -> None:
        super().__init__(client, ns)
        self.wait(START_MS - self.now)

    def wait(self, ms: int) -> None:
        super().wait(ms)
        self.client.hset(self.keys.meta, "clock", self.now)


@contextmanager
def client_of(starters: Starters, redis_url: str) -> Iterator[Client]:
    """Make a client whose store goes by the machine's clock."""
    with Client(Settings(redis_url=redis_url, broker_url=None, namespace=starters.store.namespace)) as made:
        own, made._port.store = made._port.store, starters.store
        made._port.publish = lambda permits, apps: starters.permits.extend(permits)  # type: ignore[method-assign]
        yield made
        made._port.store = own
