"""Revisions: the definitions that files have made in a namespace, kept after each apply so that it can be restored."""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, dataclass

from orchestrator.definitions.contents import Definitions
from orchestrator.model import shapes
from orchestrator.model.errors import Conflict
from orchestrator.model.run import iso

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Note:
    """The author of an apply, the reason for it, and the version of the sources."""

    author: str = ""
    reason: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Revision:
    """The definitions that all applies up to one have made. `back_to` is the revision that this one has restored."""

    number: int
    time_ms: int
    note: Note
    tool: str
    changes: int
    definitions: Definitions
    back_to: int | None = None

    def to_json(self) -> shapes.Revision:
        """Return its shape."""
        return {
            "revision": self.number, "time": iso(self.time_ms), "author": self.note.author,
            "reason": self.note.reason, "source": self.note.source, "tool": self.tool, "changes": self.changes,
            "back_to": self.back_to,
        }  # fmt: skip

    def pack(self) -> bytes:
        """Return it in its stored form: compressed JSON without the number."""
        content = {
            "format": _FORMAT, "time_ms": self.time_ms, "note": _readable(asdict(self.note)), "tool": self.tool,
            "changes": self.changes, "back_to": self.back_to, "definitions": asdict(self.definitions),
        }  # fmt: skip
        return zlib.compress(json.dumps(content, ensure_ascii=False).encode())


def _readable(note: dict[str, str]) -> dict[str, str]:
    """Return a note as text that can be stored: what people type in a terminal need not be UTF-8."""
    return {name: text.encode(errors="replace").decode() for name, text in note.items()}


def unpack(number: int, packed: bytes) -> Revision:
    """Read a stored revision.

    Raises:
        Conflict: a later version of this program wrote it.
    """
    content = json.loads(zlib.decompress(packed))
    if content["format"] > _FORMAT:
        remedy = f"use celery-orchestrator {content['tool']} or later"
        raise Conflict(f"revision {number} was written by a later version of this program", remedy=remedy)
    return Revision(
        number, content["time_ms"], Note(**content["note"]), content["tool"], content["changes"],
        Definitions(**content["definitions"]), content["back_to"],
    )  # fmt: skip
