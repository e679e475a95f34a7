"""Forget what is over: ended runs, deliveries, backfills, abandoned uploads; bound the stream of transitions."""

from __future__ import annotations

import logging

from orchestrator.scheduler.duties import Tools
from orchestrator.state import reads
from orchestrator.state.layouts.change_ops import drop_starter, pack
from orchestrator.state.reads import starters
from orchestrator.state.store import Store
from orchestrator.state.transitions.definitions import Apply
from orchestrator.state.transitions.runs import Forget, Forgotten
from orchestrator.state.transitions.workflows import DropUpload

log = logging.getLogger(__name__)

MOST_TRANSITIONS = 2_000_000
"""Entries of the stream of transitions, about 100 bytes each; what is trimmed beyond is said in the log."""
DELIVERY_LIFE_MS = 86_400_000
"""How long a delivery is kept at least: so long one of the same id is told apart from a new one."""
UPLOAD_LIFE_MS = 3_600_000
"""What an upload that is never sealed lives from when a scheduler first meets it."""


class Retention:
    """Deletes ended runs older than `retention_s`, in slices."""

    name = "retention"
    interval_s = 30.0

    def __init__(self, retention_s: float) -> None:
        self.retention_s = retention_s

    def step(self, tools: Tools) -> float:
        """See `Duty.step`."""
        store = tools.store
        old = store.read(reads.over_since(store.keys, int(self.retention_s * 1000)))
        for run in old:
            while store.run(Forget(run)) == Forgotten(more=True):
                pass
        _drop_uploads(tools)
        _drop_deliveries(store, max(int(self.retention_s * 1000), DELIVERY_LIFE_MS))
        _drop_backfills(store, int(self.retention_s * 1000))
        (trimmed,) = store.pipeline([("XTRIM", store.keys.transitions, "MAXLEN", "~", MOST_TRANSITIONS)])
        if trimmed:
            log.warning("trimmed %d transitions from the stream: it is bounded to %d", trimmed, MOST_TRANSITIONS)
        return 0 if len(old) == 100 else self.interval_s


def _drop_uploads(tools: Tools) -> None:
    store = tools.store
    uploads, now = store.read(reads.uploads(store.keys))
    for plan, jobs, met in uploads:
        if not met:
            store.pipeline([("ZADD", store.keys.uploads, "XX", now, f"{plan} {jobs}")])
        elif now - met > UPLOAD_LIFE_MS:
            store.run(DropUpload(plan, jobs))


def _drop_deliveries(store: Store, age_ms: int) -> None:
    """Delete old deliveries that nothing waits for, in slices."""
    keys = store.keys
    old = store.read(starters.delivered_before(keys, store.read(starters.clock(keys)) - age_ms))
    found = store.read(starters.deliveries(keys, old))
    waiting = {each.id for each in found if "waits" in each.outcomes.values()}
    gone = [each for each in old if each not in waiting]
    if gone:
        store.pipeline([("UNLINK", *map(keys.delivery, gone)), ("ZREM", keys.deliveries, *gone)])


def _drop_backfills(store: Store, age_ms: int) -> None:
    """Delete backfills that were over long ago."""
    keys = store.keys
    records = store.read(starters.several(keys, store.read(starters.ids(keys, "backfill"))))
    until = store.read(starters.clock(keys)) - age_ms
    old = [record.id for record in records if record.created_ms < until]
    loads = store.read(starters.loads(keys, old))
    over = [each for each, load in zip(old, loads, strict=True) if not load.living and not load.waiting]
    if over:
        store.run(Apply(-1, pack(drop_starter(each) for each in over)))
