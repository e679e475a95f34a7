"""Handlers of the timers `delivery` and `ended`: offer deliveries to triggers, and deliver the ends of runs."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from typing import Any

from orchestrator.model.errors import NotFound, ParameterError
from orchestrator.model.run import RunInfo, iso
from orchestrator.model.states import RunState
from orchestrator.scheduler.duties import Tools
from orchestrator.scheduling.catalogue import Catalogue, CatalogueCache
from orchestrator.scheduling.matching import concerns, event_of, params_of
from orchestrator.starters.trigger import Trigger
from orchestrator.state import reads
from orchestrator.state.reads import starters
from orchestrator.state.reads.starters import DeliveryRecord, StarterRecord
from orchestrator.state.store import Store
from orchestrator.state.transitions.events import Deliver, Offer
from orchestrator.state.transitions.replies import Outdated
from orchestrator.state.transitions.starters import MAX_WHY
from orchestrator.state.transitions.timers import EndTimers

log = logging.getLogger(__name__)


class Deliveries:
    """Offers each delivery to the triggers that it concerns. A trigger takes each delivery once."""

    def __init__(self, cache: CatalogueCache) -> None:
        self._cache = cache

    def delivered(self, tools: Tools, ids: Sequence[str], now_ms: int) -> None:
        """Offer deliveries."""
        keys = tools.store.keys
        catalogue = tools.store.read(self._cache.refreshed(keys))
        listening = tools.store.read(catalogue.listening())
        found = tools.store.read(starters.deliveries(keys, ids))
        concerned = [listening.on(each.topic) for each in found]
        tools.store.read(catalogue.learn_workflows(record.workflow for each in concerned for record, _ in each))
        pairs = zip(found, concerned, strict=True)
        offers = [offer for delivery, triggers in pairs for offer in _offers(catalogue, delivery, triggers)]
        replies = zip(offers, tools.store.run_all(offers), strict=True)
        # A delivery whose trigger was changed in between is offered again, to the changed trigger.
        again = {offer.delivery for offer, reply in replies if isinstance(reply, Outdated)}
        # The timers go last: a scheduler that dies earlier leaves them to another one.
        if done := [each for each in ids if each not in again]:
            tools.store.run(EndTimers("delivery", tuple(done)))

    def ended(self, tools: Tools, run_ids: Sequence[str], now_ms: int) -> None:
        """Deliver the ends of runs and the datasets that they wrote, where a trigger listens for them."""
        keys = tools.store.keys
        catalogue = tools.store.read(self._cache.refreshed(keys))
        listening = tools.store.read(catalogue.listening())
        for run_id in run_ids:
            info = tools.store.read(reads.run(keys, run_id))
            if info is not None and info.state.final:
                tools.store.run_all([each for each in _news(tools.store, info) if listening.on(each.topic)])
        tools.store.run(EndTimers("ended", tuple(run_ids)))


def _offers(
    catalogue: Catalogue, delivery: DeliveryRecord, concerned: Sequence[tuple[StarterRecord, Trigger]]
) -> Iterator[Offer]:
    """Yield the offers of a delivery to the triggers that listen to its topic."""
    event = event_of(delivery)
    for record, trigger in concerned:
        if record.paused_ms is not None and not _waits_for(record.paused_ms, delivery):
            continue
        try:
            if not concerns(trigger, event):
                continue
            if not trigger.gathers:
                catalogue.workflow(record.workflow).bind(params_of(trigger, [event]))
        except (NotFound, ParameterError) as error:
            log.warning("%s: no run for %s: %s", record.id, delivery.id, error)
            yield Offer(record.id, record.generation, delivery.id, event.name, str(error)[:MAX_WHY])
        else:
            yield Offer(record.id, record.generation, delivery.id, event.name)


def _waits_for(paused_ms: int, delivery: DeliveryRecord) -> bool:
    """Tell whether a delivery waits at a paused trigger: it came before the pause, or its source has forgotten it."""
    return delivery.at_ms < paused_ms or delivery.topic.startswith("source:")


def _news(store: Store, info: RunInfo) -> Iterator[Deliver]:
    payload: dict[str, Any] = {
        "workflow": info.workflow, "run": info.id, "state": info.state.name, "params": info.params,
        "created": iso(info.created_ms), "finished": iso(info.ended_ms), **info.started_by,
    }  # fmt: skip
    body = json.dumps(payload).encode()
    yield Deliver(f"run:{info.id}", f"run:{info.workflow}", f"run {info.id}", body)
    if info.state is RunState.succeeded and (head := store.read(reads.plan_head(store.keys, info.plan))):
        for dataset in json.loads(head[0]).get("produces", ()):
            yield Deliver(f"run:{info.id}:{dataset}", f"dataset:{dataset}", f"run {info.id}", body)
