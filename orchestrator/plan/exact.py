"""What JSON cannot hold as it is: a value is taken exactly, or refused where it is given."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from orchestrator.model.complaints import Complaint, Path
from orchestrator.model.templates import MAX_DEPTH

_DIGITS = 4300
"""Python reads no longer whole number from text."""
_BITS = math.floor(_DIGITS * math.log2(10))


def inexact(value: Any, path: Path = (), *, floats: bool = True, raw: bool = True) -> Iterator[Complaint]:
    """Find what JSON cannot hold as it is; the complaints have the paths into the value.

    Without `floats` NaN and infinities are let through, without `raw` bytes that are no text.
    """
    wrong = _wrong(value, floats, raw)
    if wrong is not None:
        yield Complaint(path, wrong)
        return
    if isinstance(value, BaseModel):
        value = value.model_dump()
    if isinstance(value, Mapping | list | tuple | set | frozenset) and len(path) > MAX_DEPTH:
        yield Complaint(path[:6], f"it nests deeper than {MAX_DEPTH} levels")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                yield Complaint(path, f"the key {key!r} is a {type(key).__name__}, and JSON has text only")
            else:
                yield from inexact(item, (*path, str(key)), floats=floats, raw=raw)
    elif isinstance(value, list | tuple | set | frozenset):
        for at, item in enumerate(value):
            yield from inexact(item, (*path, at), floats=floats, raw=raw)


def _wrong(value: Any, floats: bool, raw: bool) -> str | None:
    if isinstance(value, str):
        return None if is_text(value) else "it has half a character (a lone surrogate), which no text in UTF-8 has"
    if isinstance(value, int):
        return f"it has more than {_DIGITS:,} digits" if is_long(value) else None
    if isinstance(value, float):
        return f"{value} is not a JSON number" if floats and not math.isfinite(value) else None
    if isinstance(value, bytes):
        return "the bytes are no text in UTF-8, and JSON has text only" if raw and not _is_utf8(value) else None
    if hasattr(value, "get_secret_value"):
        return "it is a secret, and what is given is stored and shown; give its name, and let the task look it up"
    return None


def is_text(value: str) -> bool:
    """Tell whether a text can be written in UTF-8."""
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_long(value: int) -> bool:
    """Tell whether a whole number has more digits than Python reads."""
    return value.bit_length() > _BITS


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
