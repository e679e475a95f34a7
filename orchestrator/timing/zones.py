"""Time zones as stretches of constant offset: the only way that local time is turned into instants here.

Within a stretch, local time is the instant plus a fixed number of seconds. Between two stretches the local clock jumps
forward (a gap: local times that do not exist) or back (local times that come twice), by half an hour in
Australia/Lord_Howe, by an hour mostly, by a day where a country crossed the date line. Instants and local times are
whole seconds since 1970-01-01 00:00, UTC and local.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache, lru_cache
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from orchestrator.model.errors import DefinitionError

DAY = 86_400
MARGIN = 3 * DAY
"""Seconds. Two instants of one local time are never so far apart: the largest jump is a day."""
PROBE = DAY
"""Seconds between two looks for a change of offset; the closest two changes in the database are 95 hours apart."""
FIRST_YEAR, LAST_YEAR = 2, 9998
"""Nothing is planned outside of these years. Python's calendar has one more at each end."""

OF_THE_MACHINE = frozenset({"localtime", "posixrules", "Factory"})
"""Names that some systems have for their own setting: two schedulers would plan different times."""
OTHER_TABLES = ("posix/", "right/")
"""Copies of the database that some systems have; `right` counts leap seconds."""
FIXED_OFFSET = re.compile(
    r"(?:etc/)?(?:utc|gmt|z)?\s*(?P<sign>[+-])(?P<hours>\d{1,2})(?::?(?P<minutes>\d\d))?", re.ASCII | re.IGNORECASE
)


class Stretch(NamedTuple):
    """The instants `start` to `end` (exclusive), in which local time is the instant + `offset`.

    `reached` is the latest local time that the clock had shown before `start`. Local times below it come for the second
    time. Local times from it to `start + offset` do not exist.
    """

    start: int
    end: int
    offset: int
    reached: int


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """Return the time zone of this name in the IANA database.

    Raises DefinitionError for any other name, also for one that stands for the setting of the machine.
    """
    if not isinstance(name, str):
        raise DefinitionError(f"{name!r} is no time zone", remedy="name it as in Europe/Paris or UTC")
    if name in OF_THE_MACHINE or name.startswith(OTHER_TABLES):
        what = f"the time zone {name!r} is not the same on every machine"
        raise DefinitionError(what, remedy="name it as in Europe/Paris or UTC")
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # not found; a folder's name; a name that is a path out of the database
        pass
    raise DefinitionError(f"there is no time zone {name[:80]!r}", remedy=_fixed_offset(name) or _near(name))


def _fixed_offset(name: str) -> str | None:
    """Say which zone is meant by a name such as `GMT+3`, `UTC-05:00` or `+02`, None if it is no such name."""
    found = FIXED_OFFSET.fullmatch(name.strip())
    if not found:
        return None
    hours, minutes = int(found["hours"]), int(found["minutes"] or 0)
    east = found["sign"] == "+"
    if minutes or hours > (14 if east else 12):
        return "no zone of the database has this fixed offset: name a place, as in Asia/Kolkata"
    if not hours:
        return "write UTC"
    meant = f"{hours} hour{'' if hours == 1 else 's'} {'ahead of' if east else 'behind'} UTC"
    right = f"Etc/GMT{'-' if east else '+'}{hours}"
    return f"{meant} is {right}, where the sign is reversed; a place, as in Europe/Paris, keeps its clock changes"


def _near(name: str) -> str:
    near = difflib.get_close_matches(name[:80], available_timezones() - OF_THE_MACHINE, n=3)
    return f"did you mean {' or '.join(near)}?" if near else "name it as in Europe/Paris or UTC"


def offset(name: str, instant: int) -> int:
    """Return the seconds that local time is ahead of UTC at an instant."""
    ahead = datetime.fromtimestamp(instant, zone(name)).utcoffset()
    assert ahead is not None
    return ahead.days * DAY + ahead.seconds


def stretches(name: str, instant: int) -> Iterator[Stretch]:
    """Yield the stretches of a zone in order, from the one that holds an instant."""
    for year in range(_year(instant), LAST_YEAR + 1):
        yield from (stretch for stretch in _of_year(name, year) if stretch.end > instant)


def stretches_back(name: str, instant: int) -> Iterator[Stretch]:
    """Yield the stretches of a zone in reverse order, from the one that holds an instant."""
    for year in range(_year(instant), FIRST_YEAR - 1, -1):
        yield from (stretch for stretch in reversed(_of_year(name, year)) if stretch.start <= instant)


def _year(instant: int) -> int:
    """Return the year of an instant, the first or last that is planned in if it lies outside of them."""
    if instant < _new_year(FIRST_YEAR):
        return FIRST_YEAR
    return datetime.fromtimestamp(min(instant, _new_year(LAST_YEAR)), UTC).year


@lru_cache(maxsize=8192)
def _of_year(name: str, year: int) -> tuple[Stretch, ...]:
    """Return the stretches of a year (UTC), clipped to it."""
    first, last = _new_year(year), _new_year(year + 1)
    changes = [first - MARGIN, *_changes(name, first - MARGIN, last), last]
    reached = first - MARGIN + offset(name, first - MARGIN)
    found = []
    for start, end in pairwise(changes):
        ahead = offset(name, start)
        begin = max(start, first)
        if begin > start:  # the clock had run on in this same stretch
            reached = max(reached, begin + ahead)
        if end > first:
            found.append(Stretch(begin, end, ahead, reached))
        reached = max(reached, end + ahead)
    return tuple(found)


def _changes(name: str, start: int, end: int) -> list[int]:
    """Return the instants after `start` and before `end` from which another offset holds."""
    found = []
    low, before = start, offset(name, start)
    while low < end:
        high = min(low + PROBE, end)
        after = offset(name, high)
        if after != before:
            below, above = low, high
            while above - below > 1:
                middle = (below + above) // 2
                below, above = (middle, above) if offset(name, middle) == before else (below, middle)
            if above < end:
                found.append(above)
        low, before = high, after
    return found


@cache
def _new_year(year: int) -> int:
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
