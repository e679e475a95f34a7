"""The web app: the routes, errors as problems, and the guard around them."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from orchestrator.web import health, problems
from orchestrator.web.guard import Guard
from orchestrator.web.hooks import endpoint


def create_app(known: endpoint.Hooks[Any], readiness: health.Readiness) -> Guard:
    """Return the ASGI app."""
    app = FastAPI(
        title="Celery Orchestrator",
        version=health.VERSION,
        openapi_url=None,  # there is no API yet, and the usual pages of one load scripts from other hosts
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # many clients drop the body of a redirected POST
    )
    problems.install(app)
    app.include_router(health.router(readiness))
    app.include_router(endpoint.router(known))
    return Guard(app)
