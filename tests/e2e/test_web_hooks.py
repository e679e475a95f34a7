"""The hooks: which messages start a run, and what is said of the others."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import time
from collections.abc import AsyncIterator

import httpx
import pytest

from orchestrator.model.errors import StoreUnavailable
from orchestrator.web import guard
from orchestrator.web.hooks import body
from support.hooks import TOKEN, Memory, problem, signed


@pytest.fixture
async def web(app: guard.Guard) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the app, without a socket between them."""
    wire = httpx.ASGITransport(app, client=("10.0.0.1", 1))
    async with httpx.AsyncClient(transport=wire, base_url="http://w") as made:
        yield made


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
        assert memory.messages[-1][1]["x-github-delivery"] == f"d{number}"
        replayed = {**headers, "x-github-delivery": f"another{number}"}
        told = problem(await web.post("/hooks/code", content=content, headers=replayed), 409)
        assert told["delivery"] == answer.json()["delivery"]


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
