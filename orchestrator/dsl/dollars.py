"""`${` in documents. It begins a place for a value, so that a text which holds `${` itself is written with `$${`.

Places are filled in by `definitions.values`. Keys of mappings hold no places, and are left as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def escape(value: Any) -> Any:
    """Return plain data as a document writes it: each `${` in a text becomes `$${`."""
    return _each_text(value, lambda text: text.replace("${", "$${"))


def unescape(value: Any) -> Any:
    """Return the plain data that a document without places means: each `$${` in a text becomes `${`."""
    return _each_text(value, lambda text: text.replace("$${", "${"))


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _each_text(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_each_text(item, change) for item in value]
    return value
