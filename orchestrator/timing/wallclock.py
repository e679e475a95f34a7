"""From planned local times to instants, by the rules of Vixie's and Debian's cron.

A plan of *fixed times* happens when the local clock first reaches or passes a planned time. A planned time that a
clock change leaps over happens once, at the first instant after the gap, together with the others in the gap. A planned
time that comes twice happens at the first only. Every other plan *follows the wall clock*: a planned time that does not
exist is left out, and one that comes twice happens twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from orchestrator.timing.zones import MARGIN, stretches, stretches_back


class Pattern(Protocol):
    """An ordered set of local times, in whole seconds since 1970-01-01 00:00 local."""

    def at_or_after(self, local: int) -> int | None:
        """Return the first planned time from `local` on."""
        ...

    def before(self, local: int) -> int | None:
        """Return the last planned time before `local`."""
        ...


def instant_of(zone: str, local: int) -> int:
    """Return the instant at which the zone's clock first reaches or passes a local time.

    Raises OverflowError for a local time after the year 9998.
    """
    for stretch in stretches(zone, local - MARGIN):
        if stretch.end + stretch.offset > local:
            return max(stretch.start, local - stretch.offset)
    raise OverflowError(f"local time {local} lies beyond the calendar")


def last_instant_of(zone: str, local: int) -> int:
    """Return the last instant at which a local time happens, in a plan of fixed times or by the wall clock.

    Raises OverflowError for a local time after the year 9998.
    """
    found = instant_of(zone, local)
    for stretch in stretches(zone, local - MARGIN):
        if stretch.start > local + MARGIN:
            break
        if stretch.start + stretch.offset <= local < stretch.end + stretch.offset:
            found = max(found, local - stretch.offset)
    return found


def instants(pattern: Pattern, zone: str, first: int, last: int) -> Iterator[int]:
    """Yield the instants from `first` to `last` (included) of a plan that follows the wall clock."""
    for stretch in stretches(zone, first):
        local = pattern.at_or_after(max(stretch.start, first) + stretch.offset)
        while local is not None and local < stretch.end + stretch.offset:
            if local - stretch.offset > last:
                return
            yield local - stretch.offset
            local = pattern.at_or_after(local + 1)
        if local is None or stretch.end > last:
            return


def next_instant(pattern: Pattern, zone: str, after: int, *, fixed: bool) -> int | None:
    """Return the first instant later than `after` at which a planned time happens in the zone."""
    at = after + 1
    while True:
        for stretch in stretches(zone, at):
            start = stretch.start + stretch.offset
            if fixed and stretch.start > after and stretch.reached < start:
                leapt = pattern.at_or_after(stretch.reached)
                if leapt is not None and leapt < start:
                    return stretch.start
            low = max(start, stretch.reached) if fixed else start
            planned = pattern.at_or_after(max(low, after + 1 + stretch.offset))
            if planned is not None and planned < stretch.end + stretch.offset:
                return planned - stretch.offset
            # What happens later than this stretch has a local time later than its end, less what the clock may lose.
            later = pattern.at_or_after(stretch.end + stretch.offset - MARGIN)
            if later is None:
                return None
            if later - stretch.offset - MARGIN > stretch.end:
                at = later - stretch.offset - MARGIN
                break
        else:
            return None


def last_instant(pattern: Pattern, zone: str, before: int, *, fixed: bool) -> int | None:
    """Return the last instant earlier than `before` at which a planned time happens in the zone."""
    at = before - 1
    while True:
        for stretch in stretches_back(zone, at):
            start = stretch.start + stretch.offset
            low = max(start, stretch.reached) if fixed else start
            planned = pattern.before(min(stretch.end, before) + stretch.offset)
            if planned is not None and planned >= low:
                return planned - stretch.offset
            if fixed and stretch.reached < start:
                leapt = pattern.before(start)
                if leapt is not None and leapt >= stretch.reached:
                    return stretch.start
            earlier = pattern.before(start + MARGIN)
            if earlier is None:
                return None
            if earlier - stretch.offset + MARGIN < stretch.start:
                at = earlier - stretch.offset + MARGIN
                break
        else:
            return None
