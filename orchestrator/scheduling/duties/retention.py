"""Forget runs that ended long ago and uploads that were given up; keep the event stream within its bound."""

from __future__ import annotations

import logging

from orchestrator.scheduling.duties import Tools
from orchestrator.state import reading
from orchestrator.state.replies import Forgotten
from orchestrator.state.transitions import DropUpload, Forget

log = logging.getLogger(__name__)

MOST_EVENTS = 2_000_000
"""Entries of the event stream, about 100 bytes each; what is trimmed beyond is said in the log."""
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
        old = store.read(reading.over_since(store.keys, int(self.retention_s * 1000)))
        for run in old:
            while store.run(Forget(run)) == Forgotten(more=True):
                pass
        _drop_uploads(tools)
        (trimmed,) = store.pipeline([("XTRIM", store.keys.events, "MAXLEN", "~", MOST_EVENTS)])
        if trimmed:
            log.warning("trimmed %d events from the stream: it is bounded to %d", trimmed, MOST_EVENTS)
        return 0 if len(old) == 100 else self.interval_s


def _drop_uploads(tools: Tools) -> None:
    store = tools.store
    uploads, now = store.read(reading.uploads(store.keys))
    for plan, jobs, met in uploads:
        if not met:
            store.pipeline([("ZADD", store.keys.uploads, "XX", now, f"{plan} {jobs}")])
        elif now - met > UPLOAD_LIFE_MS:
            store.run(DropUpload(plan, jobs))
