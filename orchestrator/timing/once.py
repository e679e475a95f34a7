"""One-off times."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestrator.model.errors import DefinitionError
from orchestrator.timing.base import Rule, iso, to_datetime, to_ms
from orchestrator.timing.zones import zone

MOST = 1000


@dataclass(frozen=True, init=False)
class At(Rule):
    """One moment, or several: `At(a)`, `At(a, b)`, `At([a, b])`, each to the millisecond, shown in the zone `tz`.

    Raises DefinitionError for a moment without a zone, none at all, or over a thousand.
    """

    moments: tuple[datetime, ...]
    """In order, without repeats, in UTC."""
    tz: str

    def __init__(self, *moments: datetime | Iterable[datetime], tz: str = "UTC") -> None:
        zone(tz)
        given: list[datetime] = []
        for moment in moments:
            given += [moment] if isinstance(moment, datetime) else moment
        if not 1 <= len(given) <= MOST:
            raise DefinitionError(f"one-off times are 1 to {MOST} moments, not {len(given)}")
        ordered = sorted({to_ms(moment) for moment in given})
        object.__setattr__(self, "moments", tuple(to_datetime(ms, "UTC") for ms in ordered))
        object.__setattr__(self, "tz", tz)

    @property
    def zone_name(self) -> str:
        """Return the zone in which they are shown."""
        return self.tz

    def next_ms(self, after_ms: int) -> int | None:
        """Return the first moment later than `after_ms`."""
        index = bisect_right(self.moments, after_ms, key=to_ms)
        return to_ms(self.moments[index]) if index < len(self.moments) else None

    def last_ms(self, before_ms: int) -> int | None:
        """Return the last moment earlier than `before_ms`."""
        index = bisect_left(self.moments, before_ms, key=to_ms)
        return to_ms(self.moments[index - 1]) if index else None

    def describe(self) -> str:
        """Return the moments in words; of more than four the first and the last."""
        shown = [iso(moment, self.tz) for moment in self.moments]
        if len(shown) == 1:
            return f"once, at {shown[0]}"
        if len(shown) > 4:
            return f"{len(shown)} times, from {shown[0]} to {shown[-1]}"
        return f"{len(shown)} times, at {', '.join(shown[:-1])} and {shown[-1]}"

    def document(self) -> dict[str, Any]:
        """Return it as plain data."""
        shown = [iso(moment, self.tz) for moment in self.moments]
        return {"at": shown if len(shown) > 1 else shown[0], **({} if self.tz == "UTC" else {"tz": self.tz})}
