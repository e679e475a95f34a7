"""What a client does with schedules, without I/O. See `flows`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from orchestrator.client import editing, flows
from orchestrator.client.flows import Flow, Order, read
from orchestrator.client.infos import NextStart, ScheduleInfo, schedule_info
from orchestrator.expressions.language import fill
from orchestrator.model.errors import Conflict, DefinitionError
from orchestrator.model.run import iso
from orchestrator.scheduler.starts import variables_of
from orchestrator.scheduling.agenda import agenda
from orchestrator.scheduling.catalogue import CurrentVersion, plan
from orchestrator.scheduling.planning import Planned
from orchestrator.starters.schedule import Schedule
from orchestrator.state.keys import Keys
from orchestrator.state.layouts.change_ops import Op, Starter, put_starter
from orchestrator.state.layouts.change_ops import pause as pause_op
from orchestrator.state.layouts.change_ops import resume as resume_op
from orchestrator.state.reads import starters
from orchestrator.state.reads.starters import Past

if TYPE_CHECKING:
    from orchestrator.client.base import AnyWorkflow
    from orchestrator.plan.compile import RouteOf

KIND = "schedule"


def put(
    keys: Keys, workflow: AnyWorkflow, schedule: Schedule, generation: int | None, route_of: RouteOf | None
) -> Flow[ScheduleInfo]:
    """Create or change a schedule."""

    def think() -> Flow[tuple[Sequence[Op], str]]:
        aim = yield from editing.target(keys, workflow, route_of)
        own = f"{aim.name}/{schedule.name}"
        record = yield from read(starters.one(keys, own))
        editing.check_seen(KIND, own, record, generation)
        known = yield from editing.calendars(keys)
        now = yield from read(starters.clock(keys))
        made = editing.schedule_starter(aim, schedule, record, known, now)
        _check_ever(schedule, made, now)
        return [*aim.ops, put_starter(made, record.seen if record else "0")], own

    return (yield from get(keys, (yield from editing.edit(keys, think))))


def get(keys: Keys, own: str) -> Flow[ScheduleInfo]:
    """Read a schedule."""
    record = yield from editing.starter(keys, KIND, own)
    (load,) = yield from read(starters.loads(keys, [own]))
    return schedule_info(record, load)


def every(keys: Keys, workflow: str | None) -> Flow[list[ScheduleInfo]]:
    """Read all schedules, or those of a workflow."""
    records = yield from editing.all_of(keys, KIND, workflow)
    loads = yield from read(starters.loads(keys, [record.id for record in records]))
    return [schedule_info(record, load) for record, load in zip(records, loads, strict=True)]


def past(keys: Keys, kind: str, own: str) -> Flow[list[Past]]:
    """Read what became of its planned times (of a trigger: of its deliveries), the oldest first."""
    yield from editing.starter(keys, kind, own)
    return (yield from read(starters.past(keys, own)))


def pause(keys: Keys, kind: str, own: str) -> Flow[None]:
    """Let a schedule or trigger start nothing; one that is paused stays so."""

    def think() -> Flow[tuple[Sequence[Op], None]]:
        record = yield from editing.starter(keys, kind, own)
        return ([] if record.paused_ms else [pause_op(own, str(record.generation))]), None

    yield from editing.edit(keys, think)


def resume(keys: Keys, kind: str, own: str, catch_up: bool = False) -> Flow[None]:
    """Let a schedule or trigger go on."""

    def think() -> Flow[tuple[Sequence[Op], None]]:
        record = yield from editing.starter(keys, kind, own)
        if record.paused_ms is None:
            if not json.loads(record.spec).get("enabled", True):
                remedy = "put it with enabled: true"
                raise Conflict(f"{kind} {own} is not paused, but disabled by its definition", remedy=remedy)
            return [], None
        if kind != KIND:
            return [resume_op(own, str(record.generation), None, None)], None
        times = plan(record, (yield from editing.calendars(keys))).times
        after = yield from read(starters.clock(keys))
        if catch_up and record.held is not None:
            after = min(after, record.held - 1)
        following = times.next(after)
        due = None if following is None else times.due(following)
        return [resume_op(own, str(record.generation), following, due)], None

    yield from editing.edit(keys, think)


def delete(keys: Keys, kind: str, own: str) -> Flow[None]:
    """Delete a schedule, with its backfills, or a trigger; runs go on."""

    def think() -> Flow[tuple[Sequence[Op], None]]:
        record = yield from editing.starter(keys, kind, own)
        return (yield from editing.drop_ops(keys, record)), None

    yield from editing.edit(keys, think)


def next_starts(keys: Keys, count: int, of: str | None) -> Flow[list[NextStart]]:
    """Work out the next runs of all schedules, or of a workflow's, or of one."""
    if of is None:
        # None of the first `count` runs is of a schedule that is due later than so many others.
        due = yield from read(starters.agenda(keys, count))
        records = yield from read(starters.several(keys, [own for own, _ in due]))
    elif "/" in of:
        records = [(yield from editing.starter(keys, KIND, of))]
    else:
        records = yield from editing.all_of(keys, KIND, of)
        if not records:
            yield from flows.workflow_info(keys, of)  # refuses a workflow that is not there
    known = yield from editing.calendars(keys)
    now = yield from read(starters.clock(keys))
    flow_of = {record.id: record.workflow for record in records}
    planned = {each.id: (plan(each, known), each.next) for each in records if each.next is not None}
    return [
        NextStart(
            each.starts, each.schedule, flow_of[each.schedule], each.planned,
            planned[each.schedule][0].times.timing.zone_name,
        )
        for each in islice(agenda(planned.values(), now), count)
    ]  # fmt: skip


def preview(keys: Keys, workflow: str, schedule: Schedule, count: int) -> Flow[list[NextStart]]:
    """Work out when a schedule would start its next runs, and store nothing. The same checks as by `put`."""
    aim = editing.Target(workflow, (yield from flows.schema(keys, workflow)))
    known = yield from editing.calendars(keys)
    now = yield from read(starters.clock(keys))
    if not schedule.enabled:
        schedule = schedule.model_copy(update={"enabled": True})
    made = editing.schedule_starter(aim, schedule, None, known, now)
    _check_ever(schedule, made, now)
    planned = Planned.of(made.id, schedule, known)
    zone = schedule.timing.zone_name
    runs = islice(agenda([(planned, made.next)], now), count)
    return [NextStart(each.starts, each.schedule, workflow, each.planned, zone) for each in runs]


def _check_ever(schedule: Schedule, made: Starter, now: int) -> None:
    if schedule.enabled and made.next is None:
        what = f"it would never run: no planned time comes after {iso(now)}"
        raise DefinitionError(what, where=f"schedule {made.id}")


def trigger(keys: Keys, own: str, params: Mapping[str, Any]) -> Flow[str]:
    """Start a run of a schedule now, whatever its next planned time; return the run's id.

    It counts for no overlap policy, and is no part of the schedule's past.
    """
    record = yield from editing.starter(keys, KIND, own)
    planned = plan(record, (yield from editing.calendars(keys)))
    digest, head, cls = yield from flows.current(keys, record.workflow)
    flow = CurrentVersion(record.workflow, digest, head, cls)
    now = yield from read(starters.clock(keys))
    start, end = planned.times.interval(now)
    given = planned.schedule.params
    if given:
        given = fill(given, **variables_of(record, planned.times, now, (start, end)))
    bound = flow.bind({**given, **params})
    facts = {"schedule": own, "manual": True, "logical_ms": now, "interval_ms": [start, end]}
    order = Order(digest, bound, flow.priority_of(planned.schedule.priority), "", "")
    return (yield from flows.submit(replace(order, facts=json.dumps(facts).encode())))
