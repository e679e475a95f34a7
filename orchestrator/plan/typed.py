"""Typed values as Celery's JSON writes them, and dicts of users that look the same.

Celery writes a date as `{"__type__": "date", "__value__": "2027-03-01"}`. A dict of the user's with the same two keys
is data. It is written as `{"__type__": "dict", "__value__": [[key, value], …]}`, and arrives as it was.
"""

from __future__ import annotations

from typing import Any

TYPE, VALUE, DICT = "__type__", "__value__", "dict"


def looks_typed(value: dict[Any, Any]) -> bool:
    """Tell whether a reader would take a dict for a typed value."""
    return value.keys() == {TYPE, VALUE}


def as_data(value: dict[Any, Any]) -> dict[str, Any]:
    """Write a dict that looks typed as data."""
    return {TYPE: DICT, VALUE: [[key, item] for key, item in value.items()]}


def escaped(value: Any) -> Any:
    """Write all dicts in a value that look typed as data."""
    if isinstance(value, list | tuple):
        return [escaped(item) for item in value]
    if isinstance(value, dict):
        inner = {key: escaped(item) for key, item in value.items()}
        return as_data(inner) if looks_typed(inner) else inner
    return value
