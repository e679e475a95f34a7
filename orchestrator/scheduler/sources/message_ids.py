"""Ids for messages that have none, so that a message that is delivered again gets its first id again.

Two messages with the same text may still be two, so the text alone is no id. A listener draws an id for each message,
and notes it with the digest of the text before it delivers. It deletes the note after the source has forgotten the
message. A redelivered message takes the id that was noted for its text, once the note is `PATIENCE_MS` old: then the
listener that noted it is taken for dead.

No message is doubled. One can be lost in this case only: a listener dies after the source has forgotten a message and
before it deletes the note, and later another message with the same text is redelivered.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence

from orchestrator.state.reads import source_memory
from orchestrator.state.store import Store
from orchestrator.state.transitions.sources import ForgetSeen, NoteSeen

PATIENCE_MS = 5_000
"""Milliseconds that a live listener needs at most from reading a batch until the batch is acknowledged."""
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
        noted = {message_id: f"{text} {now}" for message_id, (text, _) in zip(ids, texts, strict=True)}
        self._store.run(NoteSeen(self._trigger, noted))
        return ids

    def done(self, ids: Sequence[str]) -> None:
        """Delete the notes of messages that will not come again."""
        if ids:
            self._store.run(ForgetSeen(self._trigger, tuple(ids)))

    def _left_behind(self, texts: set[str]) -> tuple[int, dict[str, list[str]]]:
        """Return the time in ms, and the ids that dead listeners noted for texts. Live listeners are waited for."""
        while True:
            now, notes = self._store.read(source_memory.notes(self._store.keys, self._trigger, bool(texts)))
            found: dict[str, list[str]] = {}
            youngest = 0
            for message_id, note in notes.items():
                text, _, at = note.partition(" ")
                if text in texts:
                    found.setdefault(text, []).append(message_id)
                    youngest = max(youngest, int(at))
            if now - youngest >= PATIENCE_MS:
                return now, found
            time.sleep(LOOK_S)  # noqa: TID251 — a few times at most, when messages come again

    def _take(self, ids: list[str] | None) -> str | None:
        """Return one of the ids that no other listener has taken, or None."""
        while ids:
            message_id = ids.pop()
            if self._store.run(ForgetSeen(self._trigger, (message_id,))).count:
                return message_id
        return None
