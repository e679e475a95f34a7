"""From a message's bytes to its payload, the same for every source."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from orchestrator.model.json_text import read_strict
from orchestrator.scheduler.sources.inbox import MOST_BYTES


def payload_of(body: bytes) -> Any:
    """Return a message's body as JSON, else as `{"text": …}`, or as `{"base64": …}` if it is no text.

    A body over 1 MiB is replaced by `{"bytes": size}`.
    """
    if len(body) > MOST_BYTES:
        return {"bytes": len(body)}
    try:
        return read_strict(body)
    except ValueError:  # UnicodeDecodeError is one
        pass
    try:
        return {"text": body.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}


def payload_of_fields(fields: Mapping[bytes, bytes]) -> Any:
    """Return the payload of a message in a Redis stream.

    A single field that holds a JSON object or list is the payload; else the payload is `{"fields": {name: text}}`.
    """
    size = sum(len(name) + len(value) for name, value in fields.items())
    if size > MOST_BYTES:
        return {"bytes": size}
    if len(fields) == 1:
        try:
            value = read_strict(*fields.values())
        except ValueError:
            value = None
        if isinstance(value, dict | list):
            return value
    return {"fields": {_text(name): _text(value) for name, value in fields.items()}}


def _text(data: bytes) -> str:
    return data.decode(errors="replace")
