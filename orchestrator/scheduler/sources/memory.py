"""What a poll remembers of a source's many things (files, rows): one short value each, in Redis, within bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrator.model.errors import Unavailable
from orchestrator.scheduler.sources.inbox import digest
from orchestrator.scheduler.sources.polls import Poll
from orchestrator.state.reads import source_memory

SLACK = 1_000
"""Things that may be kept in mind, besides twice those that are there, before the others are forgotten."""


class Memory:
    """The memory of one poll: `look` at what is there, `keep` what is to be known next time, `end` after a whole look.

    Names are kept as digests, so that a long one takes no more room than another.
    """

    def __init__(self, poll: Poll) -> None:
        self._store = poll.inbox.store
        self._id = poll.record.id
        self._met: set[str] = set()

    def look(self, names: Sequence[str]) -> list[str | None]:
        """Return what is known of each, None where nothing is. `Unavailable` once there are too many of them."""
        short = [_short(name) for name in names]
        self._met.update(short)
        if len(self._met) > source_memory.MOST_SEEN:
            raise Unavailable(
                f"there are over {source_memory.MOST_SEEN:,} of them, and what comes after is not looked at",
                remedy="move away what is done with, or name fewer",
            )
        return self._store.read(source_memory.seen(self._store.keys, self._id, short))

    def keep(self, values: Mapping[str, str]) -> None:
        """Remember a value for each of some names."""
        self._store.read(source_memory.see(self._store.keys, self._id, {_short(name): values[name] for name in values}))

    def end(self) -> None:
        """Forget what has not been met, if that is much: everything was looked at.

        Not if nothing was met: it is likelier that a folder is not mounted than that all is gone.
        """
        if self._met and self._store.read(source_memory.count(self._store.keys, self._id)) > 2 * len(self._met) + SLACK:
            self._store.read(source_memory.forget_others(self._store.keys, self._id, self._met))


def _short(name: str) -> str:
    return digest(name)[:24]
