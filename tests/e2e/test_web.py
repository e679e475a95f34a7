"""`orchestrator web`: its hooks, its health, and what it does with those who would do it harm."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest

from orchestrator import children
from orchestrator.model.errors import ParameterError, StoreUnavailable
from orchestrator.settings import Settings
from orchestrator.timing.trigger import Trigger
from orchestrator.web import body, guard
from orchestrator.web import server as serving
from orchestrator.web.app import create_app
from orchestrator.web.health import VERSION, Readiness
from support.redis_server import RedisServer
from support.waiting import wait_until

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
KEY = base64.b64decode(SECRET.removeprefix("whsec_"))
TOKEN = "t0ken-of-the-shop"


@dataclass
class Known:
    """A hook, and what came of a message: as the client's own."""

    trigger: Trigger


@dataclass
class Result:
    status: Literal["accepted", "ignored", "duplicate"]
    runs: list[str]


@dataclass
class Memory:
    """Hooks that are kept in memory, with the rules that the store has."""

    hooks: dict[str, Known]
    taken: dict[str, list[str]] = field(default_factory=dict)
    messages: list[tuple[Any, Mapping[str, str], int]] = field(default_factory=list)
    error: Exception | None = None

    async def find(self, token: str) -> Known | None:
        if self.error:
            raise self.error
        return self.hooks.get(token)

    async def deliver(
        self, hook: Known, delivery: str, payload: Any, headers: Mapping[str, str], received_ms: int
    ) -> Result:
        if delivery in self.taken:
            return Result("duplicate", self.taken[delivery])
        if isinstance(payload, dict) and payload.get("total") == "much":
            raise ParameterError("2 things are wrong:\n  total: is no number\n  day: is missing", where="workflow 'w'")
        self.messages.append((payload, headers, received_ms))
        if isinstance(payload, dict) and payload.get("total") == 0:
            return Result("ignored", [])
        self.taken[delivery] = [f"run{len(self.taken) + 1}"]
        return Result("accepted", self.taken[delivery])


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Memory:
    monkeypatch.setenv("SHOP_HOOK", SECRET)
    monkeypatch.setenv("CODE_HOOK", "push it")
    monkeypatch.delenv("NO_HOOK", raising=False)
    return Memory({
        TOKEN: Known(Trigger(name="paid", webhook={"secret": "env:SHOP_HOOK"})),
        "code": Known(Trigger(name="pushed", webhook={"secret": "env:CODE_HOOK", "scheme": "github"})),
        "bare": Known(Trigger(name="bare", webhook={"secret": "env:NO_HOOK"})),
    })  # fmt: skip


@pytest.fixture
async def app(memory: Memory, redis_server: RedisServer) -> AsyncIterator[guard.Guard]:
    readiness = Readiness(Settings(redis_url=redis_server.url))
    yield create_app(memory, readiness)
    await readiness.close()


@pytest.fixture
async def web(app: guard.Guard) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the app, without a socket between them."""
    wire = httpx.ASGITransport(app, client=("10.0.0.1", 1))
    async with httpx.AsyncClient(transport=wire, base_url="http://w") as made:
        yield made


@pytest.fixture
async def port(app: guard.Guard) -> AsyncIterator[int]:
    """The port of a real server of the app."""
    listener = serving.listen("127.0.0.1", 0)
    server = serving.server(app)
    serve = asyncio.create_task(server.serve(sockets=[listener]))
    yield listener.getsockname()[1]
    server.should_exit = True
    await serve


def signed(content: bytes, *, delivery: str = "msg_1", at: float | None = None, key: bytes = KEY) -> dict[str, str]:
    stamp = str(int(time.time() if at is None else at))
    digest = hmac.digest(key, f"{delivery}.{stamp}.".encode() + content, hashlib.sha256)
    return {
        "content-type": "application/json",
        "webhook-id": delivery,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert found["status"] == status
    assert found["request_id"] == answer.headers["x-request-id"]
    assert TOKEN not in answer.text
    assert "\n" not in found["detail"]
    return found


# -- hooks --------------------------------------------------------------------------------------------------------


async def test_a_signed_message_starts_a_run_once(web: httpx.AsyncClient, memory: Memory) -> None:
    content = b'{"id": 7}'
    headers = signed(content) | {"Authorization": "Bearer x", "X-Shop": "north"}
    answer = await web.post(f"/hooks/{TOKEN}", content=content, headers=headers)
    assert answer.status_code == 202
    assert answer.json() == {"delivery": "msg_1", "status": "accepted", "runs": ["run1"]}
    ((payload, kept, received_ms),) = memory.messages
    assert payload == {"id": 7}
    assert abs(received_ms / 1000 - time.time()) < 60
    assert kept["x-shop"] == "north"
    assert not {"authorization", "webhook-signature"} & set(kept)

    told = problem(await web.post(f"/hooks/{TOKEN}", content=content, headers=headers), 409)
    assert (told["delivery"], told["runs"]) == ("msg_1", ["run1"])
    later = signed(content, at=time.time() - 20)  # a sender that tries again signs anew, with the same id
    problem(await web.post(f"/hooks/{TOKEN}", content=content, headers=later), 409)
    assert len(memory.messages) == 1


async def test_github_is_understood(web: httpx.AsyncClient, memory: Memory) -> None:
    for number, (kind, content) in enumerate({
        "application/json": b'{"ref": "main"}',
        "application/x-www-form-urlencoded": b"payload=%7B%22ref%22%3A+%22main%22%7D",
    }.items()):  # fmt: skip
        signature = "sha256=" + hmac.digest(b"push it", content, hashlib.sha256).hex()
        headers = {"content-type": kind, "x-github-delivery": f"d{number}", "x-hub-signature-256": signature}
        answer = await web.post("/hooks/code", content=content, headers={**headers, "x-github-event": "push"})
        assert answer.status_code == 202
        assert memory.messages[-1][0] == {"ref": "main"}
        assert memory.messages[-1][1]["x-github-event"] == "push"
        problem(await web.post("/hooks/code", content=content, headers=headers), 409)


async def test_what_the_trigger_lets_go_is_no_error(web: httpx.AsyncClient) -> None:
    content = b'{"total": 0}'
    answer = await web.post(f"/hooks/{TOKEN}", content=content, headers=signed(content))
    assert (answer.status_code, answer.json()["status"], answer.json()["runs"]) == (200, "ignored", [])


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"webhook-signature": "v1,AAAA"}, "the signature does not fit the message"),
        ({"webhook-id": "msg_2"}, "the signature does not fit the message"),
        ({"webhook-signature": ""}, "the request has no webhook-signature header"),
        (signed(b"{}", key=b"other"), "the signature does not fit the message"),
        (signed(b"{}", at=time.time() - 3600), "webhook-timestamp is more than 5 minutes away"),
        (signed(b"{}", at=time.time() + 3600), "webhook-timestamp is more than 5 minutes away"),
    ],
)
async def test_a_forged_message_is_refused(
    web: httpx.AsyncClient, memory: Memory, changed: dict[str, str], told: str
) -> None:
    answer = await web.post(f"/hooks/{TOKEN}", content=b"{}", headers=signed(b"{}") | changed)
    assert problem(answer, 401)["detail"].startswith(told)
    assert "www-authenticate" in answer.headers
    assert memory.messages == []


@pytest.mark.parametrize(
    ("content", "headers", "status", "told"),
    [
        (b'{"total": "much"}', {}, 422, "2 things are wrong"),
        (b'{"total": ', {}, 400, "the body is not JSON: Expecting value at line 1, column 11"),
        (b"\xff", {"content-type": "text/plain"}, 400, "the body is not UTF-8 text, at byte 0"),
        (b"{}", {"content-encoding": "gzip"}, 415, "the body is compressed"),
        (b"x" * (body.MAX_BYTES + 1), {}, 413, "the body is over 1 MiB"),
    ],
)
async def test_bad_input_is_one_clear_answer_and_nothing_is_stored(
    web: httpx.AsyncClient, memory: Memory, content: bytes, headers: dict[str, str], status: int, told: str
) -> None:
    answer = await web.post(f"/hooks/{TOKEN}", content=content, headers=signed(content) | headers)
    assert problem(answer, status)["detail"] == told
    assert (memory.messages, memory.taken) == ([], {})


async def test_several_complaints_come_one_by_one(web: httpx.AsyncClient) -> None:
    content = b'{"total": "much"}'
    told = problem(await web.post(f"/hooks/{TOKEN}", content=content, headers=signed(content)), 422)
    assert told["errors"] == ["total: is no number", "day: is missing"]
    assert told["where"] == "workflow 'w'"


async def test_a_body_of_the_full_size_is_taken(web: httpx.AsyncClient, memory: Memory) -> None:
    content = json.dumps("x" * (body.MAX_BYTES - 2)).encode()
    assert len(content) == body.MAX_BYTES
    answer = await web.post(f"/hooks/{TOKEN}", content=content, headers=signed(content))
    assert answer.status_code == 202


@pytest.mark.parametrize("path", ["/hooks/nobody", f"/hooks/{TOKEN}/", f"/hooks/{TOKEN}/x", "/hooks/" + "x" * 5000])
async def test_a_hook_that_is_not_there(web: httpx.AsyncClient, path: str) -> None:
    told = problem(await web.post(path, content=b"{}", headers=signed(b"{}")), 404)
    assert (told["detail"], told["instance"]) == ("there is no such hook", "/hooks/***")


async def test_what_is_wrong_here_is_told_to_the_log_only(
    web: httpx.AsyncClient, memory: Memory, caplog: pytest.LogCaptureFixture
) -> None:
    told = problem(await web.post("/hooks/bare", content=b"{}", headers=signed(b"{}")), 500)
    assert "NO_HOOK" not in str(told)
    assert f"request {told['request_id']}: SettingsError: env:NO_HOOK: there is no secret here" in caplog.text

    memory.error = StoreUnavailable("Redis at redis://10.1.2.3 does not answer")
    answer = await web.post(f"/hooks/{TOKEN}", content=b"{}", headers=signed(b"{}"))
    assert problem(answer, 503)["detail"] == "The Redis that holds the state does not answer"
    assert answer.headers["retry-after"]

    memory.error = RuntimeError("a bug with s3cret in it")
    told = problem(await web.post(f"/hooks/{TOKEN}", content=b"{}", headers=signed(b"{}")), 500)
    assert "s3cret" not in str(told)
    assert f"request {told['request_id']} failed" in caplog.text
    assert "Traceback" in caplog.text
    assert TOKEN not in caplog.text


async def test_requests_have_ids_and_one_line_in_the_log(
    web: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "orchestrator.web")
    answer = await web.get("/nothing?key=s3cret", headers={"X-Request-ID": "trace-17"})
    assert problem(answer, 404)["request_id"] == "trace-17"
    answer = await web.delete(f"/hooks/{TOKEN}", headers={"X-Request-ID": "two words"})
    assert len(problem(answer, 405)["request_id"]) == 32
    await web.get(f"/else//hooks/{TOKEN}")
    await web.get("/healthz")
    lines = [json.loads(each.message) for each in caplog.records if each.name == "orchestrator.web.access"]
    assert [(line["method"], line["path"], line["status"]) for line in lines] == [
        ("GET", "/nothing", 404), ("DELETE", "/hooks/***", 405), ("GET", "/else//hooks/***", 404),
    ]  # fmt: skip
    assert (lines[0]["request_id"], lines[0]["client"]) == ("trace-17", "10.0.0.1")


async def test_nothing_else_is_served(web: httpx.AsyncClient) -> None:
    for path in ("/docs", "/redoc", "/openapi.json", "/", "/healthz/"):
        problem(await web.get(path), 404)


async def test_too_many_at_once_are_told_to_come_again(web: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "MAX_AT_ONCE", 0)
    answer = await web.get("/healthz")
    assert problem(answer, 503)["detail"] == "there are too many requests at once"
    assert answer.headers["retry-after"]
    monkeypatch.undo()
    assert (await web.get("/healthz")).status_code == 200


async def test_a_long_head_is_refused(web: httpx.AsyncClient) -> None:
    problem(await web.get("/healthz", headers={"X-Long": "x" * guard.MAX_HEAD_BYTES}), 431)
    problem(await web.post("/hooks/" + "x" * guard.MAX_HEAD_BYTES), 431)


# -- over a socket ------------------------------------------------------------------------------------------------


async def talk(port: int, *parts: bytes, then: bytes = b"") -> bytes:
    """Send the parts, and return all that is answered until the connection is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answered = asyncio.create_task(reader.read())
    with contextlib.suppress(ConnectionError):
        for part in parts:
            writer.write(part)
            await writer.drain()
        while then and not answered.done():
            writer.write(then)
            await writer.drain()
            await asyncio.sleep(0)
    try:
        return await asyncio.wait_for(answered, 20)
    except ConnectionError:
        return b""
    finally:
        writer.close()


HEAD = f"POST /hooks/{TOKEN} HTTP/1.1\r\nHost: w\r\n".encode()


async def test_a_body_that_never_comes_is_not_waited_for(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "PATIENCE_S", 0.2)
    answer = await talk(port, HEAD + b"Content-Length: 100\r\n\r\n", b"{")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer
    assert b"the body was not here within 0.2 s" in answer


async def test_a_head_that_never_ends_is_not_waited_for(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "HEAD_PATIENCE_S", 0.2)
    assert await talk(port) == b""
    assert await talk(port, HEAD) == b""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: w\r\n\r\n")
    assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200 OK")
    writer.write(b"GET /health")  # the second of a connection that is kept
    assert await asyncio.wait_for(reader.read(), 3) == b""
    writer.close()


async def test_a_body_without_end_is_cut(port: int) -> None:
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    answer = await talk(port, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", then=chunk)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 413 ")
    answer = await talk(port, b"POST /elsewhere HTTP/1.1\r\nHost: w\r\nTransfer-Encoding: chunked\r\n\r\n", then=chunk)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 404 ")


async def test_who_sends_too_much_reads_why(port: int) -> None:
    size = b"Content-Length: 3000000\r\n"
    last = b"GET /healthz HTTP/1.1\r\nHost: w\r\nConnection: close\r\n\r\n"
    answer = await talk(port, HEAD + size + b"\r\n", b"x" * 3_000_000, last)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"HTTP/1.1 200 OK" in answer  # the whole body was taken, so that the connection goes on
    answer = await talk(port, HEAD + size + b"Expect: 100-continue\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    "head",
    [
        b"GARBAGE\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: w\r\nX-Long: " + b"x" * (20 << 10),
        HEAD + b"Content-Length: many\r\n\r\n",
        HEAD + b"Content-Length: 1\r\nTransfer-Encoding: gzip\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_a_problem_too(port: int, head: bytes) -> None:
    answer = await talk(port, head)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in answer
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["status"] == 400


async def test_the_guides_sender_is_understood(port: int, memory: Memory) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "guides" / "webhooks.md").read_text()
    found: dict[str, Any] = {}
    exec(guide.partition("```python\n")[2].partition("```")[0], found)
    url = f"http://127.0.0.1:{port}/hooks/{TOKEN}"
    answer = await asyncio.to_thread(found["send"], url, SECRET, "order-7", {"total": 7})
    assert (answer.status_code, answer.json()["delivery"]) == (202, "order-7")
    assert memory.messages[0][0] == {"total": 7}
    problem(await asyncio.to_thread(found["send"], url, SECRET, "order-7", {"total": 7}), 409)


async def test_no_more_is_said_of_the_server_than_need_be(port: int) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{port}/healthz")
    assert "server" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"


# -- the process --------------------------------------------------------------------------------------------------


class Process:
    """`orchestrator web` on a free port."""

    def __init__(self, folder: Path, url: str, *args: str) -> None:
        self.folder = folder
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("ORCHESTRATOR_")}
        self.env["ORCHESTRATOR_REDIS_URL"] = url
        command = [sys.executable, "-m", "orchestrator", "web", "--port", "0", "--json", *args]
        with (folder / "log").open("wb") as log:
            self.process = children.spawn(command, env=self.env, cwd=folder, stdout=subprocess.PIPE, stderr=log)
        assert self.process.stdout is not None
        self.told = json.loads(self.process.stdout.readline())
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.told['port']}")

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def close(self) -> None:
        self.client.close()
        children.stop(self.process)
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def process(tmp_path: Path, make_redis: Callable[..., RedisServer]) -> Iterator[tuple[Process, RedisServer]]:
    redis = make_redis()
    made = Process(tmp_path, redis.url)
    yield made, redis
    made.close()


def test_the_process_is_live_without_its_store_and_ready_with_it(process: tuple[Process, RedisServer]) -> None:
    web, redis = process
    assert web.client.get("/healthz").json() == {"status": "ok", "version": VERSION}
    assert web.client.get("/readyz").json() == {"status": "ready", "version": VERSION}
    assert web.client.head("/readyz").status_code == 200

    redis.kill()
    assert problem(web.client.get("/readyz"), 503)["detail"] == "The Redis that holds the state does not answer"
    assert web.client.get("/healthz").status_code == 200
    redis.start()
    wait_until(lambda: web.client.get("/readyz").status_code == 200, 10, "the process to be ready again")

    redis.freeze()
    began = time.monotonic()
    problem(web.client.get("/readyz"), 503)
    assert time.monotonic() - began < 2
    assert web.client.get("/healthz").status_code == 200
    redis.thaw()
    wait_until(lambda: web.client.get("/readyz").status_code == 200, 10, "the process to be ready again")


def test_the_process_hides_tokens_and_ends_in_order(process: tuple[Process, RedisServer]) -> None:
    web, _ = process
    problem(web.client.post(f"/hooks/{TOKEN}", content=b"{}", headers=signed(b"{}")), 404)
    web.process.terminate()
    assert web.process.wait(10) == 0
    assert '"path": "/hooks/***", "status": 404' in web.log
    assert TOKEN not in web.log
    assert "Traceback" not in web.log


def test_a_port_that_is_taken_is_one_line(process: tuple[Process, RedisServer]) -> None:
    web, _ = process
    for args, told in {
        (
            "--port",
            str(web.told["port"]),
        ): f", port {web.told['port']}: Address already in use",
        ("--host", "no.such.host.invalid"): "cannot listen on no.such.host.invalid, port 8080: ",
    }.items():
        command = [sys.executable, "-m", "orchestrator", "web", *args]
        done = subprocess.run(command, env=web.env, cwd=web.folder, capture_output=True, text=True, timeout=30)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
        assert told in done.stderr
