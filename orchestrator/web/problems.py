"""Every error as one JSON document, by RFC 9457 (`application/problem+json`).

    {"type": "about:blank", "title": "Not Found", "status": 404, "detail": "there is no such hook",
     "instance": "/hooks/***", "request_id": "…"}

An error that has them adds `where`, `remedy` and `errors` (a list of complaints). Of an error on our side only the kind
is given: its text names servers and files, and goes to the log alone.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from orchestrator.model.errors import OrchestratorError

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2
_SIGNED = {"WWW-Authenticate": "Signature"}


def document(status: int, detail: str, **more: Any) -> bytes:
    """Write a problem. Fields that are None are left out."""
    title = HTTPStatus(status).phrase
    fields = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()


def response(
    request: Request, status: int, detail: str, headers: Mapping[str, str] | None = None, **more: Any
) -> Response:
    """Answer a request with a problem."""
    found = document(status, detail, instance=request.url.path, request_id=request_id(request), **more)
    hints = {401: _SIGNED, 503: {"Retry-After": str(RETRY_AFTER_S)}}.get(status, {})
    return Response(found, status, {**hints, **(headers or {})}, media_type=MEDIA_TYPE)


def request_id(request: Request) -> str:
    """Return the id under which the log knows a request."""
    found: str = request.state.request_id
    return found


def install(app: FastAPI) -> None:
    """Have an app answer every error with a problem."""
    app.add_exception_handler(OrchestratorError, _ours)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, unexpected)


async def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, OrchestratorError)
    if error.http_status >= 500:
        log.error("request %s: %s: %s", request_id(request), type(error).__name__, error)
        return response(request, error.http_status, _kind(error))
    first, *complaints = error.what.splitlines()
    return response(
        request,
        error.http_status,
        first.rstrip(":"),
        where=error.where,
        remedy=error.remedy,
        errors=[line.strip() for line in complaints] or None,
    )


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return response(request, error.status_code, str(error.detail), headers=error.headers)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    told = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
    return response(request, 422, "the request is not valid", errors=told)


async def unexpected(request: Request, _error: Exception) -> Response:
    """Answer a request that met a bug of the engine. The module `guard` logs the error."""
    return response(request, 500, "something went wrong here; the log says what, under the request's id")


def _kind(error: OrchestratorError) -> str:
    return (type(error).__doc__ or "").strip().splitlines()[0].rstrip(".")
