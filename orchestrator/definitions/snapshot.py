"""The definitions of a namespace as they stand, read from the store before a comparison."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.definitions.contents import Definitions
from orchestrator.definitions.revisions import Revision, unpack
from orchestrator.state import reads
from orchestrator.state.keys import Keys
from orchestrator.state.reads import revisions, starters
from orchestrator.state.reads.base import Read
from orchestrator.state.reads.starters import StarterRecord


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The definitions of a namespace at one moment.

    `edits` was read first: a change that expects this number is refused if anybody has edited since.
    """

    edits: int
    clock_ms: int
    definitions: Definitions
    records: Mapping[str, StarterRecord]
    """The records of schedules and triggers, by id."""
    backfills: tuple[str, ...]
    """The ids of backfills."""
    last: Revision | None
    """The latest revision."""

    @property
    def applied(self) -> Definitions:
        """Return the definitions that files have made so far."""
        return self.last.definitions if self.last else Definitions()

    @property
    def paused(self) -> tuple[str, ...]:
        """Return the ids of the schedules and triggers that somebody has paused, in order."""
        return tuple(sorted(record.id for record in self.records.values() if record.paused_ms is not None))


def read_snapshot(keys: Keys) -> Read[Snapshot]:
    """Read all definitions of a namespace."""
    edits = yield from starters.edits(keys)
    names = yield from reads.workflows(keys)
    plans = yield from starters.current_plans(keys, names)
    calendars = yield from starters.calendars(keys)
    records: dict[str, StarterRecord] = {}
    for kind in ("schedule", "trigger"):
        ids = yield from starters.ids(keys, kind)
        records |= {record.id: record for record in (yield from starters.several(keys, ids))}
    documents: dict[str, dict[str, object]] = {"schedule": {}, "trigger": {}}
    for record in records.values():
        documents[record.kind][record.id] = json.loads(record.spec)
    definitions = Definitions(calendars, plans, documents["schedule"], documents["trigger"])
    backfills = yield from starters.ids(keys, "backfill")
    number = yield from revisions.latest(keys)
    packed = yield from revisions.several(keys, range(number, number + 1) if number else range(0))
    last = unpack(number, packed[number]) if number in packed else None
    return Snapshot(edits, (yield from starters.clock(keys)), definitions, records, tuple(backfills), last)
