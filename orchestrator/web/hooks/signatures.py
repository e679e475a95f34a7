"""Signatures of webhooks: they prove who sent a message, and identify it. Pure.

| scheme | headers | signed | against replays |
| --- | --- | --- | --- |
| `standard` | `webhook-id`, `webhook-timestamp`, `webhook-signature: v1,<base64> …` | id, time and body | the id, within 5 minutes |
| `github` | `x-hub-signature-256: sha256=<hex>` | the body | the body's digest, which is the id |

Both are HMAC-SHA256. `standard` is the Standard Webhooks specification (standardwebhooks.com). A secret of it is
`whsec_<base64>`, or plain text. `github` signs no id, only the body: so the body is the message's identity.
"""  # noqa: E501 — a table

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence

from orchestrator.model.errors import Forged, SettingsError

TOLERANCE_S = 300
"""How far the time of a message may be from ours, in both directions."""

_ID = re.compile(r"[!-\-/-~]{1,200}")
"""Visible ASCII without the full stop, which separates the parts of what `standard` signs."""
_TIME = re.compile(r"[0-9]{1,12}")


def verify(scheme: str, secrets: str, headers: Mapping[str, str], body: bytes, now_s: float) -> str:
    """Return the id of a message that is signed with one of the secrets.

    `secrets` has one secret a line: a new one can be added before the old one is removed. `headers` have names in lower
    case.

    Raises:
        Forged: the message is not signed with one of the secrets, or is too old. The reason tells nothing of them.
        SettingsError: a secret has no valid form.
    """
    return SCHEMES[scheme]([line.strip() for line in secrets.split("\n") if line.strip()], headers, body, now_s)


def _standard(secrets: Sequence[str], headers: Mapping[str, str], body: bytes, now_s: float) -> str:
    delivery = _id(headers, "webhook-id")
    stamp = _header(headers, "webhook-timestamp")
    given = [
        signature.removeprefix("v1,").encode()
        for signature in _header(headers, "webhook-signature").split()
        if signature.startswith("v1,")
    ]
    signed = f"{delivery}.{stamp}.".encode() + body
    _require([base64.b64encode(_hmac(_standard_key(secret), signed)) for secret in secrets], given)
    if _TIME.fullmatch(stamp) is None:
        raise Forged("webhook-timestamp is not a time in seconds")
    if abs(int(stamp) - now_s) > TOLERANCE_S:
        raise Forged(f"webhook-timestamp is more than {TOLERANCE_S // 60} minutes away from this server's clock")
    return delivery


def _github(secrets: Sequence[str], headers: Mapping[str, str], body: bytes, now_s: float) -> str:
    given = _header(headers, "x-hub-signature-256")
    wanted = [b"sha256=" + binascii.hexlify(_hmac(secret.encode(), body)) for secret in secrets]
    _require(wanted, [given.lower().encode()])
    return hashlib.sha256(body).hexdigest()  # not the signature: ids are shown, signatures prove who speaks


SCHEMES: Mapping[str, Callable[[Sequence[str], Mapping[str, str], bytes, float], str]] = {
    "standard": _standard,
    "github": _github,
}
SIGNATURE_HEADERS = frozenset({"webhook-signature", "x-hub-signature", "x-hub-signature-256"})


def _header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name, "").strip()
    if not value:
        raise Forged(f"the request has no {name} header")
    return value


def _id(headers: Mapping[str, str], name: str) -> str:
    value = _header(headers, name)
    if _ID.fullmatch(value) is None:
        raise Forged(f"{name} is not 1 to 200 visible characters without a full stop")
    return value


def _require(wanted: Sequence[bytes], given: Sequence[bytes]) -> None:
    """Compare every pair, each in constant time."""
    held = False
    for one in wanted:
        for other in given:
            held |= hmac.compare_digest(one, other)
    if not held:
        raise Forged("the signature does not fit the message")


def _standard_key(secret: str) -> bytes:
    if not secret.startswith("whsec_"):
        return secret.encode()
    encoded = secret.removeprefix("whsec_").rstrip("=")
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except binascii.Error:
        key = b""
    if not key:
        raise SettingsError("the secret is not Base64 behind whsec_")
    return key


def _hmac(key: bytes, signed: bytes) -> bytes:
    return hmac.digest(key, signed, hashlib.sha256)
