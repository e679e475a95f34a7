"""The definitions of a namespace as documents that can be compared: calendars, workflows, schedules, triggers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["calendar", "workflow", "schedule", "trigger"]
KINDS: tuple[Kind, ...] = ("calendar", "workflow", "schedule", "trigger")


@dataclass(frozen=True, slots=True)
class Definitions:
    """Definitions by name, schedules and triggers by id.

    A workflow is present as the digest of its plan, every other definition as the document that the store keeps.
    """

    calendars: Mapping[str, Any] = field(default_factory=dict)
    workflows: Mapping[str, str] = field(default_factory=dict)
    schedules: Mapping[str, Any] = field(default_factory=dict)
    triggers: Mapping[str, Any] = field(default_factory=dict)

    def of(self, kind: Kind) -> Mapping[str, Any]:
        """Return the definitions of a kind."""
        found: Mapping[str, Any] = getattr(self, f"{kind}s")
        return found

    def names(self) -> Iterator[tuple[Kind, str]]:
        """Yield the kind and name of each definition."""
        for kind in KINDS:
            for name in self.of(kind):
                yield kind, name

    def updated(self, others: Definitions, without: set[tuple[Kind, str]]) -> Definitions:
        """Return these definitions with others added, which win, and without some."""
        return Definitions(
            **{
                f"{kind}s": {
                    name: value
                    for name, value in {**self.of(kind), **others.of(kind)}.items()
                    if (kind, name) not in without
                }
                for kind in KINDS
            }
        )
