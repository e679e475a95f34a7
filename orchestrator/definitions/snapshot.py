"""What a namespace holds: read from the store before a comparison."""

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
class Held:
    """What there is. `edits` was read first: a change that expects it fails if anything was edited since."""

    edits: int
    clock_ms: int
    definitions: Definitions
    records: Mapping[str, StarterRecord]
    """Schedules and triggers by id."""
    backfills: tuple[str, ...]
    last: Revision | None
    """The latest revision."""

    @property
    def managed(self) -> Definitions:
        """Return what files have defined so far."""
        return self.last.definitions if self.last else Definitions()


def held(keys: Keys) -> Read[Held]:
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
    backfills = yield from starters.ids(keys, "backfill")
    number = yield from revisions.latest(keys)
    packed = yield from revisions.several(keys, range(number, number + 1) if number else range(0))
    last = unpack(number, packed[number]) if number in packed else None
    definitions = Definitions(calendars, plans, documents["schedule"], documents["trigger"])
    return Held(edits, (yield from starters.clock(keys)), definitions, records, tuple(backfills), last)
