"""The body of a request: read within limits of size and time, and parsed by its content type."""

from __future__ import annotations

import asyncio
import json
from typing import Any, NoReturn
from urllib.parse import parse_qsl

from fastapi import HTTPException, Request
from starlette.requests import ClientDisconnect

from orchestrator.model.json_text import read_strict

MAX_BYTES = 1 << 20
DRAINED_BYTES = 8 << 20
"""How much of a body that is too large is read and dropped, so that its sender reads the answer."""
PATIENCE_S = 10.0
MAX_FIELDS = 1000
_FORM = "application/x-www-form-urlencoded"


async def read(request: Request) -> bytes:
    """Read the body.

    Raises:
        HTTPException: 413 if the body is over 1 MiB, 408 if it is not here in 10 s, 415 if it is compressed, 400 if it
            breaks off.
    """
    if request.headers.get("content-encoding", "identity") != "identity":
        raise HTTPException(415, "the body is compressed")
    if "expect" in request.headers and int(request.headers.get("content-length", 0)) > MAX_BYTES:
        _too_large()  # the sender waits for our answer before it sends the body
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(PATIENCE_S):
            async for chunk in request.stream():
                size += len(chunk)
                if size <= MAX_BYTES:
                    chunks.append(chunk)
                elif size > DRAINED_BYTES:
                    break
    except TimeoutError:
        raise HTTPException(408, f"the body was not here within {PATIENCE_S:g} s") from None
    except ClientDisconnect:
        raise HTTPException(400, "the body broke off") from None
    if size > MAX_BYTES:
        _too_large()
    return b"".join(chunks)


def _too_large() -> NoReturn:
    raise HTTPException(413, f"the body is over {MAX_BYTES >> 20} MiB")


def parse(content_type: str, body: bytes) -> Any:
    """Parse a body: JSON, the fields of a form (a list where a field comes twice), or else text.

    The result can be written as JSON again.

    Raises:
        HTTPException: 400 if the body is not of its content type.
    """
    kind = content_type.partition(";")[0].strip().lower()
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise HTTPException(400, f"the body is not UTF-8 text, at byte {error.start}") from None
    if kind == "application/json" or kind.endswith("+json"):
        return parse_json(text)
    if kind == _FORM:
        return _form(text)
    return text


def parse_json(text: str) -> Any:
    """Read JSON. NaN, infinities, halves of characters and deep nesting, which Python reads, are refused.

    Raises:
        HTTPException: 400 if the text is not JSON.
    """
    try:
        return read_strict(text)
    except json.JSONDecodeError as error:
        told = f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        raise HTTPException(400, told) from None
    except UnicodeEncodeError:
        raise HTTPException(400, "the body is not JSON: a \\u escape is half a character") from None
    except ValueError as error:
        raise HTTPException(400, f"the body is not JSON that can be read: {error}") from None


def _form(text: str) -> dict[str, str | list[str]]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except UnicodeDecodeError:
        raise HTTPException(400, "the form is not UTF-8 text") from None
    except ValueError:
        raise HTTPException(400, f"the form has over {MAX_FIELDS} fields") from None
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in fields.items()}
