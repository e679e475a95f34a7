"""One-off times."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from orchestrator.timing.base import Timing, to_datetime, to_ms
from orchestrator.timing.zones import zone


@dataclass(frozen=True)
class At(Timing):
    """One moment, to the millisecond."""

    moment: datetime
    tz: str = "UTC"

    def __post_init__(self) -> None:
        zone(self.tz)
        to_ms(self.moment)

    @property
    def zone_name(self) -> str:
        """Return the zone in which it is shown."""
        return self.tz

    def next_ms(self, after_ms: int) -> int | None:
        """Return the moment if it is later than `after_ms`."""
        moment = to_ms(self.moment)
        return moment if moment > after_ms else None

    def last_ms(self, before_ms: int) -> int | None:
        """Return the moment if it is earlier than `before_ms`."""
        moment = to_ms(self.moment)
        return moment if moment < before_ms else None

    def describe(self) -> str:
        """Say the moment."""
        return f"once, at {to_datetime(to_ms(self.moment), self.tz).isoformat()}"
