"""Outputs as JSON bytes, in Celery's dialect.

A downstream task gets the value that it would get as a Celery argument: dates, times, `Decimal`, `UUID` and bytes keep
their types, tuples arrive as lists, and objects with `__json__` as the result of that method. `NaN`, infinities and
other types are refused, since JSON cannot express them.
"""

from __future__ import annotations

from typing import Any

from kombu.utils import json

from orchestrator.model.errors import OutputError


def encode(value: Any, limit: int) -> bytes:
    """Write an output, of at most `limit` bytes.

    Raises:
        OutputError: the output is not JSON, or too large.
    """
    if value is None:
        return b""
    try:
        text = json.dumps(value, default_kwargs={"allow_nan": False, "ensure_ascii": False, "separators": (",", ":")})
        encoded = text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise OutputError(
            f"the result is not JSON: {error}", remedy="return text, numbers, lists and dicts, or a path to the data"
        ) from None
    if len(encoded) > limit:
        raise OutputError(
            f"the result has {len(encoded):,} bytes as JSON, and {limit:,} are allowed",
            remedy="store it elsewhere and return where, or raise ORCHESTRATOR_OUTPUT_LIMIT",
        )
    return bytes(encoded)


def decode(encoded: bytes) -> Any:
    """Read an output; empty bytes stand for None."""
    return json.loads(encoded) if encoded else None
