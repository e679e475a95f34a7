"""Stored workflows: `client.workflows`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from orchestrator.client.edits import Target, Thought, edit, target_of
from orchestrator.client.lookup import all_starters, as_workflow, calendars, head_of, plan_of, workflow_info
from orchestrator.client.session import Noun
from orchestrator.client.starters import check_seen, drop_ops, schedule_starter, trigger_ops
from orchestrator.client.steps import Steps, read
from orchestrator.model.errors import NotFound
from orchestrator.model.ids import starter_id
from orchestrator.model.run import Registered, WorkflowInfo
from orchestrator.starters.schedule import Schedule
from orchestrator.starters.trigger import Trigger
from orchestrator.state import reads
from orchestrator.state.layouts.change_ops import Op, put_starter
from orchestrator.state.reads import starters
from orchestrator.state.reads.starters import StarterRecord
from orchestrator.timing.calendars import Calendar

if TYPE_CHECKING:
    from orchestrator.dsl.builder import Workflow
    from orchestrator.model.workflow import WorkflowDefinition

CODE = "code"
"""The manager of schedules and triggers that were registered with their workflow."""


class WorkflowsSteps(Noun):
    """The stored workflows and their versions."""

    def get(self, name: str) -> Steps[WorkflowInfo]:
        """Return the versions of a workflow.

        Raises:
            NotFound: there is no such workflow.
        """
        return (yield from workflow_info(self.keys, name))

    def list(self) -> Steps[Sequence[WorkflowInfo]]:
        """Return all workflows, in the order of their names."""
        return (yield from read(reads.workflow_infos(self.keys, (yield from self.names()))))

    def names(self) -> Steps[Sequence[str]]:
        """Return the names of all workflows, in order."""
        return (yield from read(reads.workflows(self.keys)))

    def definition(self, name: str, version: int | None = None) -> Steps[WorkflowDefinition]:
        """Return the definition of a workflow's version, by default of its current one.

        Raises:
            NotFound: there is no such workflow or version.
        """
        from orchestrator.plan.decompile import decompile

        info = yield from workflow_info(self.keys, name)
        digest = info.versions.get(info.latest if version is None else version)
        if digest is None:
            raise NotFound(f"workflow {name!r} has no version {version}", remedy=f"the latest is {info.latest}")
        return decompile((yield from plan_of(self.keys, digest)))

    def schema(self, name: str) -> Steps[dict[str, Any] | None]:
        """Return the JSON Schema of a workflow's parameters; None if it has none.

        Raises:
            NotFound: there is no such workflow.
        """
        return (yield from head_of(self.keys, name)).head.get("params")

    def register(self, workflow: Workflow | WorkflowDefinition) -> Steps[Registered]:
        """Store a workflow as its current version, with its schedules and triggers, in one step; nothing runs.

        The schedules and triggers of the workflow replace those that were registered with it before: one that it has
        no longer is deleted. Those that were put in other ways stay, unless the workflow has one of the same name. One
        that has not changed is left alone; one that is paused stays so. `submit` stores the plan only.

        Raises:
            DefinitionError: the workflow, a schedule or a trigger cannot be used.
            NotFound: a calendar is missing.
            Conflict: a schedule has the name of a trigger, or the other way round; or others edit all the time.
        """
        given = as_workflow(workflow)
        digest = given.compile(self.session.route_of).digest

        def think() -> Steps[Thought[Registered]]:
            target = yield from target_of(self.session, given)
            ops = [*target.ops, *(yield from self._starter_ops(target, given.schedules, given.triggers))]
            info = yield from read(reads.workflow(self.keys, target.name))
            version = _version(info, digest)
            return ops, Registered(version, new=version == 0)

        registered = yield from edit(self.session, think)
        if registered.version:
            return registered
        return Registered(_version((yield from workflow_info(self.keys, given.name)), digest), new=True)

    def _starter_ops(
        self, target: Target, schedules: Mapping[str, Schedule], triggers: Mapping[str, Trigger]
    ) -> Steps[Sequence[Op]]:
        """Return the ops that make the schedules and triggers those of the workflow's code."""
        known = yield from calendars(self.keys)
        now = yield from read(starters.clock(self.keys))
        ops: list[Op] = []
        for kind, wanted in (("schedule", schedules), ("trigger", triggers)):
            there = {record.id: record for record in (yield from all_starters(self.keys, kind, target.name))}
            for name, start in wanted.items():
                wanted_id = starter_id(target.name, name)
                record = there.pop(wanted_id, None)
                if record is None:
                    other = yield from read(starters.one(self.keys, wanted_id))
                    check_seen(kind, wanted_id, other, None)
                ops += _unless_same(record, _put_ops(target, start, record, known, now))
            for record in there.values():
                if record.managed_by == CODE:
                    ops += yield from drop_ops(self.keys, record)
        return ops


def _put_ops(
    target: Target, start: Schedule | Trigger, record: StarterRecord | None, known: Mapping[str, Calendar], now: int
) -> list[Op]:
    if isinstance(start, Trigger):
        return trigger_ops(target, start, record, CODE)
    made = replace(schedule_starter(target, start, record, known, now), managed_by=CODE)
    return [put_starter(made, record.seen if record else "0")]


def _unless_same(record: StarterRecord | None, ops: list[Op]) -> Iterator[Op]:
    """Yield the ops that put a starter, unless they change nothing. The last op holds its record."""
    fields = dict(zip(ops[-1][3::2], ops[-1][4::2], strict=True))
    if record is None or record.managed_by != CODE or fields["spec"] != record.spec:
        yield from ops


def _version(info: WorkflowInfo | None, digest: str) -> int:
    """Return the number of the version with that plan, 0 if there is none."""
    return next((number for number, each in (info.versions if info else {}).items() if each == digest), 0)
