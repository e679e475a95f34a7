"""Stored things, looked up by their names. A `NotFound` names those that there are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from orchestrator.client.steps import Steps, read
from orchestrator.model.complaints import there_are
from orchestrator.model.errors import DefinitionError, NotFound
from orchestrator.model.ids import workflow_of
from orchestrator.state import reads

if TYPE_CHECKING:
    from orchestrator.dsl.builder import Workflow
    from orchestrator.model.run import WorkflowInfo
    from orchestrator.model.workflow import WorkflowDefinition
    from orchestrator.plan.plan import Plan
    from orchestrator.scheduling.catalogue import CurrentVersion
    from orchestrator.state.keys import Keys
    from orchestrator.state.reads.starters import StarterRecord
    from orchestrator.timing.calendars import Calendar


def workflow_info(keys: Keys, name: str) -> Steps[WorkflowInfo]:
    """Read a workflow's versions.

    Raises:
        NotFound: there is no such workflow.
    """
    info = yield from read(reads.workflow(keys, name))
    if info is None:
        names = yield from read(reads.workflows(keys))
        raise NotFound(f"there is no workflow {name!r}", remedy=there_are(name, names))
    return info


def head_of(keys: Keys, name: str) -> Steps[CurrentVersion]:
    """Read the parts of a workflow's current version that a start of a run needs.

    Raises:
        NotFound: there is no such workflow, or its plan is not stored.
    """
    from orchestrator.scheduling.catalogue import CurrentVersion  # with all that starters are made of

    info = yield from workflow_info(keys, name)
    digest = info.versions[info.latest]
    found = yield from read(reads.plan_head(keys, digest))
    if found is None:
        raise NotFound(f"the plan of workflow {name!r} is not stored", remedy="submit its definition once more")
    head, priority, _ = found
    return CurrentVersion(name, digest, json.loads(head), priority)


def plan_of(keys: Keys, digest: str) -> Steps[Plan]:
    """Read a plan.

    Raises:
        NotFound: there is no such plan.
    """
    plan = yield from read(reads.plan(keys, digest))
    if plan is None:
        raise NotFound(f"there is no plan {digest}")
    return plan


def calendars(keys: Keys) -> Steps[dict[str, Calendar]]:
    """Read the stored calendars by name."""
    from orchestrator.state.reads import starters
    from orchestrator.timing.calendars import Calendar

    documents = yield from read(starters.calendars(keys))
    return {name: Calendar(**document) for name, document in documents.items()}


def starter(keys: Keys, kind: str, starter_id: str) -> Steps[StarterRecord]:
    """Read a schedule, trigger or backfill.

    Raises:
        NotFound: there is no starter of that kind with that id.
    """
    from orchestrator.state.reads import starters

    record = yield from read(starters.one(keys, starter_id))
    if record is None or record.kind != kind:
        names = yield from read(starters.ids(keys, kind))
        raise NotFound(f"there is no {kind} {starter_id!r}", remedy=there_are(starter_id, names))
    return record


def all_starters(keys: Keys, kind: str, workflow: str | None = None) -> Steps[list[StarterRecord]]:
    """Read all schedules, triggers or backfills, or those of a workflow, in the order of their ids."""
    from orchestrator.state.reads import starters

    names = yield from read(starters.ids(keys, kind))
    if workflow is not None:
        names = [name for name in names if workflow_of(name) == workflow]
    return (yield from read(starters.several(keys, names)))


def as_workflow(given: Workflow | WorkflowDefinition) -> Workflow:
    """Return a workflow or a definition as a `Workflow`.

    Raises:
        DefinitionError: it is no workflow.
    """
    from orchestrator.dsl.builder import Workflow
    from orchestrator.model.workflow import WorkflowDefinition

    if isinstance(given, Workflow):
        return given
    if isinstance(given, WorkflowDefinition):
        return Workflow.from_definition(given)
    raise DefinitionError(
        f"a {type(given).__name__} is not a workflow", remedy="give a Workflow, or a stored one's name"
    )
