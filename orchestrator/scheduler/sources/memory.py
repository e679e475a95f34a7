"""The memory of a poll: one short value for each thing (file, row) of a source, in Redis, within bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrator.model.errors import Unavailable
from orchestrator.scheduler.sources.inbox import digest
from orchestrator.scheduler.sources.polls import Poll
from orchestrator.state.reads import source_memory
from orchestrator.state.transitions.sources import ForgetSeen, NoteSeen

SLACK = 1_000
"""Things that are remembered beyond twice the number that is there, before the rest is forgotten."""


class Memory:
    """The memory of one poll: `look` up what is known, `keep` values for the next poll, `end` after a whole look.

    Names are stored as digests, so that a long name takes no more room than a short one.
    """

    def __init__(self, poll: Poll) -> None:
        self._store = poll.inbox.store
        self._id = poll.record.id
        self._met: set[str] = set()

    def look(self, names: Sequence[str]) -> list[str | None]:
        """Return the value kept for each name, None where there is none.

        Raises:
            Unavailable: the source has more than `MOST_SEEN` things.
        """
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
        if values:
            self._store.run(NoteSeen(self._id, {_short(name): values[name] for name in values}))

    def end(self) -> None:
        """Forget the things that this look has not met, if they are many.

        If nothing was met, nothing is forgotten: a folder that is not mounted is likelier than one that lost all.
        """
        if self._met and self._store.read(source_memory.count(self._store.keys, self._id)) > 2 * len(self._met) + SLACK:
            others = self._store.read(source_memory.others(self._store.keys, self._id, self._met))
            for at in range(0, len(others), source_memory.PAGE):
                self._store.run(ForgetSeen(self._id, tuple(others[at : at + source_memory.PAGE])))


def _short(name: str) -> str:
    return digest(name)[:24]
