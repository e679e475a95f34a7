"""What a source gave, and how it becomes a delivery to its trigger: with an id of its own, once."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from orchestrator.expressions.language import Expression
from orchestrator.model.errors import ExpressionError
from orchestrator.model.secrets import resolve
from orchestrator.scheduling.matching import Event, stored_id
from orchestrator.starters.trigger import Trigger
from orchestrator.state.store import Store
from orchestrator.state.transitions.events import Deliver, Delivered

MOST_BYTES = 1 << 20
"""The size of one payload, as webhooks have it."""
BATCH = 200
_PLAIN_ID = re.compile(r"[!-~]{1,150}")
_SAID = 300


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that a source gave: `own` tells it from the others of this source, `payload` is what JSON can say."""

    own: str
    payload: Any


@dataclass(frozen=True, slots=True)
class Inbox:
    """Where a source's finds go: into the store, for one trigger. `place` names the source, without secrets."""

    store: Store
    id: str
    trigger: Trigger
    place: str

    def own_id(self, found: Found) -> str:
        """Return what tells a find from others: what the trigger's `id` makes of it, else what the source says.

        Where the expression has no value for it, the source's word counts too: nothing is lost.
        """
        if self.trigger.id is None:
            return fit(found.own)
        event = Event(found.own, self.id, _now_ms(), found.payload, self.place)
        try:
            value = Expression(self.trigger.id).value(event=event.variable())
        except ExpressionError:
            return fit(found.own)
        return fit(value if isinstance(value, str) else json.dumps(value))

    def deliver(self, finds: Sequence[Found]) -> int:
        """Deliver, and return how many of them had not been delivered before. Raises what the store raises."""
        topic = f"source:{self.id}"
        new = 0
        for start in range(0, len(finds), BATCH):
            batch = [
                Deliver(stored_id(topic, self.own_id(found)), topic, self.place, json.dumps(found.payload).encode())
                for found in finds[start : start + BATCH]
            ]
            new += sum(isinstance(reply, Delivered) for reply in self.store.run_all(batch))
        return new


def fit(own: str) -> str:
    """Return an id that fits into a key: a long one, or one with blanks, by its digest."""
    return own if _PLAIN_ID.fullmatch(own) else digest(own)


def digest(text: str | bytes) -> str:
    """Return 32 hexadecimal digits that stand for a text."""
    return hashlib.sha256(text if isinstance(text, bytes) else text.encode(errors="surrogatepass")).hexdigest()[:32]


def refers(text: str) -> bool:
    """Tell whether a text of a definition is a reference to a secret: see `model.secrets`."""
    return text.startswith(("env:", "file:/")) and "://" not in text


def reveal(text: str) -> str:
    """Return the text, or the secret that it refers to; a `SettingsError` if there is none here."""
    return resolve(text) if refers(text) else text


def secrets_in(url: str) -> tuple[str, ...]:
    """Return what must not be told of an address: it, and its password, also as it was before it was quoted."""
    try:
        password = urlsplit(url).password or ""
    except ValueError:
        password = ""
    return url, password, unquote(password)


def said(error: BaseException, *secrets: str) -> str:
    """Return a foreign error's message as one line without the secrets that it may repeat."""
    text = (str(error) or type(error).__name__).encode(errors="replace").decode()  # it may name a file in any bytes
    for secret in secrets:
        for written in {secret, repr(secret)[1:-1]} - {""}:
            text = text.replace(written, "***")
    text = " ".join(text.split())
    return text if len(text) <= _SAID else f"{text[: _SAID - 1]}…"


def _now_ms() -> int:
    return int(datetime.now(UTC).timestamp() * 1000)
