"""Finds what a test left in Redis that nothing owns."""

from __future__ import annotations

import re
from collections.abc import Iterable

# What kombu and Celery keep in the Redis that is their broker; queues are lists named after routes.
BROKER = re.compile(
    r"_kombu\.|unacked|celery|[\w.-]+:[\w.-]+\.(critical|high|normal|low)|[\w.-]+\.(critical|high|normal|low)|\w+\.reply|.*\.pidbox"
)
_PART = re.compile(r"((?:run|plan|workflow|starter):[^:]+):.+")


def strays(keys: Iterable[str], ns: str) -> list[str]:
    """Return the keys that are neither the namespace's nor the broker's."""
    return sorted(key for key in keys if not key.startswith(f"o:{{{ns}}}:") and not BROKER.match(key))


def orphans(keys: Iterable[str], ns: str) -> list[str]:
    """Return the parts of a run, plan or workflow (`run:<id>:out`) whose record (`run:<id>`) is not there."""
    prefix = f"o:{{{ns}}}:"
    own = {key.removeprefix(prefix) for key in keys if key.startswith(prefix)}
    return sorted(key for key in own if (match := _PART.fullmatch(key)) and match[1] not in own)
