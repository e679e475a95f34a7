"""A duty: for each trigger with messages to read, or a folder to watch, a thread of its own in every scheduler."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module

from orchestrator import threads
from orchestrator.model.errors import OrchestratorError
from orchestrator.scheduler.duties import Tools
from orchestrator.scheduler.sources import watch
from orchestrator.scheduler.sources.inbox import Inbox
from orchestrator.scheduler.sources.listener import listen
from orchestrator.scheduler.sources.polls import PATIENCE_S, Polls, place_of
from orchestrator.scheduling.catalogue import Catalogue, CatalogueCache
from orchestrator.settings import Settings, get_settings
from orchestrator.state.reads import starters
from orchestrator.state.reads.starters import StarterRecord

log = logging.getLogger(__name__)

STREAMS = ("redis_stream", "rabbitmq", "kafka")
Body = Callable[[threading.Event], None]


@dataclass(frozen=True, slots=True)
class _Running:
    generation: int
    stop: threading.Event
    thread: threading.Thread


class Listeners:
    """Starts and stops threads as triggers come, change, are paused and go."""

    name = "listeners"
    interval_s = 1.0
    patience_s = 2.0

    def __init__(self, cache: CatalogueCache, polls: Polls, settings: Settings | None = None) -> None:
        self._cache = cache
        self.polls = polls
        self.settings = settings
        self._edits = -1
        self._wanted: dict[str, tuple[int, Body]] = {}
        self.running: dict[str, _Running] = {}
        self.ending: list[threading.Thread] = []
        """Threads that were told to stop, and have not yet."""

    def step(self, tools: Tools) -> float:
        """See `Duty.step`."""
        edits = tools.store.read(starters.edits(tools.store.keys))
        if edits != self._edits:
            self._wanted = self._read(tools)
            self._edits = edits
        for starter_id, running in list(self.running.items()):
            if starter_id not in self._wanted or self._wanted[starter_id][0] != running.generation:
                running.stop.set()
                self.ending.append(self.running.pop(starter_id).thread)
        self.ending = [thread for thread in self.ending if thread.is_alive()]
        for starter_id, (generation, body) in self._wanted.items():
            if starter_id not in self.running:
                stop = threading.Event()
                thread = threads.start(f"listen {starter_id}", partial(body, stop))
                self.running[starter_id] = _Running(generation, stop, thread)
        return self.interval_s

    def close(self) -> None:
        """Stop all threads, and wait a little for them; what they had read comes again to another scheduler."""
        for running in self.running.values():
            running.stop.set()
        until = time.monotonic() + PATIENCE_S
        for thread in [*self.ending, *(running.thread for running in self.running.values())]:
            thread.join(max(0.0, until - time.monotonic()))
        self.polls.close()

    def _read(self, tools: Tools) -> dict[str, tuple[int, Body]]:
        store = tools.store
        catalogue = store.read(self._cache.refreshed(store.keys))
        records = store.read(starters.several(store.keys, store.read(starters.ids(store.keys, "trigger"))))
        wanted: dict[str, tuple[int, Body]] = {}
        for record in records:
            try:
                body = self._body(tools, catalogue, record) if record.enabled else None
            except OrchestratorError as error:
                log.warning("%s: its source cannot be listened to: %s", record.id, error)
                continue
            if body is not None:
                wanted[record.id] = record.generation, body
        return wanted

    def _body(self, tools: Tools, catalogue: Catalogue, record: StarterRecord) -> Body | None:
        trigger = catalogue.trigger(record)
        kind = trigger.source_kind
        if kind in STREAMS:
            inbox = Inbox(tools.store, record.id, trigger, place_of(trigger))
            module = import_module(f"orchestrator.scheduler.sources.{kind}")
            return partial(listen, inbox, partial(module.connect, inbox, self.settings or get_settings()))
        folder = watch.folder_of(trigger)
        if folder is not None:
            return partial(watch.watch, Inbox(tools.store, record.id, trigger, place_of(trigger)), folder)
        return None
