"""Definitions as they stand: read when they are first asked for, and anew after any of them has changed.

Schedulers, which start runs, and clients, which check events before they are stored, use the same catalogue. Every
change of a definition raises the namespace's number of edits, so one number says whether what is known still holds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.model.errors import DefinitionError, NotFound
from orchestrator.model.ids import name_of
from orchestrator.model.states import PriorityClass
from orchestrator.plan.params import bind_schema
from orchestrator.scheduling.matching import Listening
from orchestrator.scheduling.planning import Planned
from orchestrator.starters.schedule import Schedule
from orchestrator.starters.trigger import Trigger
from orchestrator.state import reads
from orchestrator.state.keys import Keys
from orchestrator.state.reads import starters
from orchestrator.state.reads.base import Read
from orchestrator.state.reads.starters import StarterRecord
from orchestrator.timing.calendars import Calendar

MOST_KNOWN = 20_000
"""Schedules that are kept ready at a time. One takes about 2 KB."""

OnBroken = Callable[[str, DefinitionError], None]
"""Called with the name of a stored definition that this version refuses, and the reason."""


@dataclass(frozen=True, slots=True)
class CurrentVersion:
    """The parts of a workflow's current version that a start of a run needs."""

    name: str
    plan: str
    head: Mapping[str, Any]
    priority: int

    def bind(self, params: Mapping[str, Any]) -> bytes:
        """Return a run's parameters as JSON.

        Raises:
            ParameterError: the parameters do not fit the workflow.
        """
        return bind_schema(self.head.get("params"), params, self.name)

    def priority_of(self, name: str | None) -> int:
        """Return the priority class of a run: the one that its starter names, else the workflow's."""
        return self.priority if name is None else PriorityClass[name].value


def read_workflows(keys: Keys, names: Sequence[str]) -> Read[dict[str, CurrentVersion | None]]:
    """Read the current versions of workflows, all in two round trips; None for a workflow that does not exist."""
    plans = yield from starters.current_plans(keys, names)
    heads = yield from reads.plan_heads(keys, list(plans.values()))
    found: dict[str, CurrentVersion | None] = dict.fromkeys(names)
    for name, digest in plans.items():
        if head := heads.get(digest):
            found[name] = CurrentVersion(name, digest, json.loads(head[0]), head[1])
    return found


class Catalogue:
    """Schedules, triggers, calendars and workflows at one number of edits. It only grows: threads may share it."""

    def __init__(self, keys: Keys, edits: int, on_broken: OnBroken) -> None:
        self.edits = edits
        self._keys = keys
        self._on_broken = on_broken
        self._calendars: dict[str, Calendar] | None = None
        self._listening: Listening | None = None
        self._workflows: dict[str, CurrentVersion | None] = {}
        self._planned: dict[tuple[str, int], Planned] = {}
        self._triggers: dict[tuple[str, int], Trigger] = {}

    def learn_workflows(self, names: Iterable[str]) -> Read[None]:
        """Read the workflows that are not known yet."""
        new = sorted({name for name in names if name not in self._workflows})
        self._workflows |= yield from read_workflows(self._keys, new)

    def workflow(self, name: str) -> CurrentVersion:
        """Return a workflow that `learn_workflows` has read.

        Raises:
            NotFound: the workflow is not offered.
        """
        found = self._workflows[name]
        if found is None:
            raise NotFound(f"there is no workflow {name!r}")
        return found

    def planned(self, record: StarterRecord) -> Read[Planned]:
        """Return a stored schedule, or the schedule of a backfill, ready to be planned.

        Raises:
            DefinitionError: it cannot be used.
        """
        key = (record.id, record.generation)
        if key not in self._planned:
            if len(self._planned) >= MOST_KNOWN:
                self._planned = {}
            self._planned[key] = plan(record, (yield from self.calendars()))
        return self._planned[key]

    def calendars(self) -> Read[dict[str, Calendar]]:
        """Return the stored calendars by name."""
        if self._calendars is None:
            found = {}
            for name, document in (yield from starters.calendars(self._keys)).items():
                try:
                    found[name] = Calendar(**document)
                except DefinitionError as error:
                    self._on_broken(f"calendar {name}", error)
            self._calendars = found
        return self._calendars

    def trigger(self, record: StarterRecord) -> Trigger:
        """Return a stored trigger.

        Raises:
            DefinitionError: it cannot be used.
        """
        key = (record.id, record.generation)
        if key not in self._triggers:
            self._triggers[key] = Trigger.read(name_of(record.id), json.loads(record.spec))
        return self._triggers[key]

    def listening(self) -> Read[Listening]:
        """Return the enabled triggers by the topics that they listen to. Paused triggers are among them."""
        if self._listening is None:
            names = yield from starters.ids(self._keys, "trigger")
            records = yield from starters.several(self._keys, names)
            self._listening = Listening([pair for pair in self._readable(records) if pair[1].enabled])
        return self._listening

    def _readable(self, records: Iterable[StarterRecord]) -> Iterator[tuple[StarterRecord, Trigger]]:
        for record in records:
            try:
                yield record, self.trigger(record)
            except DefinitionError as error:
                self._on_broken(record.id, error)


class CatalogueCache:
    """The latest catalogue of a namespace."""

    def __init__(self, on_broken: OnBroken = lambda name, error: None) -> None:
        self._on_broken = on_broken
        self._latest: Catalogue | None = None

    def refreshed(self, keys: Keys) -> Read[Catalogue]:
        """Return the catalogue as it stands now: a new one if any definition has changed since the last call."""
        edits = yield from starters.edits(keys)
        latest = self._latest
        if latest is None or latest.edits != edits:
            latest = self._latest = Catalogue(keys, edits, self._on_broken)
        return latest


def plan(record: StarterRecord, calendars: Mapping[str, Calendar]) -> Planned:
    """Read a stored schedule, or the schedule of a backfill, with the calendars that it names.

    Raises:
        DefinitionError: the schedule cannot be used; `where` is the starter.
    """
    try:
        return Planned.of(record.log, Schedule.read(name_of(record.log), json.loads(record.spec)), calendars)
    except DefinitionError as error:
        raise DefinitionError(str(error), where=record.id) from None
