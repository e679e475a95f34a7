"""Outputs as JSON bytes, in Celery's dialect.

A downstream task gets the value that it would get as a Celery argument: dates, times, `Decimal`, `UUID` and bytes keep
their types, tuples arrive as lists, and objects with `__json__` as the result of that method. `NaN`, infinities and
other types are refused, since JSON cannot express them.
A dict that merely looks typed is data, and arrives as it was (`plan.typed`).
"""

from __future__ import annotations

import json
from typing import Any

from kombu.utils.json import JSONEncoder, object_hook

from orchestrator.model.errors import OutputError
from orchestrator.plan.typed import DICT, TYPE, VALUE, escaped, looks_typed


def encode(value: Any, limit: int) -> bytes:
    """Write an output, of at most `limit` bytes.

    Raises:
        OutputError: the output is not JSON, or too large.
    """
    if value is None:
        return b""
    try:
        text = _encoder.encode(value)
        if TYPE in text:
            text = _encoder.encode(escaped(value))
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
    return encoded


def decode(encoded: bytes) -> Any:
    """Read an output; empty bytes stand for None.

    Raises:
        OutputError: it has a typed value that cannot be read here.
    """
    if not encoded:
        return None
    try:
        return json.loads(encoded, object_hook=_read_typed)
    except RecursionError:
        raise OutputError("the value is nested too deeply to be read") from None


class _Encoder(JSONEncoder):
    """Celery's encoder. What a `__json__` gives is data of the user's, too."""

    def default(self, o: Any) -> Any:
        if hasattr(o, "__json__"):
            return escaped(o.__json__())
        return super().default(o)


_encoder = _Encoder(allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def _read_typed(read: dict[str, Any]) -> Any:
    if not looks_typed(read):
        return read
    if read[TYPE] == DICT:
        return dict(read[VALUE])
    try:
        return object_hook(read)
    except Exception:  # noqa: BLE001 — a type that the user registered may be read by any function
        name = read[TYPE]
        raise OutputError(
            f"the value {read[VALUE]!r:.100} is no {name!r} that can be read here",
            remedy="register the type with kombu.utils.json.register_type where its readers import it, too",
        ) from None
