"""Forget what is over: ended runs, deliveries, backfills, abandoned uploads; bound the stream of transitions."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from orchestrator.scheduler.duties import StepLimit, Tools
from orchestrator.state import reads
from orchestrator.state.layouts.change_ops import drop_starter, pack
from orchestrator.state.reads import starters
from orchestrator.state.store import Store
from orchestrator.state.transitions.definitions import Apply
from orchestrator.state.transitions.events import ForgetDelivery
from orchestrator.state.transitions.runs import Forget, Forgotten, TrimTransitions
from orchestrator.state.transitions.workflows import DateUpload, DropUpload

log = logging.getLogger(__name__)

MOST_RUNS = 100
"""Runs that one round deletes."""
BATCH = 100
"""Deliveries that one batch deletes."""
MOST_TRANSITIONS = 2_000_000
"""Entries of the stream of transitions, about 100 bytes each; what is trimmed beyond is said in the log."""
DELIVERY_LIFE_MS = 86_400_000
"""How long a delivery is kept at least: so long one of the same id is told apart from a new one."""
UPLOAD_LIFE_MS = 3_600_000
"""What an upload that is never sealed lives from when a scheduler first meets it."""


class Retention:
    """Deletes ended runs older than `retention_s`, and what else is over, in slices."""

    name = "retention"
    interval_s = 30.0
    patience_s = 5.0

    def __init__(self, retention_s: float) -> None:
        self.retention_s = retention_s
        self._round: Iterator[None] | None = None
        """What is left of the round that the last step began; each item is one call to the store, or a few."""
        self._pause_s = self.interval_s

    def step(self, tools: Tools) -> float:
        """See `Duty.step`."""
        limit, left = StepLimit(), self._round or self._forget(tools.store)
        self._round = None  # an error ends the round
        for _ in left:
            if limit.reached:
                self._round = left
                return 0
        return self._pause_s

    def _forget(self, store: Store) -> Iterator[None]:
        age_ms = int(self.retention_s * 1000)
        old = store.read(reads.over_since(store.keys, age_ms, MOST_RUNS))
        self._pause_s = 0 if len(old) == MOST_RUNS else self.interval_s
        for run in old:
            while store.run(Forget(run)) == Forgotten(more=True):
                yield
            yield
        yield from _drop_uploads(store)
        yield from _drop_deliveries(store, max(age_ms, DELIVERY_LIFE_MS))
        yield
        _drop_backfills(store, age_ms)
        yield
        trimmed = store.run(TrimTransitions(MOST_TRANSITIONS)).count
        if trimmed:
            log.warning("trimmed %d transitions from the stream: it is bounded to %d", trimmed, MOST_TRANSITIONS)


def _drop_uploads(store: Store) -> Iterator[None]:
    """Date the uploads that are new, and delete those that were dated long ago and never sealed."""
    for plan, jobs, dated in store.read(reads.uploads(store.keys)):
        store.run(DropUpload(plan, jobs, UPLOAD_LIFE_MS) if dated else DateUpload(plan, jobs))
        yield


def _drop_deliveries(store: Store, age_ms: int) -> Iterator[None]:
    """Delete old deliveries that nothing waits for, in slices."""
    keys = store.keys
    old = store.read(starters.delivered_before(keys, store.read(starters.clock(keys)) - age_ms))
    for start in range(0, len(old), BATCH):
        store.run_all([ForgetDelivery(each, age_ms) for each in old[start : start + BATCH]])
        yield


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
