"""Secrets in plain data, which must be neither written out nor shown. Their names or their form give them away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from orchestrator.model.complaints import Path
from orchestrator.model.errors import DefinitionError
from orchestrator.model.secret_patterns import PASSWORD_IN_ADDRESS, holds_secret, names_secret
from orchestrator.model.secrets import check_reference
from orchestrator.model.templates import LITERAL
from orchestrator.model.urls import MASK


def written_out(value: Any, path: Path = (), *, named: bool = False) -> Iterator[Path]:
    """Yield the paths in plain data at which a secret is written out. A reference to a secret is none.

    A text is a secret if `model.secret_patterns` says so of the text, or of a name above it at any depth. `named` tells
    that there is such a name above `value`.
    """
    if isinstance(value, dict):
        for key, item in value.items():
            yield from written_out(item, (*path, key), named=_named(key, named))
    elif isinstance(value, list | tuple):
        for at, item in enumerate(value):
            yield from written_out(item, (*path, at), named=named)
    elif isinstance(value, str) and value and ((named and not _refers(value)) or holds_secret(value)):
        yield path


def masked(value: Any, name: str = "", *, named: bool = False) -> Any:
    """Return plain data with its secrets hidden, for screens and logs. `name` is the name of the value."""
    named = _named(name, named)
    if isinstance(value, dict):
        return {key: masked(item, key, named=named) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [masked(item, named=named) for item in value]
    if not isinstance(value, str) or not value:
        return value
    if named and not _refers(value):
        return MASK
    shown = PASSWORD_IN_ADDRESS.sub(rf"\1{MASK}", value)
    return MASK if holds_secret(shown) else shown


def _named(key: Any, before: bool) -> bool:
    """Tell whether the name of a value says that it is a secret. `{$param: name}` and the like only refer to one."""
    key = str(key)
    return names_secret(key) or (before and (key == LITERAL or not key.startswith("$")))


def _refers(text: str) -> bool:
    try:
        check_reference(text)
    except DefinitionError:
        return False
    return True
