"""From definitions to what is stored of them: the records of schedules, triggers and backfills."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from orchestrator.model.ids import starter_id
from orchestrator.scheduling.planning import Planned, Times
from orchestrator.starters.schedule import Schedule
from orchestrator.starters.trigger import Trigger
from orchestrator.state.layouts.change_ops import Starter
from orchestrator.state.reads.starters import StarterRecord
from orchestrator.timing.base import MILLISECOND
from orchestrator.timing.calendars import Calendar


def times_of(workflow: str, schedule: Schedule, calendars: Mapping[str, Calendar]) -> Times:
    """Return a schedule's planned times; a `DefinitionError` if a calendar is missing."""
    return Planned.of(starter_id(workflow, schedule.name), schedule, calendars).times


def schedule_record(workflow: str, schedule: Schedule, calendars: Mapping[str, Calendar], after_ms: int) -> Starter:
    """Return what is stored of a schedule whose next run is planned after a moment (in ms)."""
    times = times_of(workflow, schedule, calendars)
    following = times.next(after_ms) if schedule.enabled else None
    # What waits for the success of the run before cannot run beside it.
    in_turn = schedule.depends_on_past and schedule.overlap == "allow"
    overlap = "queue_all" if in_turn else schedule.overlap
    return Starter(
        times.id,
        "schedule",
        workflow,
        spec_of(schedule),
        schedule.enabled,
        overlap=overlap,
        limit=0 if overlap == "allow" else 1,
        depends_on_past=schedule.depends_on_past,
        next=following,
        due=None if following is None else times.due(following),
    )


def planned_anew(
    workflow: str, schedule: Schedule, record: StarterRecord | None, calendars: Mapping[str, Calendar], now_ms: int
) -> Starter:
    """Return what is to be stored of a schedule that is planned from now on; `record` is what stands there.

    A planned time that has come but has not started (its jitter, an outage) is still its next if it has it still.
    """
    after = now_ms
    pending = record.next if record else None
    if pending is not None and pending <= now_ms:
        still = times_of(workflow, schedule, calendars).next(pending - 1) == pending
        after = pending - 1 if still else now_ms
    made = schedule_record(workflow, schedule, calendars, after)
    return replace(made, managed_by=record.managed_by) if record else made


def backfill_record(base: StarterRecord, schedule: Schedule, number: int, parallel: int) -> Starter:
    """Return what is stored of a backfill of a schedule: so many of its runs go on at a time."""
    return Starter(
        f"{base.id}~{number}",
        "backfill",
        base.workflow,
        spec_of(schedule),
        True,
        overlap="queue_all",
        limit=1 if schedule.depends_on_past else parallel,
        depends_on_past=schedule.depends_on_past,
        log=base.id,
    )


def trigger_record(workflow: str, trigger: Trigger, token: str = "") -> Starter:
    """Return what is stored of a trigger; `token` is a webhook's."""
    need = len(trigger.datasets.all or ()) if trigger.datasets else 0
    polled = trigger.files or trigger.http or trigger.sql
    return Starter(
        starter_id(workflow, trigger.name),
        "trigger",
        workflow,
        json.dumps(trigger.document()).encode(),
        trigger.enabled,
        overlap=trigger.overlap,
        limit=0 if trigger.overlap == "allow" else trigger.limit,
        wait_ms=0 if need else trigger.gather_ms or 0,
        size=trigger.batch.size if trigger.batch else 0,
        need=need,
        within_ms=(trigger.gather_ms or 0) if need else 0,
        poll_ms=polled.every // MILLISECOND if polled else 0,
        token=token if trigger.webhook else "",
    )


def spec_of(schedule: Schedule) -> bytes:
    """Return a schedule's definition as it is stored."""
    return json.dumps(schedule.document()).encode()
