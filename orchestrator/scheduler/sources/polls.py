"""Handler of the timer `poll`: poll the sources of triggers, in threads, so that a slow source delays no other.

A timer that is handed out is due again after its lease of 30 s; the poll itself sets it to the next time. So another
scheduler takes over from one that died, and what both deliver is delivered once.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module

from orchestrator import threads
from orchestrator.model.errors import DefinitionError, OrchestratorError
from orchestrator.model.urls import mask_url
from orchestrator.scheduler.duties import Tools
from orchestrator.scheduler.sources.inbox import Inbox
from orchestrator.scheduling.catalogue import Catalogue, CatalogueCache
from orchestrator.starters.trigger import Trigger
from orchestrator.state.reads import source_memory, starters
from orchestrator.state.reads.starters import StarterRecord
from orchestrator.state.transitions.sources import PlanPoll
from orchestrator.timing.base import MILLISECOND

log = logging.getLogger(__name__)

AT_ONCE = 8
"""Sources that one scheduler polls at the same time."""
BUSY_MS = 500
"""Milliseconds until a poll that found no free thread is handed out again."""
REST_MS = 20
"""Milliseconds between two polls of a source that has more to give, so that other sources get a thread too."""
DEADLINE_S = 20.0
"""Seconds that one poll takes at most: less than the lease of its timer."""
MOST_WAITING = 5_000
"""The backlog from which on a trigger's source is not read: half of what may wait with `queue_all`."""
CROWDED_MS = 2_000
PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True)
class Poll:
    """One poll of a trigger's source."""

    inbox: Inbox
    record: StarterRecord
    now_ms: int
    """When the poll began, by the store's clock."""
    until: float
    """When the poll must be over, by the monotonic clock."""

    @property
    def trigger(self) -> Trigger:
        """The trigger whose source is polled."""
        return self.inbox.trigger

    @property
    def left_s(self) -> float:
        """Return the seconds until the poll must be over."""
        return self.until - time.monotonic()


Ask = Callable[[Poll], int | None]
"""Polls a source and delivers what is new. Returns the ms until the next poll, None for the usual interval.

Raises an `OrchestratorError`; deliveries made before it stay.
"""


class Polls:
    """The handler of `poll` timers."""

    _catalogue: Catalogue

    def __init__(self, cache: CatalogueCache) -> None:
        self._cache = cache
        self._lock = threading.Lock()
        self._under_way: dict[str, threading.Thread] = {}
        self._more: set[str] = set()
        """Triggers that were due again while their poll was under way: they are polled again at once."""
        self._failing: set[str] = set()

    def asked(self, tools: Tools, ids: Sequence[str], now_ms: int) -> None:
        """Begin to poll the sources of triggers."""
        keys = tools.store.keys
        self._catalogue = tools.store.read(self._cache.refreshed(keys))
        records = {record.id: record for record in tools.store.read(starters.several(keys, ids))}
        gone = [each for each in ids if each not in records or not records[each].enabled]
        tools.store.run_all([PlanPoll(each, 0) for each in gone])  # stops them, unless they came back in the meantime
        for record in records.values():
            try:
                if record.enabled and not self._begin(tools, record, now_ms):
                    tools.store.run(PlanPoll(record.id, BUSY_MS))
            except DefinitionError as error:  # stored by a release that knew more
                self._told(record.id, error)

    def close(self) -> None:
        """Wait a little for polls under way. One that hangs dies with the process, and another scheduler repeats it."""
        until = time.monotonic() + PATIENCE_S
        for thread in list(self._under_way.values()):
            thread.join(max(0.0, until - time.monotonic()))

    def _begin(self, tools: Tools, record: StarterRecord, now_ms: int) -> bool:
        """Start a thread; return False if all threads are taken, or this source is being polled."""
        trigger = self._catalogue.trigger(record)
        with self._lock:
            if record.id in self._under_way:
                self._more.add(record.id)
                return False
            if len(self._under_way) >= AT_ONCE:
                return False
            body = partial(self._run, tools, record, trigger, now_ms)
            self._under_way[record.id] = threads.start(f"poll {record.id}", body)
        return True

    def _run(self, tools: Tools, record: StarterRecord, trigger: Trigger, now_ms: int) -> None:
        until = time.monotonic() + DEADLINE_S
        kind = trigger.source_kind
        poll = Poll(Inbox(tools.store, record.id, trigger, place_of(trigger)), record, now_ms, until)
        wait_ms = every_ms = every(trigger)
        try:
            if tools.store.read(source_memory.backlog(tools.store.keys, record.id)) < MOST_WAITING:
                ask: Ask = import_module(f"orchestrator.scheduler.sources.{kind}").ask
                sooner = ask(poll)
                wait_ms = every_ms if sooner is None else min(max(sooner, REST_MS), every_ms)
            else:
                wait_ms = min(CROWDED_MS, every_ms)
            self._told(record.id, None)
        except OrchestratorError as error:
            self._told(record.id, error)
        except Exception:
            log.exception("%s: its source cannot be asked: a bug in the engine", record.id)
        finally:
            with self._lock:
                self._under_way.pop(record.id, None)
                if record.id in self._more:
                    self._more.discard(record.id)
                    wait_ms = min(wait_ms, BUSY_MS)
        try:
            tools.store.run(PlanPoll(record.id, wait_ms))
        except OrchestratorError:
            pass  # the lease lets somebody ask again

    def _told(self, trigger: str, error: OrchestratorError | None) -> None:
        """Log once that a source cannot be polled, and once that it answers again."""
        with self._lock:
            before = trigger in self._failing
            (self._failing.discard if error is None else self._failing.add)(trigger)
        if error is not None and not before:
            log.warning("%s: its source cannot be asked; it is tried again: %s", trigger, error)
        elif error is None and before:
            log.info("%s: its source answers again", trigger)


def every(trigger: Trigger) -> int:
    """Return the interval of a trigger's polls in ms."""
    polled = trigger.files or trigger.http or trigger.sql
    assert polled is not None
    return polled.every // MILLISECOND


def place_of(trigger: Trigger) -> str:
    """Name a trigger's source for people."""
    source = getattr(trigger, trigger.source_kind)
    names = ("stream", "queue", "topic", "path", "url")
    what = next(str(getattr(source, name)) for name in names if hasattr(source, name))
    shown = mask_url(what.partition("?")[0]) if "://" in what else what
    return f"{trigger.source_kind} {shown}"
