"""`GET /healthz`: this process lives. `GET /readyz`: it can do its work, since the store answers."""

from __future__ import annotations

import asyncio
from importlib.metadata import version

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from orchestrator.model.errors import StoreUnavailable
from orchestrator.servers.addresses import store_url
from orchestrator.settings import Settings
from orchestrator.state.store import AsyncStore

PATIENCE_S = 1.0
VERSION = version("celery-orchestrator")
_METHODS = ["GET", "HEAD"]


class Readiness:
    """Whether the store answers within a second, asked over a connection of its own that does not try again.

    However many ask at once, the store is asked once.
    """

    def __init__(self, settings: Settings) -> None:
        self._store = AsyncStore.connect(store_url(settings), settings.namespace, timeout_s=PATIENCE_S, retries=0)
        self._asking: asyncio.Task[None] | None = None

    async def check(self) -> None:
        """Return if the store answers; raise `StoreUnavailable` or `StoreBusy` if not."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        await asyncio.shield(self._asking)

    async def _ask(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._store.pipeline([("HGET", self._store.keys.meta, "schema")])
        except TimeoutError:
            raise StoreUnavailable(f"the Redis that holds the state said nothing for {PATIENCE_S:g} s") from None

    async def close(self) -> None:
        """Close the connection."""
        await self._store.close()


def router(readiness: Readiness) -> APIRouter:
    """Return the routes of the health checks."""
    made = APIRouter()

    @made.api_route("/healthz", methods=_METHODS)
    async def healthz() -> Response:
        return JSONResponse({"status": "ok", "version": VERSION})

    @made.api_route("/readyz", methods=_METHODS)
    async def readyz() -> Response:
        await readiness.check()
        return JSONResponse({"status": "ready", "version": VERSION})

    return made
