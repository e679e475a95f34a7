"""The two ports that drive steps: one for programs and threads, one for asyncio. They differ only in `await`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from orchestrator.servers.addresses import broker_url, store_url
from orchestrator.settings import Settings
from orchestrator.state.store import AsyncStore, Store

if TYPE_CHECKING:
    from celery import Celery

    from orchestrator.client.steps import Steps
    from orchestrator.dispatch.permits import Publisher
    from orchestrator.state.transitions.values import Permits

T = TypeVar("T")


class _Publishing:
    """Owns the publisher of permits. It is made when the first permits are due, because most clients only read."""

    def __init__(self, settings: Settings, app: Celery | None) -> None:
        self._settings = settings
        self._app = app

    @cached_property
    def publisher(self) -> Publisher:
        """The publisher, on the broker to which the workers listen."""
        from orchestrator.dispatch.permits import Publisher

        return Publisher.for_url(broker_url(self._settings, self._app), self._settings.namespace)

    def _close_publisher(self) -> None:
        if "publisher" in self.__dict__:
            self.publisher.close()


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

    def publish(self, permits: Sequence[Permits]) -> None:
        """Publish permits. It never fails: the work is stored, and beats replace permits that a broker has missed."""
        if permits:
            self.publisher.publish(permits)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)  # noqa: TID251 — the pause between two polls of `wait`

    def close(self) -> None:
        """Close the connections."""
        self.store.close()
        self._close_publisher()


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

    async def publish(self, permits: Sequence[Permits]) -> None:
        """Publish permits in a thread, because kombu blocks. See `SyncPort.publish`."""
        if permits:
            await asyncio.to_thread(self.publisher.publish, permits)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    async def close(self) -> None:
        """Close the connections."""
        await self.store.close()
        await asyncio.to_thread(self._close_publisher)
