"""Schedules: `client.schedules`. An id is `workflow/name`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from orchestrator.client import starters as common
from orchestrator.client.edits import Target, Thought, edit
from orchestrator.client.lookup import all_starters, calendars, head_of, starter, workflow_info
from orchestrator.client.new_runs import NewRun, create
from orchestrator.client.run import RunSteps
from orchestrator.client.session import Noun
from orchestrator.client.steps import Steps, read
from orchestrator.expressions.language import fill
from orchestrator.model.errors import DefinitionError
from orchestrator.model.ids import name_of
from orchestrator.model.run import iso
from orchestrator.model.starts import NextStart, PastOccasion
from orchestrator.model.states import RunState
from orchestrator.scheduling.agenda import agenda
from orchestrator.scheduling.catalogue import plan
from orchestrator.scheduling.planning import Planned
from orchestrator.scheduling.records import variables_of
from orchestrator.starters.infos import ScheduleInfo
from orchestrator.starters.schedule import Schedule
from orchestrator.state.layouts import change_ops
from orchestrator.state.layouts.change_ops import Op, Starter, put_starter
from orchestrator.state.reads import starters
from orchestrator.state.reads.starters import Load, StarterRecord

if TYPE_CHECKING:
    from orchestrator.client.session import AnyWorkflow

KIND = "schedule"


class SchedulesSteps(Noun):
    """The schedules of stored workflows. An id is `workflow/name`."""

    def put(self, workflow: AnyWorkflow, schedule: Schedule, *, generation: int | None = None) -> Steps[ScheduleInfo]:
        """Create or change a schedule; a `Workflow` or a definition is stored with it.

        The schedule holds at once: its next run is the first that it plans from now on. A schedule that is paused
        stays so. `generation` is that of the `ScheduleInfo` that was looked at, 0 for none.

        Raises:
            DefinitionError: the workflow does not take the parameters, or the schedule never runs.
            NotFound: there is no such workflow or calendar.
            Conflict: somebody has changed the schedule since `generation`, or a trigger has its name.
        """

        def compose(target: Target, record: StarterRecord | None) -> Steps[list[Op]]:
            known = yield from calendars(self.keys)
            now = yield from read(starters.clock(self.keys))
            made = common.schedule_starter(target, schedule, record, known, now)
            _check_ever(schedule, made, now)
            return [put_starter(made, record.seen if record else "0")]

        put_id = yield from common.put(self.session, KIND, workflow, schedule.name, generation, compose)
        return (yield from self.get(put_id))

    def get(self, schedule: str) -> Steps[ScheduleInfo]:
        """Return a schedule, with its state and its runs.

        Raises:
            NotFound: there is no such schedule.
        """
        record = yield from starter(self.keys, KIND, schedule)
        (load,) = yield from read(starters.loads(self.keys, [schedule]))
        return _info(record, load)

    def list(self, workflow: str | None = None) -> Steps[Sequence[ScheduleInfo]]:
        """Return all schedules, or those of a workflow, in the order of their ids."""
        records = yield from all_starters(self.keys, KIND, workflow)
        loads = yield from read(starters.loads(self.keys, [record.id for record in records]))
        return [_info(record, load) for record, load in zip(records, loads, strict=True)]

    def names(self) -> Steps[Sequence[str]]:
        """Return the ids of all schedules, in order."""
        return (yield from read(starters.ids(self.keys, KIND)))

    def next(self, count: int = 50, of: str | None = None) -> Steps[Sequence[NextStart]]:
        """Return the next runs of all schedules, or of a workflow, or of one schedule, in the order of their starts.

        Those are the runs that start if nothing is edited. The effects of overlap policies are not foreseen.

        Raises:
            NotFound: there is no such workflow or schedule.
        """
        records = yield from self._due_first(count, of)
        known = yield from calendars(self.keys)
        now = yield from read(starters.clock(self.keys))
        workflows = {record.id: record.workflow for record in records}
        planned = {each.id: (plan(each, known), each.next) for each in records if each.next is not None}
        return [
            NextStart(
                each.starts, each.schedule, workflows[each.schedule], each.planned,
                planned[each.schedule][0].times.timing.zone_name,
            )
            for each in islice(agenda(planned.values(), now), count)
        ]  # fmt: skip

    def preview(self, workflow: str, schedule: Schedule, count: int = 5) -> Steps[Sequence[NextStart]]:
        """Return the first runs that a schedule would start. The schedule is checked as by `put`; nothing is stored.

        Raises:
            DefinitionError: the workflow does not take the parameters, or the schedule never runs.
            NotFound: there is no such workflow or calendar.
        """
        target = Target(workflow, (yield from head_of(self.keys, workflow)).head.get("params"))
        known = yield from calendars(self.keys)
        now = yield from read(starters.clock(self.keys))
        if not schedule.enabled:
            schedule = schedule.model_copy(update={"enabled": True})
        made = common.schedule_starter(target, schedule, None, known, now)
        _check_ever(schedule, made, now)
        planned = Planned.of(made.id, schedule, known)
        zone = schedule.timing.zone_name
        runs = islice(agenda([(planned, made.next)], now), count)
        return [NextStart(each.starts, each.schedule, workflow, each.planned, zone) for each in runs]

    def past(self, schedule: str) -> Steps[Sequence[PastOccasion]]:
        """Return the past planned times of a schedule, the oldest first; the last 1,000 are kept.

        Raises:
            NotFound: there is no such schedule.
        """
        return (yield from common.past(self.keys, KIND, schedule))

    def pause(self, schedule: str) -> Steps[None]:
        """Let a schedule start nothing until it is resumed. Planned times that wait for room wait on, and runs go on.

        Raises:
            NotFound: there is no such schedule.
        """
        yield from common.pause(self.session, KIND, schedule)

    def resume(self, schedule: str, *, catch_up: bool = False) -> Steps[None]:
        """Let a schedule go on from now. With `catch_up` its misfire policy decides about the times since the pause.

        Raises:
            NotFound: there is no such schedule.
            Conflict: the schedule is not paused, but disabled by its definition.
        """

        def think() -> Steps[Thought[None]]:
            record = yield from starter(self.keys, KIND, schedule)
            if not common.is_paused(record):
                return [], None
            times = plan(record, (yield from calendars(self.keys))).times
            after = yield from read(starters.clock(self.keys))
            if catch_up and record.held is not None:
                after = min(after, record.held - 1)
            following = times.next(after)
            due = None if following is None else times.due(following)
            return [change_ops.resume(schedule, str(record.generation), following, due)], None

        yield from edit(self.session, think)

    def delete(self, schedule: str) -> Steps[None]:
        """Delete a schedule, with its past, its waiting planned times and its backfills. Runs go on.

        Raises:
            NotFound: there is no such schedule.
        """
        yield from common.delete(self.session, KIND, schedule)

    def trigger(self, schedule: str, params: Mapping[str, Any] | None = None, **more: Any) -> Steps[RunSteps]:
        """Start a run with the parameters of the schedule now, paused or not. Parameters given here replace those.

        The run's logical date is now. Overlap policies do not count the run, and it is no part of the schedule's past.

        Raises:
            NotFound: there is no such schedule.
            ParameterError: the parameters do not fit the workflow.
        """
        record = yield from starter(self.keys, KIND, schedule)
        planned = plan(record, (yield from calendars(self.keys)))
        workflow = yield from head_of(self.keys, record.workflow)
        now = yield from read(starters.clock(self.keys))
        start, end = planned.times.interval(now)
        values = planned.schedule.params
        if values:
            values = fill(values, **variables_of(record, planned.times, now, (start, end)))
        bound = workflow.bind({**values, **(params or {}), **more})
        facts = {"schedule": schedule, "manual": True, "logical_ms": now, "interval_ms": [start, end]}
        priority = workflow.priority_of(planned.schedule.priority)
        new = NewRun(workflow.plan, bound, priority, facts=json.dumps(facts).encode())
        return RunSteps(self.session, (yield from create(self.session, new)))

    def _due_first(self, count: int, of: str | None) -> Steps[Sequence[StarterRecord]]:
        """Read the schedules among which the next `count` runs are."""
        if of is None:
            # None of the first `count` runs is of a schedule that is due later than so many others.
            due = yield from read(starters.agenda(self.keys, count))
            return (yield from read(starters.several(self.keys, [each for each, _ in due])))
        if "/" in of:
            return [(yield from starter(self.keys, KIND, of))]
        records = yield from all_starters(self.keys, KIND, of)
        if not records:
            yield from workflow_info(self.keys, of)  # refuses a workflow that is not there
        return records


def _check_ever(schedule: Schedule, made: Starter, now: int) -> None:
    if schedule.enabled and made.next is None:
        what = f"it would never run: no planned time comes after {iso(now)}"
        raise DefinitionError(what, where=f"schedule {made.id}")


def _info(record: StarterRecord, load: Load) -> ScheduleInfo:
    schedule = Schedule.read(name_of(record.id), json.loads(record.spec))
    state = "paused" if record.paused_ms else "disabled" if not schedule.enabled else "active"
    if state == "active" and record.next is None:
        state = "over"
    blocked = schedule.depends_on_past and record.last_end not in (None, RunState.succeeded)
    return ScheduleInfo(
        record.id, record.workflow, record.generation, state, record.paused_ms, load.living, load.waiting, record.ended,
        record.managed_by, schedule, record.next, record.due, blocked,
    )  # fmt: skip
