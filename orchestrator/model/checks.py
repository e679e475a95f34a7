"""What a look at the installation found (`orchestrator doctor`)."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.model import shapes


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: `name` says what, `detail` what was found, `remedy` what to do if it is not ok."""

    name: str
    ok: bool
    detail: str
    remedy: str | None = None

    def to_json(self) -> shapes.Check:
        """Return its shape."""
        return {"name": self.name, "ok": self.ok, "detail": self.detail, "remedy": self.remedy}
