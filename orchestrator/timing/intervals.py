"""Intervals: every so much time, from an anchor or from each midnight, and the text form of a length of time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from orchestrator.model.errors import DefinitionError
from orchestrator.timing.base import MILLISECOND, Rule, iso, to_datetime, to_ms
from orchestrator.timing.wallclock import last_instant, next_instant
from orchestrator.timing.zones import DAY, zone

UNITS_MS = {"w": 7 * DAY * 1000, "d": DAY * 1000, "h": 3_600_000, "m": 60_000, "s": 1000}
UNIT_NAMES = {"w": "week", "d": "day", "h": "hour", "m": "minute", "s": "second"}
LENGTH = re.compile(r"(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?", re.ASCII)
LONGEST_MS = 100 * 366 * DAY * 1000


@dataclass(frozen=True)
class Every(Rule):
    """Moments that are `interval` apart: seconds, a timedelta, or text such as `15m`, `1h30m`, `2d`.

    By default they are the multiples of the interval since 1970-01-01 00:00 UTC: `15m` means :00, :15, :30, :45. With
    an `anchor` they begin at that moment. With `align="day"` they are counted anew from each midnight of the zone, and
    follow its wall clock: `6h` is 00:00, 06:00, 12:00, 18:00, also on days of 23 or 25 hours.

    Raises DefinitionError for an interval under a second or over a hundred years, or aligned and over a day.
    """

    interval: float | timedelta | str
    anchor: datetime | None = None
    align: Literal["day"] | None = None
    tz: str = "UTC"

    def __post_init__(self) -> None:
        zone(self.tz)
        step = length_ms(self.interval)
        object.__setattr__(self, "interval", timedelta(milliseconds=step))
        if self.anchor is not None:
            object.__setattr__(self, "anchor", to_datetime(to_ms(self.anchor), "UTC"))
        if self.align is None:
            return
        if self.align != "day" or self.anchor is not None:
            raise DefinitionError(f"cannot align an interval to {self.align!r}", remedy="there is align='day', alone")
        if step > DAY * 1000 or step % 1000:
            raise DefinitionError("an interval aligned to the day is whole seconds, at most 24h")

    @property
    def zone_name(self) -> str:
        """Return the zone in which its moments are shown, and to whose midnight it may be aligned."""
        return self.tz

    @property
    def step_ms(self) -> int:
        """Return the interval in milliseconds."""
        assert isinstance(self.interval, timedelta)
        return self.interval // MILLISECOND

    def next_ms(self, after_ms: int) -> int | None:
        """Return the first moment later than `after_ms`."""
        if self.align:
            found = next_instant(_FromMidnight(self.step_ms // 1000), self.tz, after_ms // 1000, fixed=False)
            return None if found is None else found * 1000
        origin = self._origin_ms()
        if self.anchor is not None and after_ms < origin:
            return origin
        return origin + ((after_ms - origin) // self.step_ms + 1) * self.step_ms

    def last_ms(self, before_ms: int) -> int | None:
        """Return the last moment earlier than `before_ms`."""
        if self.align:
            found = last_instant(_FromMidnight(self.step_ms // 1000), self.tz, -(-before_ms // 1000), fixed=False)
            return None if found is None else found * 1000
        origin = self._origin_ms()
        if self.anchor is not None and before_ms <= origin:
            return None
        return origin + ((before_ms - origin - 1) // self.step_ms) * self.step_ms

    def _origin_ms(self) -> int:
        return 0 if self.anchor is None else to_ms(self.anchor)

    def describe(self) -> str:
        """Return its words, as in `every 15 minutes`."""
        text = f"every {length_text(self.step_ms)}"
        if self.align:
            return f"{text} from 00:00 of each day ({self.tz})"
        if self.anchor is not None:
            return f"{text} from {to_datetime(self._origin_ms(), self.tz).isoformat()}"
        return text

    def document(self) -> dict[str, Any]:
        """Return it as plain data."""
        document: dict[str, Any] = {"every": length_code(self.step_ms)}
        if self.anchor is not None:
            document["anchor"] = iso(self.anchor, self.tz)
        if self.align is not None:
            document["align"] = self.align
        if self.tz != "UTC":
            document["tz"] = self.tz
        return document


@dataclass(frozen=True)
class _FromMidnight:
    """The multiples of some seconds since each midnight, as local times."""

    step: int

    def at_or_after(self, local: int) -> int:
        """Return the first from `local` on."""
        day, second = divmod(local, DAY)
        steps = -(-second // self.step) * self.step
        return day * DAY + (steps if steps < DAY else DAY)

    def before(self, local: int) -> int:
        """Return the last before `local`."""
        day, second = divmod(local - 1, DAY)
        return day * DAY + second // self.step * self.step


def length_ms(length: float | timedelta | str, least_ms: int = 1000) -> int:
    """Return a length of time in milliseconds: seconds, a timedelta, or text such as `1h30m`.

    Raises DefinitionError for any other text, less than `least_ms`, or over a hundred years.
    """
    if isinstance(length, str):
        read = LENGTH.fullmatch(length.strip().lower())
        if not read or not any(read.groups()):
            remedy = "write it as 90s, 15m, 1h30m, 2d or 1w"
            raise DefinitionError(f"cannot read {length[:40]!r} as a length of time", remedy=remedy)
        ms = sum(int(part[:-1]) * UNITS_MS[part[-1]] for part in read.groups() if part)
    elif isinstance(length, timedelta):
        ms = length // MILLISECOND
    else:
        ms = round(length * 1000) if 0 < length < LONGEST_MS else 0
    if not least_ms <= ms <= LONGEST_MS:
        least = f"a {length_text(least_ms)}" if least_ms >= 1000 else f"{least_ms} ms"
        raise DefinitionError(f"a length of time of {length!s:.40} is not between {least} and a hundred years")
    return ms


def length_code(ms: int) -> str | float:
    """Return a length of time in a form that `length_ms` reads: `1h30m`, or seconds if they are not whole."""
    if ms % 1000 or not ms:
        return ms / 1000
    parts = []
    for unit, size in UNITS_MS.items():
        count, ms = divmod(ms, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def length_text(ms: int) -> str:
    """Return a length of time in words, as in `1 hour 30 minutes`. One hour alone is `hour`, as in `every hour`."""
    parts = []
    for unit, size in UNITS_MS.items():
        count, ms = divmod(ms, size) if unit != "s" else (ms / size, 0)
        if count:
            parts.append((f"{count:g}", UNIT_NAMES[unit]))
    if len(parts) == 1 and parts[0][0] == "1":
        return parts[0][1]
    return " ".join(f"{count} {name}{'' if count == '1' else 's'}" for count, name in parts)
