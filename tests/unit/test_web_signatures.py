"""Who may speak to a hook: signatures, the secrets behind them, and what is made of a body."""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path
from typing import Any

import pytest
from fastapi import HTTPException
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model.errors import DefinitionError, Forged, SettingsError
from orchestrator.model.secrets import check_reference, resolve
from orchestrator.web.hooks.body import parse
from orchestrator.web.hooks.signatures import verify

# The test vector of the Standard Webhooks libraries, and that of GitHub's documentation.
STANDARD = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
STANDARD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
STANDARD_BODY = b'{"test": 2432232314}'
SENT = 1614265330
GITHUB = {
    "x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
}
GITHUB_SECRET = "It's a Secret to Everybody"
GITHUB_BODY = b"Hello, World!"


def standard(secrets: str = STANDARD_SECRET, body: bytes = STANDARD_BODY, now: float = SENT, **changed: str) -> str:
    headers = {**STANDARD, **{f"webhook-{name}": value for name, value in changed.items()}}
    return verify("standard", secrets, headers, body, now)


def github(secrets: str = GITHUB_SECRET, body: bytes = GITHUB_BODY, **changed: str) -> str:
    return verify("github", secrets, {**GITHUB, **{name.replace("_", "-"): v for name, v in changed.items()}}, body, 0)


def signed(key: bytes, delivery: str, stamp: int, body: bytes) -> str:
    digest = hmac.digest(key, f"{delivery}.{stamp}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(digest).decode()


def test_the_published_vectors_hold() -> None:
    assert standard() == STANDARD["webhook-id"]
    assert github()


def test_a_message_of_github_is_known_by_its_body() -> None:
    """Nothing else of it is signed: who sends it again under another id sends the same."""
    delivery = github()
    assert github(x_github_delivery="1") == github(x_github_delivery="2", x_github_event="push") == delivery
    assert delivery not in GITHUB["x-hub-signature-256"]
    other = {"x_hub_signature_256": "sha256=" + hmac.digest(b"new one", GITHUB_BODY, hashlib.sha256).hex()}
    assert github(f"new one\n{GITHUB_SECRET}", **other) == delivery, "signed with a new secret it is the same"
    another = {"x_hub_signature_256": "sha256=" + hmac.digest(b"new one", b"Hello", hashlib.sha256).hex()}
    assert github("new one", b"Hello", **another) != delivery


def test_a_secret_may_be_plain_text_and_change_while_it_is_used() -> None:
    mine = signed(b"plain text", "msg_1", SENT, b"x")
    assert standard("plain text", b"x", id="msg_1", signature=mine) == "msg_1"
    other = signed(b"another", "msg_1", SENT, b"x")
    assert standard("plain text", b"x", id="msg_1", signature=f"{other} v1a,abc v2,x {mine}") == "msg_1"
    assert standard("new one\n\n plain text \n", b"x", id="msg_1", signature=mine) == "msg_1"
    assert github(f"new one\n{GITHUB_SECRET}\n") == github()


@pytest.mark.parametrize("away", [-300, 0, 300])
def test_five_minutes_are_allowed_either_way(away: int) -> None:
    assert standard(now=SENT + away)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"now": SENT + 301}, "webhook-timestamp is more than 5 minutes away from this server's clock"),
        ({"now": SENT - 301}, "webhook-timestamp is more than 5 minutes away from this server's clock"),
        ({"body": STANDARD_BODY + b" "}, "the signature does not fit the message"),
        ({"id": "msg_other"}, "the signature does not fit the message"),
        ({"timestamp": str(SENT + 1)}, "the signature does not fit the message"),
        ({"secrets": "whsec_AAAA"}, "the signature does not fit the message"),
        ({"secrets": "It's\na\nSecret"}, "the signature does not fit the message"),
        ({"signature": STANDARD["webhook-signature"].replace("v1,", "v1a,")}, "the signature does not fit the message"),
        ({"signature": "v1,"}, "the signature does not fit the message"),
        ({"signature": "v1,\xe9\xff"}, "the signature does not fit the message"),
        ({"signature": " "}, "the request has no webhook-signature header"),
        ({"id": ""}, "the request has no webhook-id header"),
        ({"timestamp": ""}, "the request has no webhook-timestamp header"),
        ({"id": "a.b"}, "webhook-id is not 1 to 200 visible characters without a full stop"),
        ({"id": "a" * 201}, "webhook-id is not 1 to 200 visible characters without a full stop"),
        ({"id": "a b"}, "webhook-id is not 1 to 200 visible characters without a full stop"),
    ],
)
def test_what_is_not_signed_as_it_should_be_is_forged(changed: dict[str, Any], told: str) -> None:
    with pytest.raises(Forged) as raised:
        standard(**changed)
    assert str(raised.value) == told


@pytest.mark.parametrize("stamp", ["soon", "1e9", "-5", "\u0661", "16142653301614265330"])
def test_a_time_that_is_none_is_forged_even_if_it_is_signed(stamp: str) -> None:
    digest = hmac.digest(b"k", f"m.{stamp}.".encode() + b"x", hashlib.sha256)
    with pytest.raises(Forged, match="webhook-timestamp is not a time in seconds"):
        standard("k", b"x", id="m", timestamp=stamp, signature="v1," + base64.b64encode(digest).decode())


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"body": b"Hello, World?"}, "the signature does not fit the message"),
        ({"x_hub_signature_256": "sha1=757107ea"}, "the signature does not fit the message"),
        ({"x_hub_signature_256": ""}, "the request has no x-hub-signature-256 header"),
        ({"secrets": "It's"}, "the signature does not fit the message"),
    ],
)
def test_a_message_of_github_is_forged_too(changed: dict[str, Any], told: str) -> None:
    with pytest.raises(Forged) as raised:
        github(**changed)
    assert str(raised.value) == told


def test_the_sha1_signature_of_github_is_not_enough() -> None:
    with pytest.raises(Forged):
        verify("github", "k", {"x-hub-signature": "sha1=0"}, b"", 0)


def test_a_secret_that_cannot_be_one_is_our_fault() -> None:
    for secret in ("whsec_", "whsec_not base64!"):
        with pytest.raises(SettingsError, match="not Base64 behind whsec_"):
            standard(secret)


@given(st.binary(max_size=50), st.binary(max_size=50), st.integers(0, 10**9))
def test_no_other_body_has_the_signature(body: bytes, other: bytes, stamp: int) -> None:
    signature = signed(b"key", "m", stamp, body)
    assert standard("key", body, stamp, id="m", timestamp=str(stamp), signature=signature) == "m"
    if other != body:
        with pytest.raises(Forged):
            standard("key", other, stamp, id="m", timestamp=str(stamp), signature=signature)


# -- secrets ------------------------------------------------------------------------------------------------------


def test_a_secret_is_read_where_its_reference_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_HOOK", "s3cret")
    assert resolve("env:SHOP_HOOK") == "s3cret"
    (tmp_path / "hook").write_text("one\ntwo\n")
    assert resolve(f"file:{tmp_path}/hook") == "one\ntwo"


@pytest.mark.parametrize(
    "reference", ["hunter2", "env:", "env:A B", "env:A=B", "file:relative", "file:", "vault:x", ""]
)
def test_what_is_no_reference_is_not_repeated(reference: str) -> None:
    with pytest.raises(DefinitionError) as raised:
        check_reference(reference)
    assert str(raised.value) == "a secret is named, not written out (give env:NAME or file:/path)"
    with pytest.raises(SettingsError, match="a secret is named, not written out"):
        resolve(reference)


def test_our_own_settings_are_nobodys_secret() -> None:
    for name in ("ORCHESTRATOR_REDIS_URL", "orchestrator_broker_url"):
        with pytest.raises(DefinitionError, match="is a setting of the engine"):
            check_reference(f"env:{name}")


def test_a_secret_that_is_not_there_is_told_by_its_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOP_HOOK", raising=False)
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    (tmp_path / "long").write_bytes(b"x" * (65 << 10))
    for reference, told in {
        "env:SHOP_HOOK": "there is no secret here (set it where this process runs)",
        f"file:{tmp_path}/none": "the secret cannot be read: No such file or directory",
        f"file:{tmp_path}/empty": "there is no secret here (set it where this process runs)",
        f"file:{tmp_path}/bytes": "the secret is not UTF-8 text",
        f"file:{tmp_path}/long": "the secret has over 64 KiB",
        f"file:{tmp_path}": "the secret is no file",
    }.items():
        with pytest.raises(SettingsError) as raised:
            resolve(reference)
        assert str(raised.value) == f"{reference}: {told}"


# -- bodies -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "body", "value"),
    [
        ("application/json", b'{"a": [1, 2.5, null, "\xc3\xa9"]}', {"a": [1, 2.5, None, "é"]}),
        ("application/json; charset=utf-8", b"\xef\xbb\xbf[]", []),
        ("application/vnd.github+json", rb'"\ud83d\ude00"', "😀"),
        ("application/x-www-form-urlencoded", b"a=1&b=x+y&b=%C3%A9&c=", {"a": "1", "b": ["x y", "é"], "c": ""}),
        ("text/plain", b"as it is", "as it is"),
        ("", b"", ""),
    ],
)
def test_a_body_is_understood_by_its_content_type(kind: str, body: bytes, value: Any) -> None:
    assert parse(kind, body) == value


@pytest.mark.parametrize(
    ("kind", "body", "told"),
    [
        ("application/json", b"", "the body is not JSON: Expecting value at line 1, column 1"),
        ("application/json", b'{"a":\n1,}', "the body is not JSON: "),
        ("application/json", b"[NaN]", "the body is not JSON that can be read: NaN is no number"),
        ("application/json", b"[1e999]", "the body is not JSON that can be read: 1e999 is too large a number"),
        ("application/json", b"1" * 5000, "the body is not JSON that can be read: "),
        ("application/json", b"[" * 200_000, "the body is not JSON that can be read: it is nested too deeply"),
        ("application/json", rb'["\ud800"]', "the body is not JSON: a \\u escape is half a character"),
        ("application/json", b'"\xff"', "the body is not UTF-8 text, at byte 1"),
        ("text/plain", b"\xff", "the body is not UTF-8 text, at byte 0"),
        ("application/x-www-form-urlencoded", b"a=%FF", "the form is not UTF-8 text"),
        ("application/x-www-form-urlencoded", b"a=&" * 1001, "the form has over 1000 fields"),
    ],
)
def test_a_body_that_is_not_what_it_says_is_one_line(kind: str, body: bytes, told: str) -> None:
    with pytest.raises(HTTPException) as raised:
        parse(kind, body)
    assert raised.value.status_code == 400
    assert raised.value.detail.startswith(told)
    assert "\n" not in raised.value.detail
