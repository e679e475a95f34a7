"""Asks whether the Redis that holds the state answers."""

from __future__ import annotations

import asyncio
from contextlib import closing

from orchestrator.model.errors import StoreUnavailable
from orchestrator.servers.addresses import store_url
from orchestrator.settings import Settings
from orchestrator.state.reads import health
from orchestrator.state.store import AsyncStore, Store

PATIENCE_S = 1.0
"""How long the store may take to answer an `AsyncProbe`."""


def require_store(settings: Settings) -> None:
    """Return if the store answers.

    Raises:
        StoreUnavailable: it does not, or no address is set and no embedded Redis runs.
        StoreBusy: it answers that it can do nothing now.
    """
    with closing(Store.connect(store_url(settings), settings.namespace)) as store:
        store.read(health.answers(store.keys))


class AsyncProbe:
    """Asks again and again, over a connection of its own that does not try twice."""

    def __init__(self, settings: Settings) -> None:
        self._store = AsyncStore.connect(store_url(settings), settings.namespace, timeout_s=PATIENCE_S, retries=0)

    async def ask(self) -> None:
        """Return if the store answers within a second.

        Raises:
            StoreUnavailable: it does not.
            StoreBusy: it answers that it can do nothing now.
        """
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._store.read(health.answers(self._store.keys))
        except TimeoutError:
            raise StoreUnavailable(f"the Redis that holds the state said nothing for {PATIENCE_S:g} s") from None

    async def close(self) -> None:
        """Close the connection."""
        await self._store.close()
