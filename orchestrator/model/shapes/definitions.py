"""Definitions as files: what they hold, what changes, what was applied, what an import gives."""

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from orchestrator.model.shapes.values import Time, WorkflowDocument


class Validated(TypedDict):
    """What a file holds, or what is wrong with it."""

    file: str
    ok: bool
    error: Annotated[NotRequired[str], "Where it is not ok: what is wrong, and where."]
    workflow: Annotated[NotRequired[str], "The name of the workflow."]
    jobs: Annotated[NotRequired[int], "How many jobs it has."]
    plan: Annotated[NotRequired[str], "The digest of its plan."]
    schedules: Annotated[NotRequired[list[str]], "The names of its schedules."]
    triggers: Annotated[NotRequired[list[str]], "The names of its triggers."]
    calendars: Annotated[NotRequired[list[str]], "The names of the calendars, of a file that has some."]


class FieldChange(TypedDict):
    """A value before and after a change, null where there is none. Secrets are hidden."""

    old: Any
    new: Any


class Change(TypedDict):
    """One definition that is created, changed or deleted."""

    kind: Literal["calendar", "workflow", "schedule", "trigger"]
    name: str
    action: Literal["create", "change", "delete"]
    version: Annotated[NotRequired[FieldChange], "Of a workflow: the numbers of its versions, null for one to come."]
    fields: Annotated[dict[str, FieldChange], "By field; those of a job are `jobs.NAME.FIELD`."]


class Definition(TypedDict):
    """A definition by its kind and name."""

    kind: Literal["calendar", "workflow", "schedule", "trigger"]
    name: str


class Proposal(TypedDict):
    """What an apply would change, or what others have changed."""

    namespace: str
    revision: Annotated[int | None, "The latest revision."]
    changes: list[Change]
    planned_anew: Annotated[list[str], "Schedules that stay as they are, but use a calendar that changes."]
    besides: Annotated[list[Definition], "What is in the namespace and not in the definitions."]
    paused: Annotated[list[str], "Schedules and triggers that are paused, and stay so."]
    warnings: list[str]


class Application(Proposal):
    """What an apply has changed."""

    applied: Annotated[int | None, "The number of the new revision; null if nothing was to change."]


class Revision(TypedDict):
    """One apply, as it is kept."""

    revision: Annotated[int, "Its number."]
    time: Time
    author: Annotated[str, "Who applied it; may be empty."]
    reason: Annotated[str, "Why; may be empty."]
    source: Annotated[str, "The revision of the sources, such as a commit; may be empty."]
    tool: Annotated[str, "The version of the program that applied it."]
    changes: Annotated[int, "How many definitions it changed."]
    back_to: Annotated[int | None, "Of a rollback: the revision that it restored."]


class Remark(TypedDict):
    """A place in the source of an import that is worth a word."""

    where: Annotated[str, "`file:line`, or the name of an entry."]
    what: Annotated[str, "The text that stands there."]
    why: str


class Imported(TypedDict):
    """What an import gives."""

    workflows: list[WorkflowDocument]
    left: Annotated[list[Remark], "What could not be converted."]
    notes: Annotated[list[Remark], "What is worth knowing, and changes nothing."]
