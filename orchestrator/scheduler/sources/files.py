"""Look for new files, and deliver each once it has been still for a while.

A file is new again when its size or its time of change (of an object in a store: its tag) is another. It is still when
two looks that are at least the trigger's `stable` apart find it the same. Only the clock of Redis tells how far apart
they are: the clock of a scheduler may be wrong, and so may be that of the host that stamps files; writers set times of
change as they please. The first look is kept in mind, so that whoever looks next goes on from it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from orchestrator.model.errors import DefinitionError, SettingsError, Unavailable
from orchestrator.scheduler.sources import folders
from orchestrator.scheduler.sources.folders import Seen
from orchestrator.scheduler.sources.inbox import Found, digest, said
from orchestrator.scheduler.sources.memory import Memory
from orchestrator.scheduler.sources.polls import Poll
from orchestrator.state.reads import starters
from orchestrator.timing.base import MILLISECOND

MOST_NEW = 5_000
"""Files that are delivered at one time; the rest follow at once."""
LOOK = 500
MARGIN_MS = 100
LOCAL = "file://"
_TAGS = ("ETag", "etag", "md5Hash", "content_md5", "sha256")
_TIMES = ("LastModified", "last_modified", "mtime", "updated", "modified", "created")


def ask(poll: Poll) -> int | None:
    """See `polls.Ask`."""
    files = poll.trigger.files
    assert files is not None
    stable_ms = files.stable // MILLISECOND
    local, store = local_path(files.path), poll.inbox.store
    memory, delivered, soonest = Memory(poll), 0, None
    for batch in _batches(_remote(files.path) if local is None else folders.files(local)):
        met_ms = store.read(starters.clock(store.keys))
        still, waits = _sift(batch, memory, poll.now_ms, met_ms, stable_ms)
        if still:
            poll.inbox.deliver([_found(each) for each in still])
            memory.keep({each.path: f"{each.version} done" for each in still})
            delivered += len(still)
        soonest = min((ms for ms in (soonest, waits) if ms is not None), default=None)
        if delivered >= MOST_NEW or poll.left_s < 0:
            return 0
    memory.end()
    return None if soonest is None else soonest + MARGIN_MS


def local_path(path: str) -> str | None:
    """Return the pattern of a path of this machine, None if it is a URL."""
    if path.startswith(LOCAL):
        return path.removeprefix(LOCAL)
    return None if "://" in path else path


def _sift(
    batch: Sequence[Seen], memory: Memory, now_ms: int, met_ms: int, stable_ms: int
) -> tuple[list[Seen], int | None]:
    """Return the new files that are still, and in how many ms the next of the others may be.

    The batch was looked at between `now_ms` and `met_ms`: a first look counts from the later, a second from the earlier
    time, so that the two are no nearer to each other than that.
    """
    still, watched, soonest = [], {}, None
    for each, known in zip(batch, memory.look([each.path for each in batch]), strict=True):
        what, _, mark = (known or "").partition(" ")
        if mark == "done" and what == each.version:
            continue
        waits = stable_ms
        if what == each.state:
            waits -= now_ms - int(mark)
        else:
            watched[each.path] = f"{each.state} {met_ms}"
        if waits <= 0:
            still.append(each)
        else:
            soonest = waits if soonest is None else min(soonest, waits)
    memory.keep(watched)
    return still, soonest


def _found(file: Seen) -> Found:
    path = folders.readable(file.path)
    payload: dict[str, Any] = {
        "path": path,
        "name": path.rpartition("/")[2],
        "size": file.size,
        "modified": None if file.modified_s is None else datetime.fromtimestamp(file.modified_s, UTC).isoformat(),
    }
    return Found(digest(f"{file.path}\n{file.version}"), payload)


def _batches(files: Iterable[Seen]) -> Iterator[list[Seen]]:
    each = iter(files)
    while batch := list(itertools.islice(each, LOOK)):
        yield batch


def _remote(url: str) -> list[Seen]:
    """List what matches a URL that fsspec knows. The listing is made whole, so the pattern should be narrow."""
    if "::" in url:
        raise DefinitionError("a chain of file systems is not watched", where=url)
    try:
        import fsspec
    except ImportError:
        raise SettingsError(
            f"files of {url.partition('://')[0]}:// need fsspec", remedy="pip install 'celery-orchestrator[files]'"
        ) from None
    scheme = url.partition("://")[0]
    try:
        system, path = fsspec.core.url_to_fs(url)
        system.invalidate_cache()
        listed = system.glob(path, detail=True)
    except ImportError as error:
        raise SettingsError(said(error), where=f"{scheme}://", remedy="install it where schedulers run") from None
    except Exception as error:  # noqa: BLE001 — whatever a file system of any maker raises
        raise Unavailable(said(error), where=f"{scheme}://") from None
    return [
        _listed(system.unstrip_protocol(info["name"]), info) for info in listed.values() if info.get("type") == "file"
    ]


def _listed(url: str, info: dict[str, Any]) -> Seen:
    size = int(info.get("size") or 0)
    tag = next((info[name] for name in _TAGS if info.get(name)), "")
    changed = next((info[name] for name in _TIMES if info.get(name)), None)
    version = digest(f"{size} {tag or changed}")
    return Seen(url, size, _seconds(changed), version, version)


def _seconds(changed: Any) -> float | None:
    """Return a time of change, which file systems tell in several ways, as Unix time."""
    if isinstance(changed, datetime):
        return (changed if changed.tzinfo else changed.replace(tzinfo=UTC)).timestamp()
    if isinstance(changed, int | float):
        return float(changed)
    try:
        return datetime.fromisoformat(str(changed)).timestamp() if changed else None
    except ValueError:
        return None
