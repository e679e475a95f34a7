"""The difference between the definitions that a namespace holds and those that it is to hold, field by field."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from orchestrator.definitions.contents import KINDS, Definitions, Kind
from orchestrator.definitions.secrecy import masked
from orchestrator.model import shapes
from orchestrator.model.errors import DefinitionError
from orchestrator.model.ids import name_of, workflow_of
from orchestrator.starters.schedule import Schedule
from orchestrator.starters.trigger import Trigger

Action = Literal["create", "change", "delete"]


class Pair(NamedTuple):
    """A field before and after a change, None where there is no such field. Secrets are hidden."""

    old: Any
    new: Any

    def to_json(self) -> shapes.FieldChange:
        """Return its shape."""
        return {"old": self.old, "new": self.new}


@dataclass(frozen=True, slots=True)
class Change:
    """A definition that is created, changed or deleted, with the fields that differ; a job's are `jobs.NAME.FIELD`."""

    kind: Kind
    name: str
    action: Action
    fields: Mapping[str, Pair]
    versions: Pair | None = None
    """The numbers of a workflow's versions. A new version has none until it is stored."""

    def to_json(self) -> shapes.Change:
        """Return its shape."""
        fields = {name: pair.to_json() for name, pair in self.fields.items()}
        if self.versions is None:
            return {"kind": self.kind, "name": self.name, "action": self.action, "fields": fields}
        versions = self.versions.to_json()
        return {"kind": self.kind, "name": self.name, "action": self.action, "version": versions, "fields": fields}


@dataclass(frozen=True, slots=True)
class Difference:
    """The changes that lead to the desired definitions, and the definitions that are not among these and stay."""

    changes: tuple[Change, ...]
    unmanaged: tuple[tuple[Kind, str], ...]

    @property
    def deleted(self) -> set[tuple[Kind, str]]:
        """Return the kind and name of each definition that is deleted."""
        return {(each.kind, each.name) for each in self.changes if each.action == "delete"}


def to_delete(
    desired: Definitions, current: Definitions, prunable: Definitions, applied: Definitions
) -> set[tuple[Kind, str]]:
    """Return the kind and name of each current definition that is to be deleted. `applied` are those that files made.

    Of the definitions that are not desired, those that are prunable are deleted. A schedule or trigger is also deleted
    if its workflow is; if a file made it, and its workflow is desired without it; and if a desired starter of the
    other kind takes its name.
    """
    undesired = {each for each in current.names() if each[1] not in desired.of(each[0])}
    deleted = undesired & set(prunable.names())
    for kind, name in undesired - deleted:
        if kind in ("schedule", "trigger"):
            other_kind = desired.triggers if kind == "schedule" else desired.schedules
            taken_out = name in applied.of(kind) and workflow_of(name) in desired.workflows
            if taken_out or name in other_kind or ("workflow", workflow_of(name)) in deleted:
                deleted.add((kind, name))
    return deleted


def changed_plans(desired: Definitions, current: Definitions, deleted: set[tuple[Kind, str]]) -> set[str]:
    """Return the digests of the plans whose documents `difference` asks for."""
    found = {current.workflows[name] for kind, name in deleted if kind == "workflow"}
    for name, digest in desired.workflows.items():
        if current.workflows.get(name) != digest:
            found |= {digest, current.workflows.get(name, digest)}
    return found


def difference(
    desired: Definitions,
    current: Definitions,
    deleted: set[tuple[Kind, str]],
    documents: Callable[[str], Mapping[str, Any]],
    versions: Mapping[str, Mapping[str, int]],
) -> Difference:
    """Compare the desired definitions with the current ones, of which some are to be deleted.

    `documents` gives the document of a plan by its digest. `versions` holds the numbers of a workflow's versions by
    workflow and digest.
    """
    changes = []
    for kind in KINDS:
        for name in sorted({*desired.of(kind), *(name for each, name in deleted if each == kind)}):
            old, new = current.of(kind).get(name), desired.of(kind).get(name)
            if kind in ("schedule", "trigger") and old is not None and new is not None and not _same(old, new):
                old = _usual(kind, name, old)
            if _same(old, new):
                continue
            numbers = None
            if kind == "workflow":
                numbers = Pair(*(versions.get(name, {}).get(digest) if digest else None for digest in (old, new)))
                old, new = (None if digest is None else documents(digest) for digest in (old, new))
            action: Action = "create" if old is None else "delete" if new is None else "change"
            fields = _workflow_fields if kind == "workflow" else _fields
            changes.append(Change(kind, name, action, dict(fields(old or {}, new or {})), numbers))
    stay = (each for each in current.names() if each[1] not in desired.of(each[0]) and each not in deleted)
    return Difference(tuple(changes), tuple(stay))


def _usual(kind: Kind, name: str, document: Any) -> Any:
    """Return the document of a schedule or trigger in the form of this version: another one may have stored it."""
    read = Schedule.read if kind == "schedule" else Trigger.read
    try:
        return read(name_of(name), document).document()
    except DefinitionError:
        return document


def _workflow_fields(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, Pair]]:
    """Return the fields of a workflow that differ, and those of its jobs. A job that comes or goes is one field."""
    found = list(_fields(_head(old), _head(new)))
    before, after = old.get("jobs", {}), new.get("jobs", {})
    for job in dict.fromkeys((*before, *after)):
        if job in before and job in after:
            found += _fields(before[job], after[job], f"jobs.{job}.")
        else:
            found.append((f"jobs.{job}", _pair(job, before, after)))
    if not found and list(before) != list(after):
        found.append(("jobs", Pair(list(before), list(after))))  # their order, by which they are numbered
    elif not found and old and new:
        found.append(("jobs", Pair("as before", "with the fields inside their arguments in another order")))
    return found


def _head(workflow: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in workflow.items() if name not in ("jobs", "name")}


def _fields(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Pair]]:
    """Yield the fields that differ, their names with the prefix."""
    for name in dict.fromkeys((*old, *new)):
        if not _same(old.get(name), new.get(name)):
            yield prefix + name, _pair(name, old, new)


def _same(old: Any, new: Any) -> bool:
    """Tell whether two values are the same JSON: `True` is not 1, and the order of keys does not count."""
    return bool(old == new) and json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True)


def _pair(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Pair:
    return Pair(*(masked(each.get(name), name) for each in (old, new)))
