"""`orchestrator web`: the process, its health, and what it does with those who would do it harm."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from orchestrator import children
from orchestrator.web import guard
from orchestrator.web import server as serving
from orchestrator.web.health import VERSION
from orchestrator.web.hooks import body
from support.hooks import SECRET, TOKEN, Memory, problem, signed
from support.redis_server import RedisServer
from support.waiting import wait_until


@pytest.fixture
async def port(app: guard.Guard) -> AsyncIterator[int]:
    """The port of a real server of the app."""
    listener = serving.listen("127.0.0.1", 0)
    server = serving.server(app)
    serve = asyncio.create_task(server.serve(sockets=[listener]))
    yield listener.getsockname()[1]
    server.should_exit = True
    await serve


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
