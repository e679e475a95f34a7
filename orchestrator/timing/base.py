"""The base of every timing: it gives the next and the last moment around any other, and its own description.

A moment is an aware `datetime`, or an integer of milliseconds since 1970-01-01 UTC. The answer has the type of the
question. A timing holds no state, so any number of schedulers get the same answer.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self, overload

from orchestrator.model.errors import DefinitionError
from orchestrator.timing.zones import zone

if TYPE_CHECKING:
    from orchestrator.timing.calendars import Calendar

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?", re.ASCII)


class Timing(ABC):
    """A set of moments in order, finite or not."""

    @property
    def zone_name(self) -> str:
        """Return the name of the time zone in which its moments are shown."""
        return "UTC"

    @abstractmethod
    def next_ms(self, after_ms: int) -> int | None:
        """Return the first moment later than `after_ms`, None if there is no more."""

    @abstractmethod
    def last_ms(self, before_ms: int) -> int | None:
        """Return the last moment earlier than `before_ms`, None if there was none."""

    @abstractmethod
    def describe(self) -> str:
        """Return the timing in words, which continue a sentence that begins with "Runs"."""

    @overload
    def next(self, after: datetime) -> datetime | None: ...
    @overload
    def next(self, after: int) -> int | None: ...
    def next(self, after: datetime | int) -> datetime | int | None:
        """Return the first moment strictly after `after`, None if there is no more.

        Raises DefinitionError if `after` has no time zone.
        """
        if isinstance(after, int):
            return self.next_ms(after)
        return self._shown(self.next_ms(to_ms(after)))

    @overload
    def prev(self, before: datetime) -> datetime | None: ...
    @overload
    def prev(self, before: int) -> int | None: ...
    def prev(self, before: datetime | int) -> datetime | int | None:
        """Return the last moment strictly before `before`, None if there was none.

        Raises DefinitionError if `before` has no time zone.
        """
        if isinstance(before, int):
            return self.last_ms(before)
        # A moment within the millisecond of `before` is earlier than it.
        return self._shown(self.last_ms(to_ms(before) + bool((before - EPOCH) % MILLISECOND)))

    @overload
    def times(self, after: datetime) -> Iterator[datetime]: ...
    @overload
    def times(self, after: int) -> Iterator[int]: ...
    def times(self, after: datetime | int) -> Iterator[datetime] | Iterator[int]:
        """Yield the moments strictly after `after`, in order.

        Raises DefinitionError if `after` has no time zone.
        """
        if isinstance(after, int):
            return self._times_ms(after)
        return map(self._aware, self._times_ms(to_ms(after)))

    def _times_ms(self, at: int | None) -> Iterator[int]:
        while at is not None:
            at = self.next_ms(at)
            if at is not None:
                yield at

    def _aware(self, ms: int) -> datetime:
        return to_datetime(ms, self.zone_name)

    def _shown(self, ms: int | None) -> datetime | None:
        return None if ms is None else self._aware(ms)


class Rule(Timing):
    """A timing that has a document of its own. A schedule is made of one."""

    @abstractmethod
    def document(self) -> dict[str, Any]:
        """Return it as plain data, defaults left out, as a schedule's document has it."""

    def calendars(self) -> set[str]:
        """Return the names of the stored calendars that it uses."""
        return set()

    def bound(self, schedule_id: str, calendars: Mapping[str, Calendar]) -> Self:
        """Return it for one schedule: with `H` drawn from the schedule's id, and with the calendars that it names.

        Raises DefinitionError if a calendar is missing.
        """
        return self


def read_moment(value: Any) -> datetime:
    """Read ISO 8601, with an offset or without one.

    Raises ValueError for anything else.
    """
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise ValueError("should be an ISO 8601 time such as 2027-03-28T01:30:00+01:00")
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{value[:60]!r} is no ISO 8601 time such as 2027-03-28T01:30:00+01:00") from None


def seconds_of_day(text: str) -> int:
    """Read `17:00` or `17:00:30` as seconds since midnight.

    Raises DefinitionError for anything else.
    """
    found = CLOCK.fullmatch(text)
    if not found:
        raise DefinitionError(f"{text!r} is no time of day such as 17:00")
    return int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3] or 0)


def to_ms(moment: datetime) -> int:
    """Return a moment as whole milliseconds since 1970-01-01 UTC, rounded down.

    Raises DefinitionError if it has no time zone.
    """
    if moment.tzinfo is None:
        remedy = "give it an offset or a zone, as datetime.now(UTC) has"
        raise DefinitionError(f"{moment.isoformat()} has no time zone", remedy=remedy)
    return (moment - EPOCH) // MILLISECOND


def to_datetime(ms: int, zone_name: str) -> datetime:
    """Return milliseconds since 1970-01-01 UTC as local time of a zone."""
    return (EPOCH + timedelta(milliseconds=ms)).astimezone(zone(zone_name))


def iso(moment: datetime, zone_name: str) -> str:
    """Write a moment as ISO 8601 in a zone's local time, with the offset.

    Raises DefinitionError if it has no time zone.
    """
    return to_datetime(to_ms(moment), zone_name).isoformat()
