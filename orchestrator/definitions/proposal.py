"""The changes that an apply would make, to be looked at before they are made."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.definitions.compare import Change, Difference
from orchestrator.definitions.snapshot import Snapshot
from orchestrator.model import shapes
from orchestrator.state.layouts.change_ops import Op


@dataclass(frozen=True, slots=True)
class Proposal:
    """The changes that an apply would make, and the snapshot of the namespace that they start from."""

    difference: Difference
    planned_anew: tuple[str, ...]
    """The schedules that do not change themselves, but use a calendar that does."""
    warnings: tuple[str, ...]
    snapshot: Snapshot
    ops: tuple[Op, ...]

    @property
    def changes(self) -> tuple[Change, ...]:
        """Return the changes, one for each definition."""
        return self.difference.changes

    @property
    def paused(self) -> tuple[str, ...]:
        """Return the schedules and triggers that somebody has paused. An apply leaves them paused."""
        return self.snapshot.paused

    def to_json(self, namespace: str) -> shapes.Proposal:
        """Return its shape."""
        return {
            "namespace": namespace,
            "revision": self.snapshot.last.number if self.snapshot.last else None,
            "changes": [change.to_json() for change in self.changes],
            "planned_anew": list(self.planned_anew),
            "besides": [{"kind": kind, "name": name} for kind, name in self.difference.unmanaged],
            "paused": list(self.paused),
            "warnings": list(self.warnings),
        }
