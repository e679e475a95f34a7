"""How times and durations look. Times are milliseconds since 1970."""

from __future__ import annotations

import time

from orchestrator.timing.base import to_datetime


def now_ms() -> int:
    """Return the time of this machine."""
    return round(time.time() * 1000)


def duration(milliseconds: int | None) -> str:
    """Return a duration as people read it: `42ms`, `1.23s`, `12.3s`, `3m05s`, `2h07m`."""
    if milliseconds is None:
        return "–"
    if milliseconds < 1000:
        return f"{max(milliseconds, 0)}ms"
    seconds = milliseconds / 1000
    if seconds < 9.995:
        return f"{seconds:.2f}s"
    if seconds < 99.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    minutes = whole // 60
    return f"{minutes // 60}h{minutes % 60:02d}m"


def relative(ms: int | None, now_ms: int) -> str | None:
    """Return how far away a moment is: `in 2h07m`, `3d ago`. None gives None."""
    if ms is None:
        return None
    away = abs(ms - now_ms) // 1000
    if away == 0:
        return "now"
    length = f"{away}s" if away < 100 else f"{away // 86_400}d" if away >= 2 * 86_400 else duration(away * 1000)
    return f"in {length}" if ms > now_ms else f"{length} ago"


def local(ms: int, zone_name: str) -> str:
    """Write a moment in local time of a zone, with its offset: `Mon 2027-03-01 02:00:00 +01:00`."""
    moment = to_datetime(ms, zone_name)
    offset = moment.isoformat(timespec="seconds")[19:]
    return f"{moment:%a %Y-%m-%d %H:%M:%S} {offset}"
