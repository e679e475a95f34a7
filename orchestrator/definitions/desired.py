"""The state of a namespace after an apply: its definitions, as documents for the store and as values for the checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from orchestrator.definitions.contents import Definitions, Kind
from orchestrator.model.errors import DefinitionError
from orchestrator.model.ids import name_of
from orchestrator.plan.plan import Plan
from orchestrator.starters.schedule import Schedule
from orchestrator.starters.trigger import Trigger

T = TypeVar("T", Schedule, Trigger)


def _named(kind: Kind, name: str) -> str:
    return f"{kind} {name}"


@dataclass(frozen=True, slots=True)
class DesiredState:
    """The definitions that a namespace is to hold.

    `prune` says which other definitions are deleted: none, those that an apply has made before, or all.
    """

    definitions: Definitions
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    """The schedules of `definitions` by id, but for those that this version of the program cannot read."""
    triggers: Mapping[str, Trigger] = field(default_factory=dict)
    """The triggers, likewise."""
    plans: Mapping[str, Plan] = field(default_factory=dict)
    """The plans that the store may not have, by digest."""
    prune: Literal["nothing", "defined", "all"] = "nothing"
    back_to: int | None = None
    """The revision whose definitions these are, where an earlier one is restored."""
    where: Callable[[Kind, str], str] = _named
    """Gives the place where a definition is written, for errors."""

    @classmethod
    def of_revision(cls, number: int, definitions: Definitions) -> DesiredState:
        """Return the state that restores a revision; definitions that files added later are deleted."""
        schedules = read_schedules(definitions.schedules)
        triggers = read_triggers(definitions.triggers)
        return cls(definitions, schedules, triggers, prune="defined", back_to=number)

    def schedule(self, starter_id: str) -> Schedule:
        """Return a schedule; a `DefinitionError` says why this version of the program cannot read it."""
        found = self.schedules.get(starter_id)
        return found or Schedule.read(name_of(starter_id), self.definitions.schedules[starter_id])

    def trigger(self, starter_id: str) -> Trigger:
        """Return a trigger; a `DefinitionError` says why this version of the program cannot read it."""
        found = self.triggers.get(starter_id)
        return found or Trigger.read(name_of(starter_id), self.definitions.triggers[starter_id])


def read_schedules(documents: Mapping[str, object]) -> dict[str, Schedule]:
    """Read the documents of schedules by id. A document that cannot be read is left out."""
    return dict(_readable(documents, Schedule.read))


def read_triggers(documents: Mapping[str, object]) -> dict[str, Trigger]:
    """Read the documents of triggers by id. A document that cannot be read is left out."""
    return dict(_readable(documents, Trigger.read))


def _readable(documents: Mapping[str, object], read: Callable[[str, object], T]) -> Iterator[tuple[str, T]]:
    for starter_id, document in documents.items():
        try:
            yield starter_id, read(name_of(starter_id), document)
        except DefinitionError:
            continue
