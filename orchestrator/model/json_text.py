"""JSON from outside, read as strictly as it is written: what comes out can be stored and handed on."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn


def read_strict(text: str | bytes) -> Any:
    """Read JSON, and refuse by a `ValueError` what Python reads beyond it, or what could not be written again.

    That is NaN, infinities, numbers that are too large, endless nesting, and halves of characters.
    """
    try:
        value = json.loads(text, parse_constant=_no_number, parse_float=_finite)
        if isinstance(text, bytes) or "\\u" in text:  # half a character, as \ud800; Python reads it from bytes too
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return value


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:20]} is too large a number")
    return number
