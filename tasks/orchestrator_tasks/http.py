"""`orchestrator.http`: sends one HTTP request, to an address that the worker's settings allow (see `egress`).

A failure is an exception. The task sends a request once; the `RetryPolicy` of the job decides about further tries.
"""

from __future__ import annotations

import json as json_module
import time
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from orchestrator.model.errors import TaskInputError
from orchestrator_tasks.errors import HttpFailed, HttpStatusError
from orchestrator_tasks.settings import task_settings
from orchestrator_tasks.stock import stock

if TYPE_CHECKING:
    import httpx

NAME = "orchestrator.http"
KEPT_BYTES = 262_144
REDIRECTS = 5
Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@stock(NAME)
def http(
    url: Annotated[str, Field(pattern=r"^https?://[^/\s]", max_length=8_192)],
    *,
    method: Method = "GET",
    headers: dict[str, str] | None = None,
    params: dict[str, str | int | float | bool] | None = None,
    json: Any = None,
    data: str | dict[str, str] | None = None,
    timeout: Annotated[float, Field(gt=0, le=3_600)] = 30.0,
    ok_statuses: list[Annotated[int, Field(ge=100, le=599)]] | None = None,
    follow_redirects: bool = True,
    verify: bool = True,
    keep_bytes: Annotated[int, Field(ge=0, le=1 << 20)] = KEPT_BYTES,
) -> dict[str, Any]:
    """Send a request and return `{"status", "headers", "json" or "text", "truncated", "seconds"}`.

    `json` is sent as JSON, `data` as it is (text) or as a form (a mapping); at most one of them. `timeout` is for the
    whole request, in seconds. `ok_statuses` are the statuses that are a success, by default 200 to 299. At most
    `keep_bytes` bytes of the body are read; `truncated` tells that there was more, and then the body is text.

    Raises:
        TaskInputError: the arguments cannot be used.
        HttpFailed: there is no answer in time.
        HttpStatusError: the answer has another status.
        Refused: the worker does not allow the host.
    """
    if json is not None and data is not None:
        raise TaskInputError("json, data: only one of them can be the body", where=NAME)

    import httpx

    from orchestrator_tasks.egress import GuardedTransport

    started = time.monotonic()
    shown = f"{method} {_without_secrets(url)}"
    try:
        with httpx.Client(
            transport=GuardedTransport(task_settings().http_allow, verify=verify),
            timeout=timeout,
            follow_redirects=follow_redirects,
            max_redirects=REDIRECTS,
            trust_env=False,
        ) as client:
            body: dict[str, Any] = {"content": data} if isinstance(data, str) else {"data": data}
            with client.stream(method, url, headers=headers, params=params, json=json, **body) as response:
                content, truncated = _read(response, keep_bytes, started + timeout)
    except httpx.TimeoutException:
        raise HttpFailed(f"{shown}: no answer within {timeout:g} s", where=NAME) from None
    except httpx.InvalidURL as error:
        raise TaskInputError(f"url: {error}", where=NAME) from None
    except httpx.HTTPError as error:
        raise HttpFailed(f"{shown}: {str(error) or type(error).__name__}", where=NAME) from None
    answer = {
        "status": response.status_code,
        "headers": dict(response.headers),
        **_decoded(response, content, truncated),
        "truncated": truncated,
        "seconds": round(time.monotonic() - started, 3),
    }
    if not (response.status_code in ok_statuses if ok_statuses else response.is_success):
        reason = f"{response.status_code} {response.reason_phrase}".strip()
        start = content[:300].decode(errors="replace").strip()
        raise HttpStatusError(f"{shown} answered {reason}{': ' + start if start else ''}", where=NAME)
    return answer


def _read(response: httpx.Response, limit: int, end: float) -> tuple[bytes, bool]:
    """Read at most `limit` bytes of the body, until `end`; tell whether there was more."""
    import httpx

    content = bytearray()
    for chunk in response.iter_bytes(16_384):
        content += chunk
        if len(content) > limit:
            return bytes(content[:limit]), True
        if time.monotonic() > end:
            raise httpx.ReadTimeout("the body did not end in time")
    return bytes(content), False


def _decoded(response: httpx.Response, content: bytes, truncated: bool) -> dict[str, Any]:
    """Return the body as JSON if it says that it is, and is, JSON; else as text."""
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not truncated and (kind == "application/json" or kind.endswith("+json")):
        try:
            return {"json": json_module.loads(content)}
        except ValueError:
            pass
    try:
        return {"text": content.decode(response.encoding or "utf-8", errors="replace")}
    except LookupError:  # Python does not know the charset
        return {"text": content.decode(errors="replace")}


def _without_secrets(url: str) -> str:
    """Return the URL without the parts that may hold a secret: user and password, query, fragment."""
    import httpx

    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise TaskInputError(f"url: {error}", where=NAME) from None
    return str(parsed.copy_with(userinfo=b"", query=None, fragment=None))
