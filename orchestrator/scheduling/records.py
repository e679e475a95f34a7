"""The stored records of schedules, triggers and backfills, made of their definitions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from orchestrator.model.ids import starter_id
from orchestrator.scheduling.planning import Planned, Times
from orchestrator.starters.schedule import Schedule
from orchestrator.starters.trigger import Trigger
from orchestrator.state.layouts.change_ops import Starter
from orchestrator.state.reads.starters import StarterRecord
from orchestrator.timing.base import MILLISECOND, to_datetime
from orchestrator.timing.calendars import Calendar


def times_of(workflow: str, schedule: Schedule, calendars: Mapping[str, Calendar]) -> Times:
    """Return a schedule's planned times.

    Raises DefinitionError if a calendar is missing.
    """
    return Planned.of(starter_id(workflow, schedule.name), schedule, calendars).times


def schedule_record(workflow: str, schedule: Schedule, calendars: Mapping[str, Calendar], after_ms: int) -> Starter:
    """Return the record of a schedule whose next run is planned after a moment (Unix ms).

    Raises DefinitionError if a calendar is missing.
    """
    times = times_of(workflow, schedule, calendars)
    following = times.next(after_ms) if schedule.enabled else None
    # A run that waits for the success of the earlier run cannot run beside it.
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
    """Return the new record of a schedule that is planned from now on; `record` is its stored record.

    A planned time that has passed without a start (by jitter or an outage) stays the next one, if the schedule still
    has it. Raises DefinitionError if a calendar is missing.
    """
    after = now_ms
    pending = record.next if record else None
    if pending is not None and pending <= now_ms:
        still = times_of(workflow, schedule, calendars).next(pending - 1) == pending
        after = pending - 1 if still else now_ms
    made = schedule_record(workflow, schedule, calendars, after)
    return replace(made, managed_by=record.managed_by) if record else made


def backfill_record(base: StarterRecord, schedule: Schedule, number: int, parallel: int) -> Starter:
    """Return the record of a backfill of a schedule, of which `parallel` runs go on at a time."""
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
    """Return the record of a trigger; `token` is that of a webhook."""
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
    """Return the stored form of a schedule's definition: JSON."""
    return json.dumps(schedule.document()).encode()


def variables_of(record: StarterRecord, times: Times, at: int, interval: tuple[int, int]) -> dict[str, Any]:
    """Return what expressions of a schedule may name."""
    zone = times.timing.zone_name
    return {
        "planned": to_datetime(at, zone),
        "interval_start": to_datetime(interval[0], zone),
        "interval_end": to_datetime(interval[1], zone),
        "schedule": record.log,
        "workflow": record.workflow,
    }
