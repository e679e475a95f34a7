"""What must not be written out or shown in plain data: values that are secrets by their names or by their form."""

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
    """Yield where in plain data a secret is written out; references are none.

    A text is one if `model.secret_patterns` says so of it, or of a name that it stands below, however deep: `named`
    tells that there was such a name before.
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
    """Return plain data with the secrets in it hidden, fit for screens and logs; `name` is what the value is called."""
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
    """Tell whether what stands under a key is called a secret; `{$param: name}` and the like only point to one."""
    key = str(key)
    return names_secret(key) or (before and (key == LITERAL or not key.startswith("$")))


def _refers(text: str) -> bool:
    try:
        check_reference(text)
    except DefinitionError:
        return False
    return True
