"""Web pages that triggers ask: a real server, the scheduler's own code, a clock that is set."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import Any

import pytest
import redis

from orchestrator.scheduler.sources import reach
from orchestrator.state.layouts.change_ops import drop_starter
from support.machine import Machine
from support.watched import Watched


class Site:
    """A page that tests write."""

    def __init__(self) -> None:
        self.status, self.body, self.type = 200, b'{"n": 1}', "application/json"
        self.headers: dict[str, str] = {}
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                site.requests.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
                self.send_response(site.status)
                self.send_header("Content-Type", site.type)
                self.send_header("Content-Length", str(len(site.body)))
                for name, value in site.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(site.body)

            do_GET = do_POST = do_HEAD = answer

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/page"

    def says(self, body: Any) -> None:
        self.body = json.dumps(body).encode()


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture
def watched(redis_client: redis.Redis, ns: str) -> Watched:
    return Watched(Machine(redis_client, ns))


def payloads(watched: Watched) -> list[Any]:
    return [json.loads(each.body) for each in watched.deliveries()]


def test_a_page_starts_a_run_when_it_says_something_else(watched: Watched, site: Site) -> None:
    own = watched.put_trigger(http={"url": site.url, "every": "1m"})
    watched.look()
    assert len(watched.runs(own)) == 1
    (payload,) = payloads(watched)
    assert payload["status"] == 200
    assert payload["body"] == {"n": 1}
    assert payload["headers"]["content-type"] == "application/json"
    assert 59_000 < watched.due_ms(own) < 62_000
    watched.look(70_000)
    assert len(site.requests) == 2
    assert len(watched.runs(own)) == 1
    for step, runs in ((2, 2), (2, 2), (1, 3)):  # what it said once is news again after something else
        site.says({"n": step})
        watched.look(70_000)
        assert len(watched.runs(own)) == runs


def test_a_sensor_waits_until_its_condition_is_true(watched: Watched, site: Site) -> None:
    """It starts a run each time that the condition becomes true, and none while it stays so."""
    own = watched.put_trigger(http={"url": site.url}, when="event.payload.body.ready")
    for ready, runs in ((False, 0), (False, 0), (True, 1), (True, 1), (False, 1), (True, 2)):
        site.says({"ready": ready})
        watched.look(70_000)
        assert len(watched.runs(own)) == runs


def test_an_id_is_news_once(watched: Watched, site: Site) -> None:
    own = watched.put_trigger(http={"url": site.url}, id="event.payload.body.build")
    for build, at, runs in ((7, 1, 1), (7, 2, 1), (8, 3, 2), (7, 4, 2)):
        site.says({"build": build, "at": at})
        watched.look(70_000)
        assert len(watched.runs(own)) == runs


def test_what_is_no_success_delivers_nothing_and_is_said_once(
    watched: Watched, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    own = watched.put_trigger(http={"url": site.url})
    watched.look()
    site.status = 503
    with caplog.at_level(logging.INFO):
        watched.look(70_000)
        watched.look(70_000)
        site.status = 200
        watched.look(70_000)
    told = [record.getMessage() for record in caplog.records if own in record.getMessage()]
    assert len(told) == 2
    assert "it answers 503" in told[0]
    assert "answers again" in told[1]
    assert len(watched.runs(own)) == 1, "the page says what it said before"


def test_headers_may_be_secrets_and_are_not_told(
    watched: Watched, site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PAGE_TOKEN", "tiger 4711")
    watched.put_trigger(http={"url": site.url, "headers": {"Authorization": "env:PAGE_TOKEN"}})
    watched.look()
    assert site.requests[0][2]["authorization"] == "tiger 4711"
    monkeypatch.setenv("PAGE_TOKEN", "tiger\n4711")
    watched.look(70_000)
    assert "cannot be asked" in caplog.text
    assert "4711" not in caplog.text


@pytest.mark.parametrize(
    ("headers", "status", "body", "told"),
    [
        ({"Location": "http://localhost.example/"}, 302, b"", "another host"),
        ({"Location": "/page"}, 302, b"", "redirects more than"),
        ({}, 200, b"x" * (1 << 20) + b"y", "over 1 MiB"),
    ],
)
def test_answers_are_bounded(
    watched: Watched,
    site: Site,
    caplog: pytest.LogCaptureFixture,
    headers: dict[str, str],
    status: int,
    body: bytes,
    told: str,
) -> None:
    site.headers, site.status, site.body = headers, status, body
    watched.put_trigger(http={"url": site.url})
    watched.look()
    assert told in caplog.text
    assert watched.deliveries() == []


@pytest.mark.parametrize(
    ("address", "may"),
    [
        ("127.0.0.1", True), ("10.1.2.3", True), ("::1", True), ("93.184.216.34", True),
        ("169.254.169.254", False), ("::ffff:169.254.169.254", False), ("64:ff9b::a9fe:a9fe", False),
        ("fe80::1", False), ("fd00:ec2::254", False), ("100.100.100.200", False), ("0.0.0.0", False),
        ("224.0.0.1", False),
    ],
)  # fmt: skip
def test_link_local_and_metadata_addresses_are_out_of_reach(address: str, may: bool) -> None:
    assert reach.may_reach(ip_address(address)) is may


def test_a_metadata_service_is_not_asked(watched: Watched, caplog: pytest.LogCaptureFixture) -> None:
    watched.put_trigger(http={"url": "http://0xA9FEA9FE/latest/meta-data/"})
    watched.look()
    assert "may not reach" in caplog.text


def test_a_trigger_that_is_deleted_is_not_asked_again(watched: Watched, site: Site) -> None:
    own = watched.put_trigger(http={"url": site.url})
    watched.look()
    watched.apply([drop_starter(own)])
    assert watched.machine.timers() == {}
    watched.look(70_000)
    assert len(site.requests) == 1
    assert not watched.machine.client.exists(watched.keys.seen(own))
