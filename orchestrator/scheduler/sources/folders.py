"""Files of this machine that match a pattern, one after the other: a folder of a million files is never in memory."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import translate

from orchestrator.model.errors import DefinitionError, Unavailable

_MAGIC = re.compile(r"[*?\[]")
_ANY_DEPTH = "**"


@dataclass(frozen=True, slots=True)
class Seen:
    """A file as it was met. `modified_s` is Unix time, None if not known."""

    path: str
    size: int
    modified_s: float | None
    version: str
    """Differs once its content is another's: what tells two deliveries of one path apart."""
    state: str
    """Differs also where it was written without a trace in its size and time of change: what must stay as it is."""


def readable(path: str) -> str:
    """Return a path as text: a name that is no UTF-8 is shown with a replacement character for each wrong byte."""
    return path.encode(errors="surrogateescape").decode(errors="replace")


def one_folder(pattern: str) -> str | None:
    """Return the folder in which all that match lie, None if there may be several."""
    folder, parts = _parted(pattern)
    return folder if len(parts) == 1 and parts[0] != _ANY_DEPTH else None


def files(pattern: str) -> Iterator[Seen]:
    """Yield the regular files that match, links followed, in no order.

    `*`, `?` and `[…]` stand for parts of a name, `**` for any folders; what begins with a dot is matched by a dot only.
    A folder that cannot be read is `Unavailable`, once the others were gone through.
    """
    folder, parts = _parted(pattern)
    if not os.path.isdir(folder):
        raise Unavailable("there is no such folder", where=folder)
    unread: list[str] = []
    yield from _walk(folder, parts, unread)
    if unread:
        more = f", and {len(unread) - 1} more" if len(unread) > 1 else ""
        raise Unavailable(f"{unread[0]}{more}")


def _parted(pattern: str) -> tuple[str, tuple[str, ...]]:
    """Part a pattern into its fixed folder and the parts after it."""
    parts = [part for part in pattern.split("/") if part]
    if not parts:
        raise DefinitionError("the path of files is no file", where=pattern)
    fixed = next((at for at, part in enumerate(parts) if _MAGIC.search(part)), len(parts) - 1)
    return "/" + "/".join(parts[:fixed]), tuple(parts[fixed:])


def _walk(folder: str, parts: tuple[str, ...], unread: list[str]) -> Iterator[Seen]:
    head, rest = parts[0], parts[1:]
    if head == _ANY_DEPTH:
        yield from _walk(folder, rest or ("*",), unread)
    matches = re.compile(translate("*" if head == _ANY_DEPTH else head)).match
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not matches(entry.name) or (entry.name.startswith(".") and not head.startswith(".")):
                    continue
                if head == _ANY_DEPTH:
                    if entry.is_dir(follow_symlinks=False):
                        yield from _walk(entry.path, parts, unread)
                elif rest:
                    if entry.is_dir():
                        yield from _walk(entry.path, rest, unread)
                elif (met := _met(entry)) is not None:
                    yield met
    except FileNotFoundError:
        pass  # it went meanwhile
    except OSError as error:
        unread.append(f"{readable(folder)}: {error.strerror}")


def _met(entry: os.DirEntry[str]) -> Seen | None:
    try:
        found = entry.stat()
    except OSError:
        return None  # it went meanwhile, or is a link to nothing
    if not stat.S_ISREG(found.st_mode):
        return None
    version = f"{found.st_size}-{found.st_mtime_ns}"
    # Nobody can set the time of a file's own change (ctime), and each write, rename and replacement sets it anew.
    return Seen(entry.path, found.st_size, found.st_mtime, version, f"{version}-{found.st_ctime_ns}")
