"""The definitions that a scheduler works with: read once, and again after a change.

Every change of a definition raises the number of edits in the store. The catalogue is emptied when that number differs.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.model.errors import DefinitionError, NotFound
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
from orchestrator.state.store import Store
from orchestrator.timing.calendars import Calendar

log = logging.getLogger(__name__)

MOST_KNOWN = 20_000
"""Schedules that are kept ready at a time. One takes about 2 KB."""


@dataclass(frozen=True, slots=True)
class CurrentVersion:
    """The parts of a workflow's current version that a start of a run needs."""

    name: str
    plan: str
    head: Mapping[str, Any]
    priority: int

    def bind(self, params: Mapping[str, Any]) -> bytes:
        """Return a run's parameters as JSON.

        Raises ParameterError if they do not fit the workflow.
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
    """Schedules, triggers, calendars and workflows as they stand at the last `refresh`."""

    def __init__(self) -> None:
        self._edits = -1
        self._calendars: dict[str, Calendar] | None = None
        self._workflows: dict[str, CurrentVersion | None] = {}
        self._planned: dict[tuple[str, int], Planned] = {}
        self._triggers: dict[tuple[str, int], Trigger] = {}
        self._listening: Listening | None = None

    def refresh(self, store: Store) -> None:
        """Forget all definitions if any of them has changed since the last call."""
        edits = store.read(starters.edits(store.keys))
        if edits != self._edits:
            self._edits = edits
            self._calendars = self._listening = None
            for known in (self._workflows, self._planned, self._triggers):
                known.clear()

    def read_workflows(self, store: Store, names: Iterable[str]) -> None:
        """Read the workflows that are not known yet."""
        new = sorted({name for name in names if name not in self._workflows})
        self._workflows.update(store.read(read_workflows(store.keys, new)))

    def workflow(self, name: str) -> CurrentVersion:
        """Return a workflow that `read_workflows` has read.

        Raises NotFound if the store has no such workflow.
        """
        found = self._workflows[name]
        if found is None:
            raise NotFound(f"there is no workflow {name!r}")
        return found

    def planned(self, store: Store, record: StarterRecord) -> Planned:
        """Return a stored schedule, or the schedule of a backfill.

        Raises DefinitionError if it cannot be used.
        """
        key = (record.id, record.generation)
        if key not in self._planned:
            if len(self._planned) >= MOST_KNOWN:
                self._planned.clear()
            self._planned[key] = plan(record, self.calendars(store))
        return self._planned[key]

    def calendars(self, store: Store) -> dict[str, Calendar]:
        """Return the stored calendars by name."""
        if self._calendars is None:
            documents = store.read(starters.calendars(store.keys))
            self._calendars = {}
            for name, document in documents.items():
                try:
                    self._calendars[name] = Calendar(**document)
                except DefinitionError as error:
                    log.warning("calendar %s: it cannot be used: %s", name, error)
        return self._calendars

    def trigger(self, record: StarterRecord) -> Trigger:
        """Return a stored trigger.

        Raises DefinitionError if it cannot be used.
        """
        key = (record.id, record.generation)
        if key not in self._triggers:
            self._triggers[key] = Trigger.read(name_of(record.id), json.loads(record.spec))
        return self._triggers[key]

    def listening(self, store: Store) -> Listening:
        """Return the enabled triggers by the topics that they listen to. Paused triggers are among them."""
        if self._listening is None:
            names = store.read(starters.ids(store.keys, "trigger"))
            records = store.read(starters.several(store.keys, names))
            self._listening = Listening([pair for pair in self._readable(records) if pair[1].enabled])
        return self._listening

    def _readable(self, records: Iterable[StarterRecord]) -> Iterator[tuple[StarterRecord, Trigger]]:
        for record in records:
            try:
                yield record, self.trigger(record)
            except DefinitionError as error:
                log.warning("%s: it cannot be used: %s", record.id, error)


def name_of(starter: str) -> str:
    """Return the name that a starter has in its workflow."""
    return starter.partition("/")[2]


def plan(record: StarterRecord, calendars: Mapping[str, Calendar]) -> Planned:
    """Read a stored schedule, or the schedule of a backfill, with the calendars that it names.

    Raises DefinitionError, with the starter as its place, if the schedule cannot be used.
    """
    try:
        return Planned.of(record.log, Schedule.read(name_of(record.log), json.loads(record.spec)), calendars)
    except DefinitionError as error:
        raise DefinitionError(str(error), where=record.id) from None
