"""`GET /healthz`: this process lives. `GET /readyz`: it can work, because the store answers."""

from __future__ import annotations

import asyncio
from importlib.metadata import version

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from orchestrator.servers.probe import AsyncProbe
from orchestrator.settings import Settings

VERSION = version("celery-orchestrator")
_METHODS = ["GET", "HEAD"]


class Readiness:
    """Tells whether the store answers within a second. However many ask at once, the store is asked once."""

    def __init__(self, settings: Settings) -> None:
        self._probe = AsyncProbe(settings)
        self._asking: asyncio.Task[None] | None = None

    async def check(self) -> None:
        """Return if the store answers.

        Raises:
            StoreUnavailable: it does not.
            StoreBusy: it answers that it can do nothing now.
        """
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._probe.ask())
        await asyncio.shield(self._asking)

    async def close(self) -> None:
        """Close the connection."""
        await self._probe.close()


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
