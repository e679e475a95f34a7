"""Reads of the stream of transitions."""

from __future__ import annotations

from orchestrator.state.keys import Keys
from orchestrator.state.layouts import records
from orchestrator.state.reads.base import BATCH, Read


def events(keys: Keys, after: str = "-", limit: int = BATCH) -> Read[list[records.Event]]:
    """Read the event stream after an event's id (`-` for its start), at most `limit` entries of it."""
    start = after if after == "-" else f"({after}"
    (entries,) = yield [("XRANGE", keys.events, start, "+", "COUNT", limit)]
    return [event for entry_id, fields in entries for event in records.read_events(entry_id, fields[b"e"])]


def last_event(keys: Keys) -> Read[str]:
    """Read the id of the newest event, `-` if there is none: where to begin to follow."""
    (entries,) = yield [("XREVRANGE", keys.events, "+", "-", "COUNT", 1)]
    return entries[0][0].decode() if entries else "-"
