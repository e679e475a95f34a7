"""The two ports that drive steps: one for programs and threads, one for asyncio. They differ only in `await`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from orchestrator.model.errors import Unavailable
from orchestrator.servers.addresses import store_url
from orchestrator.settings import Settings
from orchestrator.state import reads
from orchestrator.state.store import AsyncStore, Store

if TYPE_CHECKING:
    from celery import Celery

    from orchestrator.client.steps import Steps
    from orchestrator.dispatch.permits import Publisher
    from orchestrator.dispatch.publishers import Apps, Publishers
    from orchestrator.model.run import NodeInfo, QueueInfo
    from orchestrator.state.transitions.values import Permits

T = TypeVar("T")


class _Publishing:
    """Owns the publishers of permits. They are made when permits are due, because most clients only read."""

    def __init__(self, settings: Settings, app: Celery | None) -> None:
        self._settings = settings
        self._app = app

    @cached_property
    def publishers(self) -> Publishers:
        """The publishers, on the broker of the given app, or else of each workflow's own, or else of the settings."""
        from orchestrator.dispatch.publishers import Publishers

        return Publishers(self._settings, self._app)

    def _close_publishers(self) -> None:
        if "publishers" in self.__dict__:
            self.publishers.close()

    def _elsewhere(self, nodes: Sequence[NodeInfo], queues: Sequence[QueueInfo]) -> str:
        from orchestrator.dispatch.agreement import REMEDY, apart

        line = apart(self.publishers.own.broker, nodes, queues)
        return f"{line} ({REMEDY})" if line else ""


class SyncPort(_Publishing):
    """Drives steps in the caller's thread. Threads may share it."""

    def __init__(self, settings: Settings, app: Celery | None) -> None:
        super().__init__(settings, app)
        self.store = Store.connect(store_url(settings), settings.namespace)

    def drive(self, steps: Steps[T]) -> T:
        """Make the steps one after the other, and return the result of all."""
        try:
            step = next(steps)
            while True:
                step = steps.send(step(self))
        except StopIteration as end:
            result: T = end.value
            return result

    def publish(self, permits: Sequence[Permits], apps: Apps) -> None:
        """Publish permits, those of a route in `apps` by the broker of that app.

        A broker that is away is no error: the work is stored, and beats replace permits that a broker has missed.
        """
        for publisher, share in self.publishers.shares(permits, apps) if permits else ():
            if publisher.agreement.stale:
                self._learn(publisher)
            publisher.publish(share)

    def elsewhere(self, nodes: Sequence[NodeInfo], queues: Sequence[QueueInfo]) -> str:
        """Say in one line that nodes listen to another broker than this process publishes to; empty if all is well."""
        return self._elsewhere(nodes, queues)

    def _learn(self, publisher: Publisher) -> None:
        """Ask which brokers the workers listen to. The run is stored already: this never fails."""
        try:
            publisher.agreement.learn(self.store.read(reads.nodes(self.store.keys)))
        except Unavailable:
            return

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)  # noqa: TID251 — the pause between two polls of `wait`

    def close(self) -> None:
        """Close the connections."""
        self.store.close()
        self._close_publishers()


class AsyncPort(_Publishing):
    """Drives steps in an event loop."""

    def __init__(self, settings: Settings, app: Celery | None) -> None:
        super().__init__(settings, app)
        self.store = AsyncStore.connect(store_url(settings), settings.namespace)

    async def drive(self, steps: Steps[T]) -> T:
        """Make the steps one after the other, and return the result of all."""
        try:
            step = next(steps)
            while True:
                step = steps.send(await step(self))
        except StopIteration as end:
            result: T = end.value
            return result

    async def publish(self, permits: Sequence[Permits], apps: Apps) -> None:
        """Publish permits in a thread, because kombu blocks. See `SyncPort.publish`."""
        for publisher, share in self.publishers.shares(permits, apps) if permits else ():
            if publisher.agreement.stale:
                await self._learn(publisher)
            await asyncio.to_thread(publisher.publish, share)

    async def elsewhere(self, nodes: Sequence[NodeInfo], queues: Sequence[QueueInfo]) -> str:
        """Do as `SyncPort.elsewhere`, in a thread."""
        return await asyncio.to_thread(self._elsewhere, nodes, queues)

    async def _learn(self, publisher: Publisher) -> None:
        try:
            nodes = await self.store.read(reads.nodes(self.store.keys))
        except Unavailable:
            return
        await asyncio.to_thread(publisher.agreement.learn, nodes)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    async def close(self) -> None:
        """Close the connections."""
        await self.store.close()
        await asyncio.to_thread(self._close_publishers)
