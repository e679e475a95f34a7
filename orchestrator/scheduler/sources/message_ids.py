"""Ids for messages whose producer gave them none, so that one that comes again is known again.

Two messages may say the same and still be two, so their text alone does not tell. An id is drawn for each, and noted
with the text's digest before the message is delivered, until its source has let go of it. A message that is said to
come again takes the id that was noted for its text, if whoever noted it seems dead: the note is `PATIENCE_MS` old.

So none is doubled, and none is lost but for this: a listener dies between its source's word and the end of its notes,
and later the same text comes from another, and comes again.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence

from orchestrator.state.reads import source_memory
from orchestrator.state.store import Store

PATIENCE_MS = 5_000
"""The longest that a live listener is thought to take from reading a batch to having it acknowledged."""
LOOK_S = 0.2


class Unnamed:
    """The notes of one trigger."""

    def __init__(self, store: Store, trigger: str) -> None:
        self._store = store
        self._trigger = trigger

    def name(self, texts: Sequence[tuple[str, bool]]) -> list[str]:
        """Return an id for each message, given as the digest of its text and whether it comes again."""
        if not texts:
            return []
        again = {text for text, comes_again in texts if comes_again}
        now, left = self._left_behind(again)
        ids = [(comes_again and self._take(left.get(text))) or uuid.uuid4().hex for text, comes_again in texts]
        noted = {own: f"{text} {now}" for own, (text, _) in zip(ids, texts, strict=True)}
        self._store.read(source_memory.see(self._store.keys, self._trigger, noted))
        return ids

    def done(self, ids: Sequence[str]) -> None:
        """Forget notes: their messages will not come again."""
        if ids:
            self._store.pipeline([("HDEL", self._store.keys.seen(self._trigger), *ids)])

    def _left_behind(self, texts: set[str]) -> tuple[int, dict[str, list[str]]]:
        """Return the time, and the ids noted for texts by whoever seems dead: the living are waited for."""
        while True:
            now, notes = self._store.read(source_memory.notes(self._store.keys, self._trigger, bool(texts)))
            found: dict[str, list[str]] = {}
            youngest = 0
            for own, note in notes.items():
                text, _, at = note.partition(" ")
                if text in texts:
                    found.setdefault(text, []).append(own)
                    youngest = max(youngest, int(at))
            if now - youngest >= PATIENCE_MS:
                return now, found
            time.sleep(LOOK_S)  # noqa: TID251 — a few times at most, when messages come again

    def _take(self, ids: list[str] | None) -> str | None:
        """Return one of the ids that nobody else has taken."""
        while ids:
            own = ids.pop()
            (taken,) = self._store.pipeline([("HDEL", self._store.keys.seen(self._trigger), own)])
            if taken:
                return own
        return None
