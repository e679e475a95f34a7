"""Ask a web page, and deliver what it says when that is news.

News is what differs from what was delivered last, by the trigger's `id` or else the whole body, while `when` is true:
a page that comes back to what it said once, after it had said something else (or `when` had not been true), is news
again. With an `id`, the same id is news once.
"""

from __future__ import annotations

import logging
import time
from typing import Any

import httpx

from orchestrator.expressions.language import Expression
from orchestrator.model.errors import ExpressionError, SettingsError, Unavailable
from orchestrator.model.json_text import read_strict
from orchestrator.model.urls import mask_url
from orchestrator.scheduler.sources.inbox import MOST_BYTES, Found, digest, reveal, said
from orchestrator.scheduler.sources.polls import Poll
from orchestrator.scheduler.sources.reach import Guarded
from orchestrator.scheduling.matching import Event
from orchestrator.starters.sources import Http
from orchestrator.state.reads import source_memory
from orchestrator.state.transitions.sources import NoteSeen

logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs each request, with all of its address

HOPS = 5
KEPT = ("content-type", "date", "etag", "last-modified", "content-length")
"""Headers of an answer that are handed on."""
_VALIDATORS = ("etag", "last-modified", "content-length")
_LAST, _TURN = "last", "turn"


def ask(poll: Poll) -> None:
    """See `polls.Ask`."""
    http = poll.trigger.http
    assert http is not None
    payload = _payload(*_answer(http, poll.until))
    keys, starter_id = poll.inbox.store.keys, poll.record.id
    last, turn = poll.inbox.store.read(source_memory.seen(keys, starter_id, (_LAST, _TURN)))
    if not _wanted(poll, payload):
        if last:
            poll.inbox.store.run(NoteSeen(starter_id, {_LAST: ""}))
        return
    key = poll.inbox.delivery_id(Found(_digest(http, payload), payload))
    if key == last:
        return
    # The same turn again, after a death in between or in a race, is the same delivery.
    number = int(turn or 0) + 1
    poll.inbox.deliver([Found(f"{poll.record.created_ms}.{number}.{key}", payload)])
    poll.inbox.store.run(NoteSeen(starter_id, {_LAST: key, _TURN: str(number)}))


def _wanted(poll: Poll, payload: Any) -> bool:
    """Tell whether the trigger wants it; what its `when` has no value for is delivered, and fails where all see it."""
    if poll.trigger.when is None:
        return True
    event = Event("", poll.record.id, poll.now_ms, payload, poll.inbox.place)
    try:
        return Expression(poll.trigger.when).test(event=event.variable())
    except ExpressionError:
        return True


def _digest(http: Http, payload: dict[str, Any]) -> str:
    if http.method == "HEAD":
        return digest(repr([payload["headers"].get(name) for name in _VALIDATORS]))
    return digest(repr(payload["body"]))


def _payload(response: httpx.Response, content: bytes) -> dict[str, Any]:
    """Return status, some headers, and the body: JSON if it says so and is, else text, None if there is none."""
    headers = {name: response.headers[name] for name in KEPT if name in response.headers}
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    body: Any = None
    if content:
        try:
            body = content.decode(response.encoding or "utf-8", errors="replace")
        except LookupError:  # a charset that Python has not
            body = content.decode(errors="replace")
        if kind == "application/json" or kind.endswith("+json"):
            try:
                body = read_strict(content)
            except ValueError:
                pass
    return {"status": response.status_code, "headers": headers, "body": body}


def _answer(http: Http, until: float) -> tuple[httpx.Response, bytes]:
    """Request the page; whatever is no success is `Unavailable`."""
    url = reveal(http.url)
    headers = {name: reveal(value) for name, value in http.headers.items()}
    secrets = [headers[name] for name, value in http.headers.items() if headers[name] != value]
    if url != http.url:
        secrets.append(url)
    shown = mask_url(url.partition("?")[0])
    until = min(until, time.monotonic() + http.timeout.total_seconds())
    try:
        return _request(http.method, httpx.URL(url), headers, until)
    except httpx.TimeoutException:
        raise Unavailable("no answer in time", where=shown) from None
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        raise Unavailable(said(error, *secrets), where=shown) from None
    except (Unavailable, SettingsError) as error:
        error.where = error.where or shown
        raise


def _request(method: str, url: httpx.URL, headers: dict[str, str], until: float) -> tuple[httpx.Response, bytes]:
    with httpx.Client(transport=Guarded(), trust_env=False, follow_redirects=False) as client:
        request = client.build_request(method, url, headers=headers)
        for _ in range(HOPS):
            request.extensions["timeout"] = httpx.Timeout(max(0.05, until - time.monotonic())).as_dict()
            response = client.send(request, stream=True)
            try:
                if response.next_request is None:
                    if not response.is_success:
                        raise Unavailable(f"it answers {response.status_code} {response.reason_phrase}".strip())
                    return response, _read(response, until)
                request = response.next_request
                if not _is_same(url, request.url):
                    raise Unavailable(f"it redirects to {_origin(request.url)}, which is another host")
            finally:
                response.close()
    raise Unavailable(f"it redirects more than {HOPS} times")


def _origin(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode(errors='replace').rpartition('@')[2]}"


def _is_same(first: httpx.URL, then: httpx.URL) -> bool:
    """Tell whether a redirect stays where the definition points, or only goes over to HTTPS there."""
    upgrade = first.scheme == "http" and first.port is None and then.scheme == "https" and then.port is None
    return first.host == then.host and (upgrade or (first.scheme, first.port) == (then.scheme, then.port))


def _read(response: httpx.Response, until: float) -> bytes:
    content = bytearray()
    for chunk in response.iter_bytes(16_384):
        content += chunk
        if len(content) > MOST_BYTES:
            raise Unavailable(f"its answer is over {MOST_BYTES >> 20} MiB")
        if time.monotonic() > until:
            raise Unavailable("its answer did not end in time")
    return bytes(content)
