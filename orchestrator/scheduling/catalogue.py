"""What a scheduler knows of definitions: read once, and again after any of them changed.

The number of edits, which every change raises, tells whether what is known still holds.
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
"""Schedules that are kept ready at a time, of some 2 KB each."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What starting a run needs of a workflow's current version."""

    name: str
    plan: str
    head: Mapping[str, Any]
    cls: int

    def bind(self, params: Mapping[str, Any]) -> bytes:
        """Return a run's parameters as JSON; a `ParameterError` says what does not fit."""
        return bind_schema(self.head.get("params"), params, self.name)

    def priority(self, name: str | None) -> int:
        """Return the class of a run, given the one that its starter names."""
        return self.cls if name is None else PriorityClass[name].value


def read_workflows(keys: Keys, names: Sequence[str]) -> Read[dict[str, Flow | None]]:
    """Read workflows, all in two batches; None for one that is not offered."""
    plans = yield from starters.current_plans(keys, names)
    heads = yield from reads.plan_heads(keys, list(plans.values()))
    found: dict[str, Flow | None] = dict.fromkeys(names)
    for name, digest in plans.items():
        if head := heads.get(digest):
            found[name] = Flow(name, digest, json.loads(head[0]), head[1])
    return found


class Outlook:
    """Schedules, triggers, calendars and workflows as they stand at the last `refresh`."""

    def __init__(self) -> None:
        self._edits = -1
        self._calendars: dict[str, Calendar] | None = None
        self._flows: dict[str, Flow | None] = {}
        self._planned: dict[tuple[str, int], Planned] = {}
        self._triggers: dict[tuple[str, int], Trigger] = {}
        self._listening: Listening | None = None

    def refresh(self, store: Store) -> None:
        """Forget what has changed since."""
        edits = store.read(starters.edits(store.keys))
        if edits != self._edits:
            self._edits = edits
            self._calendars = self._listening = None
            for known in (self._flows, self._planned, self._triggers):
                known.clear()

    def flows(self, store: Store, names: Iterable[str]) -> None:
        """Read the workflows that are not known yet."""
        new = sorted({name for name in names if name not in self._flows})
        self._flows.update(store.read(read_workflows(store.keys, new)))

    def flow(self, name: str) -> Flow:
        """Return a workflow that `flows` has read; a `NotFound` if there is none."""
        found = self._flows[name]
        if found is None:
            raise NotFound(f"there is no workflow {name!r}")
        return found

    def planned(self, store: Store, record: StarterRecord) -> Planned:
        """Return a stored schedule, or that of a backfill; a `DefinitionError` if it cannot be used."""
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
        """Return a stored trigger."""
        key = (record.id, record.generation)
        if key not in self._triggers:
            self._triggers[key] = Trigger.read(name_of(record.id), json.loads(record.spec))
        return self._triggers[key]

    def listening(self, store: Store) -> Listening:
        """Return which trigger listens to what, the paused ones too."""
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
    """Read a stored schedule (or a backfill's), with the calendars that it names."""
    try:
        return Planned.of(record.log, Schedule.read(name_of(record.log), json.loads(record.spec)), calendars)
    except DefinitionError as error:
        raise DefinitionError(str(error), where=record.id) from None
