"""What must not be written out or shown: texts that look like secrets, by the name beside them or by their form."""

from __future__ import annotations

import re
from typing import Any

from orchestrator.model.errors import DefinitionError
from orchestrator.model.secrets import check_reference
from orchestrator.model.urls import MASK

_NAME = re.compile(
    r"(?:^|[_.-])(?:password|passwd|passphrase|secret|token|api[_-]?key|private[_-]?key)$", re.IGNORECASE
)
_CREDENTIALS = re.compile(r"(://[^/\s:@]*:)([^/\s@]+)(?=@)")


def tells_secret(name: str, value: Any) -> bool:
    """Tell whether a value is a secret written out: by its name, or a password in an address. References are none."""
    if not isinstance(value, str) or not value:
        return False
    return bool(_CREDENTIALS.search(value)) or (bool(_NAME.search(name)) and not _refers(value))


def masked(value: Any, name: str = "") -> Any:
    """Return plain data with the secrets in it hidden, fit for screens and logs; `name` is what the value is called."""
    if isinstance(value, dict):
        return {key: masked(item, key) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [masked(item, name) for item in value]
    if not tells_secret(name, value):
        return value
    return MASK if _NAME.search(name) and not _refers(value) else _CREDENTIALS.sub(rf"\1{MASK}", value)


def _refers(text: str) -> bool:
    try:
        check_reference(text)
    except DefinitionError:
        return False
    return True
