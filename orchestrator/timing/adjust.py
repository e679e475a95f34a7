"""A start and an end for any timing, and jitter."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from orchestrator.model.errors import DefinitionError
from orchestrator.timing.base import Timing, to_datetime, to_ms
from orchestrator.timing.intervals import length_text

LONGEST_JITTER_MS = 86_400_000


@dataclass(frozen=True)
class Between(Timing):
    """The moments of a timing from `start` (included) to `end` (excluded).

    Raises DefinitionError if the end is not after the start, or one of them has no time zone.
    """

    timing: Timing
    start: datetime | None = None
    end: datetime | None = None

    def __post_init__(self) -> None:
        if self.start is not None and self.end is not None and to_ms(self.end) <= to_ms(self.start):
            raise DefinitionError(f"the end {self.end.isoformat()} is not after the start {self.start.isoformat()}")

    @property
    def zone_name(self) -> str:
        """Return the zone of the timing."""
        return self.timing.zone_name

    def next_ms(self, after_ms: int) -> int | None:
        """Return the first moment later than `after_ms` within the bounds."""
        if self.start is not None:
            after_ms = max(after_ms, to_ms(self.start) - 1)
        found = self.timing.next_ms(after_ms)
        return None if found is None or (self.end is not None and found >= to_ms(self.end)) else found

    def last_ms(self, before_ms: int) -> int | None:
        """Return the last moment earlier than `before_ms` within the bounds."""
        if self.end is not None:
            before_ms = min(before_ms, to_ms(self.end))
        found = self.timing.last_ms(before_ms)
        return None if found is None or (self.start is not None and found < to_ms(self.start)) else found

    def describe(self) -> str:
        """Add the bounds to the timing's words."""
        words = [self.timing.describe()]
        for name, moment in (("from", self.start), ("until", self.end)):
            if moment is not None:
                words.append(f"{name} {to_datetime(to_ms(moment), self.zone_name).isoformat()}")
        return ", ".join(words)


def jitter_ms(key: str, planned_ms: int, limit_ms: int) -> int:
    """Return the delay of a planned time in ms, from 0 to `limit_ms`. Equal arguments give the same delay.

    `key` is the schedule's id, so that schedules of the same second spread.
    """
    drawn = hashlib.blake2b(f"{key}\n{planned_ms}".encode(), digest_size=8).digest()
    return int.from_bytes(drawn, "big") % (limit_ms + 1)


@dataclass(frozen=True)
class Jittered(Timing):
    """A timing whose every planned moment is delayed by jitter of up to `limit_ms`.

    It gives the moments of starts. Two planned times may share one start, so a scheduler walks over the planned times
    of `timing` and adds `jitter_ms` to each. Raises DefinitionError for a limit over 24 hours.
    """

    timing: Timing
    limit_ms: int
    key: str

    def __post_init__(self) -> None:
        if not 0 <= self.limit_ms <= LONGEST_JITTER_MS:
            raise DefinitionError(f"a jitter of {self.limit_ms} ms is not between 0 and 24 hours")

    @property
    def zone_name(self) -> str:
        """Return the zone of the timing."""
        return self.timing.zone_name

    def start_ms(self, planned_ms: int) -> int:
        """Return when a planned moment starts."""
        return planned_ms + jitter_ms(self.key, planned_ms, self.limit_ms)

    def next_ms(self, after_ms: int) -> int | None:
        """Return the first start later than `after_ms`."""
        best: int | None = None
        planned = self.timing.next_ms(after_ms - self.limit_ms - 1)
        while planned is not None and (best is None or planned < best):
            start = self.start_ms(planned)
            if start > after_ms and (best is None or start < best):
                best = start
            planned = self.timing.next_ms(planned)
        return best

    def last_ms(self, before_ms: int) -> int | None:
        """Return the last start earlier than `before_ms`."""
        best: int | None = None
        planned = self.timing.last_ms(before_ms)
        while planned is not None and (best is None or planned + self.limit_ms > best):
            start = self.start_ms(planned)
            if start < before_ms and (best is None or start > best):
                best = start
            planned = self.timing.last_ms(planned)
        return best

    def describe(self) -> str:
        """Add the jitter to the timing's words."""
        limit = length_text(self.limit_ms)
        return f"{self.timing.describe()}, up to {'a ' if ' ' not in limit else ''}{limit} later"
