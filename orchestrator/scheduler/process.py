"""The scheduler's loop: each duty when it is due, in one thread, until it is told to stop.

A step ends soon, however slow the store is. Of several duties that are due, the one whose patience ends first goes
first: leases before timers, timers before all else. Nothing here leads: every step is one atomic script, so any number
of these loops may run, die or lag.
"""

from __future__ import annotations

import logging
import select
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestrator.dispatch.permits import Publisher
from orchestrator.dispatch.publishers import Publishers
from orchestrator.model.errors import OrchestratorError
from orchestrator.scheduler.deliveries import Deliveries
from orchestrator.scheduler.duties import Closing, Duty, Tools
from orchestrator.scheduler.duties.leases import Leases
from orchestrator.scheduler.duties.retention import Retention
from orchestrator.scheduler.duties.timers import Handler, Timers
from orchestrator.scheduler.duties.todos import Todos
from orchestrator.scheduler.sources.listeners import Listeners
from orchestrator.scheduler.sources.polls import Polls
from orchestrator.scheduler.starts import Starts
from orchestrator.scheduling.catalogue import CatalogueCache
from orchestrator.servers.addresses import store_url
from orchestrator.settings import Settings
from orchestrator.state.store import Store

if TYPE_CHECKING:
    from celery import Celery

log = logging.getLogger(__name__)

RETRY_S = 1.0
NAP_S = 0.25
"""The longest sleep of the loop in seconds, and so the time in which it notices that it is to stop."""


def standard_duties(
    retention_s: float, settings: Settings | None = None, publisher: Publisher | None = None
) -> list[Duty]:
    """Return the duties of a scheduler. Without `settings` those of the process are used."""
    cache = CatalogueCache(lambda name, error: log.warning("%s: it cannot be used: %s", name, error))
    starts, deliveries, polls = Starts(cache), Deliveries(cache), Polls(cache)
    listeners = Listeners(cache, polls, settings)
    handlers: dict[str, Handler] = {
        "schedule": starts.planned,
        "room": starts.waiting,
        "delivery": deliveries.delivered,
        "ended": deliveries.ended,
        "poll": polls.asked,
    }
    return [Timers(handlers), Leases(publisher), Todos(), Retention(retention_s), listeners]


def serve(settings: Settings, app: Celery | None, stop: threading.Event) -> None:
    """Run a scheduler of the namespace until it is told to stop. `app` is the user's Celery app, if there is one."""
    store = Store.connect(store_url(settings), settings.namespace)
    publisher = Publishers(settings, app).own
    if publisher.broker.driver == "amqp":  # RabbitMQ sources without an address listen to the app's broker too
        settings = settings.model_copy(update={"broker_url": publisher.broker.urls[0]})
    duties = standard_duties(settings.retention_days * 86_400, settings, publisher)
    try:
        run(Tools(store, publisher.publish), duties, stop)
    finally:
        publisher.close()
        store.close()


def run(tools: Tools, duties: Sequence[Duty], stop: threading.Event) -> None:
    """Do the duties until `stop` is set. A store that does not answer is waited for, and logged once."""
    try:
        _work(tools, duties, stop)
    finally:
        for duty in duties:
            if isinstance(duty, Closing):
                duty.close()


def _work(tools: Tools, duties: Sequence[Duty], stop: threading.Event) -> None:
    before = time.monotonic()
    due = dict.fromkeys(range(len(duties)), before)
    failing: set[str] = set()
    while not stop.is_set():
        now = time.monotonic()
        if now < before:  # the clock was set back: whatever was due at some time is due now
            due = dict.fromkeys(due, now)
        before = now
        ready = [at for at, when in due.items() if when <= now]
        if not ready:
            # Neither `stop.wait` nor `time.sleep`: they wait until a time of a clock, so they wait on where that clock
            # is set back, or fail under a library that gives a process its own clock. This counts from now.
            select.select([], [], [], min(min(due.values()) - now, NAP_S))
            continue
        at = min(ready, key=lambda each: due[each] + duties[each].patience_s)
        pause = _step(duties[at], tools, failing)
        due[at] = time.monotonic() + pause


def _step(duty: Duty, tools: Tools, failing: set[str]) -> float:
    """Do one step of a duty, and return the seconds until its next. What fails is logged once."""
    try:
        pause = duty.step(tools)
    except OrchestratorError as error:
        if duty.name not in failing:
            log.warning("%s: %s", duty.name, error)
        failing.add(duty.name)
        return RETRY_S
    if duty.name in failing:
        failing.discard(duty.name)
        log.info("%s: works again", duty.name)
    return pause
