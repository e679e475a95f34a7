"""Reads of the stream of transitions."""

from __future__ import annotations

from orchestrator.model.run import TransitionInfo
from orchestrator.state.keys import Keys
from orchestrator.state.layouts import records
from orchestrator.state.reads.base import BATCH, Read


def transitions(keys: Keys, after: str = "-", limit: int = BATCH) -> Read[list[TransitionInfo]]:
    """Read the stream after a transition's id (`-` for its start), at most `limit` entries of it."""
    start = after if after == "-" else f"({after}"
    (entries,) = yield [("XRANGE", keys.transitions, start, "+", "COUNT", limit)]
    return [each for entry_id, fields in entries for each in records.read_transitions(entry_id, fields[b"e"])]


def last_transition(keys: Keys) -> Read[str]:
    """Read the id of the newest transition, `-` if there is none: where to begin to follow."""
    (entries,) = yield [("XREVRANGE", keys.transitions, "+", "-", "COUNT", 1)]
    return entries[0][0].decode() if entries else "-"
