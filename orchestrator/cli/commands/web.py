"""`orchestrator web`: the HTTP face as a process."""

from __future__ import annotations

import os
import socket
import sys
from typing import TYPE_CHECKING

import click

from orchestrator.cli.base import Command, celery_app
from orchestrator.model import shapes

if TYPE_CHECKING:
    from celery import Celery

    from orchestrator.settings import Settings


@click.command(cls=Command, shape=shapes.WebProcess)
@click.option("--host", metavar="H", help="Where to listen, instead of ORCHESTRATOR_WEB_HOST.")
@click.option("--port", type=click.IntRange(0, 65_535), metavar="P", help="The port, instead of ORCHESTRATOR_WEB_PORT.")
def web(host: str | None, port: int | None, as_json: bool) -> None:
    """Serve webhooks (POST /hooks/TOKEN) and health checks (/healthz, /readyz) over HTTP. Any number may run."""
    import asyncio
    import logging

    from orchestrator.cli.render.output import print_json
    from orchestrator.servers.addresses import store_url
    from orchestrator.settings import get_settings
    from orchestrator.telemetry.sentry import init_sentry
    from orchestrator.web.server import listen

    settings = get_settings()
    app = celery_app()
    store_url(settings)  # a wrong setting, or no Redis, is one line here
    listener = listen(host or settings.web_host, settings.web_port if port is None else port)
    init_sentry()
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    where = listener.getsockname()
    if as_json:
        print_json(shapes.WebProcess(pid=os.getpid(), host=where[0], port=where[1]))
        sys.stdout.flush()
    logging.getLogger("orchestrator.web").info("listening on %s, port %d", *where[:2])
    asyncio.run(_serve(settings, app, listener))


async def _serve(settings: Settings, app: Celery | None, listener: socket.socket) -> None:
    from orchestrator.client import AsyncClient
    from orchestrator.web.app import create_app
    from orchestrator.web.health import Readiness
    from orchestrator.web.server import server

    readiness = Readiness(settings)
    try:
        async with AsyncClient(settings, app=app) as client:
            await server(create_app(client.hooks, readiness)).serve(sockets=[listener])
    finally:
        await readiness.close()
