"""Reads of revisions: the definitions that were applied in a namespace, by number. Scripts do not read them."""

from __future__ import annotations

from orchestrator.state.keys import Keys
from orchestrator.state.reads.base import Read


def latest(keys: Keys) -> Read[int]:
    """Read the number of the latest revision, 0 if there is none."""
    (number,) = yield [("HGET", keys.meta, "revision")]
    return int(number or 0)


def several(keys: Keys, wanted: range) -> Read[dict[int, bytes]]:
    """Read several revisions by their numbers, leaving out those that are not kept."""
    if not wanted:
        return {}
    (found,) = yield [("HMGET", keys.revisions, *wanted)]
    return {number: packed for number, packed in zip(wanted, found, strict=True) if packed is not None}
