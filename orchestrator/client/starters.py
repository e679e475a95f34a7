"""The edits that schedules and triggers have in common: they are put, paused and deleted in the same way."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from orchestrator.client.edits import Target, Thought, edit, target_of
from orchestrator.client.lookup import starter
from orchestrator.client.session import Session
from orchestrator.client.steps import Steps, read
from orchestrator.model.complaints import there_are
from orchestrator.model.errors import Conflict, NotFound
from orchestrator.model.ids import starter_id
from orchestrator.model.starts import PastOccasion
from orchestrator.scheduling.records import planned_anew, trigger_record
from orchestrator.starters.fitting import fitting
from orchestrator.starters.schedule import Schedule
from orchestrator.starters.trigger import Trigger
from orchestrator.state.keys import Keys
from orchestrator.state.layouts import change_ops
from orchestrator.state.layouts.change_ops import Op, Starter, drop_starter, put_starter, watch
from orchestrator.state.reads import starters
from orchestrator.state.reads.starters import StarterRecord
from orchestrator.timing.calendars import Calendar

if TYPE_CHECKING:
    from orchestrator.client.session import AnyWorkflow

Compose = Callable[[Target, StarterRecord | None], Steps[list[Op]]]
"""Returns the ops that put a starter, given its workflow and the record that its id has now."""


def put(
    session: Session, kind: str, workflow: AnyWorkflow, name: str, generation: int | None, compose: Compose
) -> Steps[str]:
    """Create or change a schedule or trigger, and return its id.

    Raises:
        Conflict: the id is that of a starter of another kind, or the generation is not `generation`.
    """

    def think() -> Steps[Thought[str]]:
        target = yield from target_of(session, workflow)
        put_id = starter_id(target.name, name)
        record = yield from read(starters.one(session.keys, put_id))
        check_seen(kind, put_id, record, generation)
        return [*target.ops, *(yield from compose(target, record))], put_id

    return (yield from edit(session, think))


def check_seen(kind: str, starter: str, record: StarterRecord | None, generation: int | None) -> None:
    """Refuse an edit if the id belongs to a starter of another kind, or the editor has seen another generation.

    `generation` is 0 if the editor has seen no starter, None if the editor did not look.

    Raises:
        Conflict: the edit is refused.
    """
    if record is not None and record.kind != kind:
        raise Conflict(f"{starter} is a {record.kind}", remedy=f"give the {kind} another name")
    stands = record.generation if record else 0
    if generation is not None and generation != stands:
        what = f"{starter} was changed meanwhile: it is at generation {stands}, not {generation}"
        raise Conflict(what, remedy="look at it again, and repeat the change")


def schedule_starter(
    workflow: Target, schedule: Schedule, record: StarterRecord | None, known: Mapping[str, Calendar], now: int
) -> Starter:
    """Return the new record of a schedule, given its present one and all calendars by name.

    The schedule is planned from now on. A planned time that has come but has not started yet stays if the schedule
    still has it.

    Raises:
        DefinitionError: the schedule or its parameters do not fit.
        NotFound: a calendar is missing.
    """
    missing = sorted(schedule.calendars() - known.keys())
    if missing:
        where = f"schedule {workflow.name}/{schedule.name}"
        raise NotFound(f"there is no calendar {missing[0]!r}", where=where, remedy=there_are(missing[0], [*known]))
    fitting(schedule, {}, workflow.name, workflow.schema)
    return planned_anew(workflow.name, schedule, record, known, now)


def trigger_ops(workflow: Target, trigger: Trigger, record: StarterRecord | None, managed_by: str) -> list[Op]:
    """Return the ops that put a trigger. A webhook keeps its token; a new webhook gets a random one.

    Raises:
        DefinitionError: the trigger or its parameters do not fit.
    """
    fitting(trigger, {}, workflow.name, workflow.schema)
    made = trigger_record(workflow.name, trigger, token=(record.token if record else "") or secrets.token_hex(16))
    watched = [watch(name) for name in trigger.run.workflow] if trigger.run else []
    return [*watched, put_starter(replace(made, managed_by=managed_by), record.seen if record else "0")]


def past(keys: Keys, kind: str, starter_id: str) -> Steps[list[PastOccasion]]:
    """Read the past occasions of a starter, the oldest first.

    Raises:
        NotFound: there is no such starter.
    """
    yield from starter(keys, kind, starter_id)
    return (yield from read(starters.past(keys, starter_id)))


def pause(session: Session, kind: str, starter_id: str) -> Steps[None]:
    """Let a starter start nothing. A starter that is paused stays paused.

    Raises:
        NotFound: there is no such starter.
    """

    def think() -> Steps[Thought[None]]:
        record = yield from starter(session.keys, kind, starter_id)
        return ([] if record.paused_ms else [change_ops.pause(starter_id, str(record.generation))]), None

    yield from edit(session, think)


def is_paused(record: StarterRecord) -> bool:
    """Tell whether a starter is paused, so that it can be resumed.

    Raises:
        Conflict: it is not paused, but disabled by its definition.
    """
    if record.paused_ms is None and not json.loads(record.spec).get("enabled", True):
        what = f"{record.kind} {record.id} is not paused, but disabled by its definition"
        raise Conflict(what, remedy="put it with enabled: true")
    return record.paused_ms is not None


def delete(session: Session, kind: str, starter_id: str) -> Steps[None]:
    """Delete a schedule with its backfills, or a trigger; runs go on.

    Raises:
        NotFound: there is no such starter.
    """

    def think() -> Steps[Thought[None]]:
        record = yield from starter(session.keys, kind, starter_id)
        return (yield from drop_ops(session.keys, record)), None

    yield from edit(session, think)


def drop_ops(keys: Keys, record: StarterRecord) -> Steps[list[Op]]:
    """Return the ops that delete a trigger, or a schedule with its backfills."""
    backfills: list[str] = []
    if record.kind == "schedule":
        names = yield from read(starters.ids(keys, "backfill"))
        backfills = [name for name in names if name.rpartition("~")[0] == record.id]
    return [*map(drop_starter, backfills), drop_starter(record.id, str(record.generation))]
