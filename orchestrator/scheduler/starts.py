"""Handlers of the timers `schedule` and `room`: start the runs of due planned times, and of occasions that wait.

Every start is a compare-and-set on the schedule's next planned time, or on the occasion that waits longest. So several
schedulers may work on the same schedule.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from orchestrator.expressions.language import fill
from orchestrator.model.errors import DefinitionError, NotFound, ParameterError, TooMuchData
from orchestrator.model.ids import new_run_id
from orchestrator.model.run import iso
from orchestrator.scheduler.duties import StepLimit, Tools
from orchestrator.scheduler.duties.todos import advance
from orchestrator.scheduling.catalogue import Catalogue, CatalogueCache
from orchestrator.scheduling.matching import event_of, params_of
from orchestrator.scheduling.planning import Miss, Planned, Start, steps
from orchestrator.scheduling.records import variables_of
from orchestrator.starters.trigger import Trigger
from orchestrator.state.limits import MOST_TOGETHER
from orchestrator.state.reads import starters
from orchestrator.state.reads.starters import DeliveryRecord, StarterRecord
from orchestrator.state.transitions.base import Transition
from orchestrator.state.transitions.replies import NoPlan, Started
from orchestrator.state.transitions.starters import MAX_WHY, DropWaiting, PassOver, StartPlanned, StartWaiting

log = logging.getLogger(__name__)

MOST_AT_ONCE = 100
"""Waiting occasions of one starter that are started at once."""
AGAIN_MS = 60_000
"""Milliseconds until a schedule that cannot be used (a calendar is missing) is tried again."""
CANNOT = (DefinitionError, NotFound, ParameterError)
"""The errors by which an occasion makes no run. Any other error passes, and the occasion is tried again."""


class Starts:
    """Makes the runs of schedules, triggers and backfills."""

    _catalogue: Catalogue

    def __init__(self, cache: CatalogueCache) -> None:
        self._cache = cache

    def planned(self, tools: Tools, ids: Sequence[str], now_ms: int) -> None:
        """Start the planned times of schedules that are due."""
        records = self._look(tools, ids)
        self._make(tools, [each for record in records for each in self._steps(tools, record, now_ms)])

    def waiting(self, tools: Tools, ids: Sequence[str], now_ms: int) -> None:
        """Start what waits at schedules, triggers and backfills that have room."""
        records = self._look(tools, ids)
        loads = tools.store.read(starters.loads(tools.store.keys, [record.id for record in records]))
        todo: list[Transition[Any]] = []
        for record, load in zip(records, loads, strict=True):
            room = load.waiting if record.limit == 0 else record.limit - load.living
            if record.enabled and room > 0 and load.waiting:
                todo += self._waiting(tools, record, min(room, MOST_AT_ONCE))
        self._make(tools, todo)

    def _look(self, tools: Tools, ids: Sequence[str]) -> list[StarterRecord]:
        self._catalogue = tools.store.read(self._cache.refreshed(tools.store.keys))
        records = tools.store.read(starters.several(tools.store.keys, ids))
        tools.store.read(self._catalogue.learn_workflows(record.workflow for record in records))
        return records

    def _make(self, tools: Tools, transitions: Sequence[Transition[Any]]) -> None:
        limit = StepLimit()
        for transition, reply in zip(transitions, tools.store.run_all(transitions), strict=True):
            if isinstance(reply, Started):
                tools.publish(reply.permits)
                if reply.todo and isinstance(transition, StartPlanned | StartWaiting):
                    advance(tools, transition.run_id, limit)
            elif isinstance(reply, NoPlan):
                log.warning("%s: the plan of its workflow has just gone; tried again", transition)

    def _steps(self, tools: Tools, record: StarterRecord, now_ms: int) -> Iterator[Transition[Any]]:
        if not record.enabled or record.next is None:
            return
        at = record.next
        try:
            planned = tools.store.read(self._catalogue.planned(record))
            for step in steps(planned.times, at, now_ms, planned.lateness):
                yield self._step(record, planned, step)
                if step.next is None:
                    return
                at = step.next
        except DefinitionError as error:
            log.warning("%s: it cannot be used, and is tried again: %s", record.id, error)
            yield _passed_over(record, at, at, now_ms + AGAIN_MS, "failed", str(error))

    def _step(self, record: StarterRecord, planned: Planned, step: Start | Miss) -> StartPlanned | PassOver:
        due = 0 if step.next is None else planned.times.due(step.next)
        if isinstance(step, Miss):
            detail = f"{step.count} {step.first}"
            return _passed_over(record, step.first, step.next, due, "missed", detail, step.last)
        try:
            return self._start(record, planned, step, due)
        except CANNOT as error:
            log.warning("%s: no run at %s: %s", record.id, iso(step.planned), error)
            return _passed_over(record, step.planned, step.next, due, "failed", str(error))

    def _start(self, record: StarterRecord, planned: Planned, step: Start, due: int) -> StartPlanned:
        plan, params, priority, facts = self._run_of(record, planned, step.planned)
        following = "" if step.next is None else str(step.next)
        return StartPlanned(
            record.id, record.generation, str(step.planned), following, due, new_run_id(), plan, params, priority, facts
        )

    def _run_of(self, record: StarterRecord, planned: Planned, at: int) -> tuple[str, bytes, int, bytes]:
        """Return the plan, parameters, class and facts of the run of a planned time."""
        workflow = self._catalogue.workflow(record.workflow)
        schedule = planned.schedule
        start, end = planned.times.interval(at)
        params = schedule.params
        if params:
            params = fill(params, **variables_of(record, planned.times, at, (start, end)))
        facts = {"schedule": record.log, "logical_ms": at, "interval_ms": [start, end]}
        priority = workflow.priority_of(schedule.priority)
        if record.kind == "backfill":
            facts["backfill"] = record.id
        return workflow.plan, workflow.bind(params), priority, json.dumps(facts).encode()

    def _waiting(self, tools: Tools, record: StarterRecord, most: int) -> Iterator[Transition[Any]]:
        if record.kind == "trigger":
            yield from self._gathered(tools, record, most)
            return
        try:
            planned = tools.store.read(self._catalogue.planned(record))
        except DefinitionError as error:
            log.warning("%s: it cannot be used, and what waits is tried again: %s", record.id, error)
            return
        for occasion in tools.store.read(starters.waiting(tools.store.keys, record.id, most)):
            try:
                plan, params, priority, facts = self._run_of(record, planned, int(occasion))
            except CANNOT as error:
                log.warning("%s: no run at %s: %s", record.id, iso(int(occasion)), error)
                yield DropWaiting(record.id, record.generation, occasion, 1, str(error)[:MAX_WHY])
                continue
            yield StartWaiting(record.id, record.generation, occasion, 1, new_run_id(), plan, params, priority, facts)

    def _gathered(self, tools: Tools, record: StarterRecord, most: int) -> Iterator[Transition[Any]]:
        try:
            trigger = self._catalogue.trigger(record)
        except DefinitionError as error:
            log.warning("%s: it cannot be used: %s", record.id, error)
            return
        together = 1
        if trigger.gathers:
            together = record.size or record.need or MOST_TOGETHER
        ids = tools.store.read(starters.waiting(tools.store.keys, record.id, min(most * together, MOST_TOGETHER)))
        found = {each.id: each for each in tools.store.read(starters.deliveries(tools.store.keys, ids))}
        for start in range(0, len(ids), together):
            part = ids[start : start + together]
            if start and len(part) < together:
                return  # the rest waits for more deliveries
            yield from self._together(record, trigger, part, found)

    def _together(
        self,
        record: StarterRecord,
        trigger: Trigger,
        ids: Sequence[str],
        found: Mapping[str, DeliveryRecord],
        part: int = 0,
    ) -> Iterator[Transition[Any]]:
        """Start one run for all deliveries, or several if the events together are too large for the expressions."""
        events = [event_of(found[each]) for each in ids if each in found]
        try:
            workflow = self._catalogue.workflow(record.workflow)
            params = workflow.bind(params_of(trigger, events) if events else {})
        except CANNOT as error:
            if isinstance(error, TooMuchData) and len(ids) > 1 and not record.need:
                half = len(ids) // 2
                for several in (ids[:half], ids[half:]):
                    yield from self._together(record, trigger, several, found, part=1)
                return
            log.warning("%s: no run for %d deliveries, %s: %s", record.id, len(ids), ids[0], error)
            yield DropWaiting(record.id, record.generation, ids[0], len(ids), str(error)[:MAX_WHY])
            return
        facts = json.dumps({"trigger": record.id, "deliveries": ids}).encode()
        priority = workflow.priority_of(trigger.priority)
        run_id, count, plan = new_run_id(), len(ids), workflow.plan
        yield StartWaiting(record.id, record.generation, ids[0], count, run_id, plan, params, priority, facts, part)


def _passed_over(
    record: StarterRecord, first: int, following: int | None, due: int, word: str, detail: str, last: int | None = None
) -> PassOver:
    return PassOver(
        record.id, record.generation, str(first), str(first if last is None else last), word, detail[:MAX_WHY],
        "" if following is None else str(following), due,
    )  # fmt: skip
