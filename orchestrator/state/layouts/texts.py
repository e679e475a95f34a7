"""Lists of texts in one argument of a script, each with its length before it. Twin: the fragment `texts`."""

from __future__ import annotations

import struct
from collections.abc import Iterable


def pack_texts(texts: Iterable[str]) -> bytes:
    """Pack a list of texts."""
    parts: list[bytes] = []
    for text in texts:
        data = text.encode()
        parts += (struct.pack(">I", len(data)), data)
    return b"".join(parts)
