"""The difference between what a namespace holds and what it is to hold: changes that people read and machines make."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from orchestrator.definitions.contents import KINDS, Definitions, Kind, workflow_of
from orchestrator.definitions.secrecy import masked
from orchestrator.model.errors import DefinitionError
from orchestrator.starters.schedule import Schedule
from orchestrator.starters.trigger import Trigger

Action = Literal["create", "change", "delete"]


class Pair(NamedTuple):
    """A field before and after a change; None where it is not there. Secrets are hidden."""

    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is created, changed or deleted, by fields; a job's are `jobs.NAME.FIELD`."""

    kind: Kind
    name: str
    action: Action
    fields: Mapping[str, Pair]
    versions: Pair | None = None
    """Of a workflow: the numbers of its versions; a new one is None until it is stored."""

    def to_json(self) -> dict[str, Any]:
        """Return its shape in `plan --json`."""
        told: dict[str, Any] = {"kind": self.kind, "name": self.name, "action": self.action}
        if self.versions:
            told["version"] = self.versions._asdict()
        return {**told, "fields": {name: pair._asdict() for name, pair in self.fields.items()}}


@dataclass(frozen=True, slots=True)
class Difference:
    """What has to change, and what is here beside it and stays."""

    changes: tuple[Change, ...]
    besides: tuple[tuple[Kind, str], ...]

    @property
    def deleted(self) -> set[tuple[Kind, str]]:
        """Return what is to be deleted."""
        return {(each.kind, each.name) for each in self.changes if each.action == "delete"}


def to_delete(wanted: Definitions, held: Definitions, expendable: Definitions) -> set[tuple[Kind, str]]:
    """Return what has to go: of what nobody wants, that which is expendable, and what cannot stay without it.

    A schedule or trigger goes with its workflow, and with the start of the other kind that takes its name.
    """
    unwanted = {each for each in held.names() if each[1] not in wanted.of(each[0])}
    gone = unwanted & set(expendable.names())
    for kind, name in unwanted - gone:
        if kind in ("schedule", "trigger"):
            other = wanted.triggers if kind == "schedule" else wanted.schedules
            if name in other or ("workflow", workflow_of(name)) in gone:
                gone.add((kind, name))
    return gone


def changed_plans(wanted: Definitions, held: Definitions, gone: set[tuple[Kind, str]]) -> set[str]:
    """Return the digests of the plans that `difference` describes."""
    found = {held.workflows[name] for kind, name in gone if kind == "workflow"}
    for name, digest in wanted.workflows.items():
        if held.workflows.get(name) != digest:
            found |= {digest, held.workflows.get(name, digest)}
    return found


def difference(
    wanted: Definitions,
    held: Definitions,
    gone: set[tuple[Kind, str]],
    documents: Callable[[str], Mapping[str, Any]],
    versions: Mapping[str, Mapping[str, int]],
) -> Difference:
    """Compare. `documents` gives the document of a plan by its digest, `versions` a workflow's numbers by digest."""
    changes = []
    for kind in KINDS:
        for name in sorted({*wanted.of(kind), *(name for each, name in gone if each == kind)}):
            old, new = held.of(kind).get(name), wanted.of(kind).get(name)
            if kind in ("schedule", "trigger") and old is not None and new is not None and not _same(old, new):
                old = _usual(kind, name, old)
            if _same(old, new):
                continue
            numbers = None
            if kind == "workflow":
                numbers = Pair(*(versions.get(name, {}).get(digest) if digest else None for digest in (old, new)))
                old, new = (None if digest is None else documents(digest) for digest in (old, new))
            action: Action = "create" if old is None else "delete" if new is None else "change"
            changes.append(Change(kind, name, action, dict(_fields(kind, old or {}, new or {})), numbers))
    stay = tuple(each for each in held.names() if each[1] not in wanted.of(each[0]) and each not in gone)
    return Difference(tuple(changes), stay)


def _usual(kind: Kind, name: str, document: Any) -> Any:
    """Return the document of a schedule or trigger in its usual form: another version may not have stored that."""
    try:
        own = name.partition("/")[2]
        return Schedule.read(own, document).document() if kind == "schedule" else Trigger.read(own, document).document()
    except DefinitionError:
        return document


def _fields(kind: Kind, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, Pair]]:
    """Yield the fields that differ; those of a workflow's jobs by themselves."""
    differ = False
    for name in dict.fromkeys((*old, *new)):
        if kind == "workflow" and name in ("jobs", "name"):
            continue
        if not _same(old.get(name), new.get(name)):
            differ = True
            yield name, _pair(name, old, new)
    if kind != "workflow":
        return
    before, after = old.get("jobs", {}), new.get("jobs", {})
    for job in dict.fromkeys((*before, *after)):
        if job not in before or job not in after:
            differ = True
            yield f"jobs.{job}", _pair(job, before, after)
            continue
        for name in dict.fromkeys((*before[job], *after[job])):
            if not _same(before[job].get(name), after[job].get(name)):
                differ = True
                yield f"jobs.{job}.{name}", _pair(name, before[job], after[job])
    if not differ and list(before) != list(after):
        yield "jobs", Pair(list(before), list(after))  # their order, by which they are numbered
    elif not differ and old and new:
        yield "jobs", Pair("as before", "with the fields inside their arguments in another order")


def _same(old: Any, new: Any) -> bool:
    """Tell whether two values are the same JSON: `True` is not 1, and the order of keys does not count."""
    return bool(old == new) and json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True)


def _pair(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Pair:
    return Pair(*(masked(each.get(name), name) for each in (old, new)))
