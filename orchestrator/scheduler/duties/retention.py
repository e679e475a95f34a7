"""Forget what is over: ended runs, deliveries, backfills, abandoned uploads; bound the stream of transitions."""

from __future__ import annotations

import logging

from orchestrator.scheduler.duties import Tools
from orchestrator.state import reads
from orchestrator.state.layouts.change_ops import drop_starter, pack
from orchestrator.state.reads import starters
from orchestrator.state.store import Store
from orchestrator.state.transitions.definitions import Apply
from orchestrator.state.transitions.events import ForgetDelivery
from orchestrator.state.transitions.runs import Forget, Forgotten, TrimTransitions
from orchestrator.state.transitions.workflows import DateUpload, DropUpload

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
        _drop_uploads(store)
        _drop_deliveries(store, max(int(self.retention_s * 1000), DELIVERY_LIFE_MS))
        _drop_backfills(store, int(self.retention_s * 1000))
        trimmed = store.run(TrimTransitions(MOST_TRANSITIONS)).count
        if trimmed:
            log.warning("trimmed %d transitions from the stream: it is bounded to %d", trimmed, MOST_TRANSITIONS)
        return 0 if len(old) == 100 else self.interval_s


def _drop_uploads(store: Store) -> None:
    """Date the uploads that are new, and delete those that were dated long ago and never sealed."""
    for plan, jobs, dated in store.read(reads.uploads(store.keys)):
        store.run(DropUpload(plan, jobs, UPLOAD_LIFE_MS) if dated else DateUpload(plan, jobs))


def _drop_deliveries(store: Store, age_ms: int) -> None:
    """Delete old deliveries that nothing waits for, in slices."""
    keys = store.keys
    old = store.read(starters.delivered_before(keys, store.read(starters.clock(keys)) - age_ms))
    store.run_all([ForgetDelivery(each, age_ms) for each in old])


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
