"""The way from a source to its trigger: each thing that a source gives is delivered once, under an id of its own."""

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
"""Bytes of one payload at most; webhooks have the same bound."""
BATCH = 200
_PLAIN_ID = re.compile(r"[!-~]{1,150}")
_SAID = 300


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that a source gave: `source_id` is its id within the source, `payload` any JSON value."""

    source_id: str
    payload: Any


@dataclass(frozen=True, slots=True)
class Inbox:
    """Delivers to one trigger what its source gives. `place` names the source for people, without secrets."""

    store: Store
    id: str
    trigger: Trigger
    place: str

    def delivery_id(self, found: Found) -> str:
        """Return the id of a find: the value of the trigger's `id` expression, else the id that the source gives.

        The source's id also counts where the expression has no value, so that nothing is lost.
        """
        if self.trigger.id is None:
            return fit(found.source_id)
        event = Event(found.source_id, self.id, _now_ms(), found.payload, self.place)
        try:
            value = Expression(self.trigger.id).value(event=event.variable())
        except ExpressionError:
            return fit(found.source_id)
        return fit(value if isinstance(value, str) else json.dumps(value))

    def deliver(self, finds: Sequence[Found]) -> int:
        """Deliver finds; return how many had not been delivered before.

        Raises:
            StoreUnavailable, StoreBusy: the store does not take them.
        """
        topic = f"source:{self.id}"
        new = 0
        for start in range(0, len(finds), BATCH):
            batch = [
                Deliver(
                    stored_id(topic, self.delivery_id(found)), topic, self.place, json.dumps(found.payload).encode()
                )
                for found in finds[start : start + BATCH]
            ]
            new += sum(isinstance(reply, Delivered) for reply in self.store.run_all(batch))
        return new

    def _delivery(self, topic: str, found: Found) -> Deliver:
        body = json.dumps(found.payload).encode()
        return Deliver(stored_id(topic, self.delivery_id(found)), topic, self.place, body)


def fit(given: str) -> str:
    """Return an id that fits into a key. A long id, or one with blanks, is replaced by its digest."""
    return given if _PLAIN_ID.fullmatch(given) else digest(given)


def digest(text: str | bytes) -> str:
    """Return 32 hexadecimal digits that stand for a text."""
    return hashlib.sha256(text if isinstance(text, bytes) else text.encode(errors="surrogatepass")).hexdigest()[:32]


def refers(text: str) -> bool:
    """Tell whether a text of a definition is a reference to a secret: see `model.secrets`."""
    return text.startswith(("env:", "file:/")) and "://" not in text


def reveal(text: str) -> str:
    """Return the text, or the secret that it refers to.

    Raises:
        SettingsError: the secret is not set on this machine.
    """
    return resolve(text) if refers(text) else text


def secrets_in(url: str) -> tuple[str, ...]:
    """Return the texts that must not be shown of an address: the address, and its password, quoted and plain."""
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
