"""The steps of a client that compares and applies sets of definitions, and restores revisions. See `flows`.

An apply is proposed first, shown to the person who asked for it, and then made: all changes or none. If others change
definitions in between it is proposed again, and is made only if the changes are still the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, assert_never

from orchestrator.client import flows
from orchestrator.client.editing import upload
from orchestrator.client.flows import Flow, read, transit
from orchestrator.definitions.compare import Change, Difference, changed_plans, difference, to_delete
from orchestrator.definitions.contents import KINDS, Definitions, Kind
from orchestrator.definitions.desired import DesiredState, read_triggers
from orchestrator.definitions.operations import operations
from orchestrator.definitions.revisions import Note, Revision, unpack
from orchestrator.definitions.snapshot import Snapshot, read_snapshot
from orchestrator.definitions.warnings import Surroundings, unfit_starters, warnings
from orchestrator.dsl.documents import to_document
from orchestrator.model import shapes
from orchestrator.model.errors import Conflict, NotFound
from orchestrator.model.ids import workflow_of
from orchestrator.plan.decompile import decompile
from orchestrator.plan.plan import Plan
from orchestrator.state import reads
from orchestrator.state.keys import Keys
from orchestrator.state.layouts.change_ops import Op, pack
from orchestrator.state.reads import revisions, starters
from orchestrator.state.transitions.definitions import Applied, Apply, Changed, NotUploaded, StaleEdit

TRIES = 20
"""How often an apply is tried while others change definitions or start planned times."""

FRESH_MS = 2_000
"""How old a proposal may be when it is made: one that was looked at for minutes must not plan runs for the past."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """The changes that an apply would make, and the snapshot of the namespace that they start from."""

    difference: Difference
    planned_anew: tuple[str, ...]
    """The schedules that do not change themselves, but use a calendar that does."""
    warnings: tuple[str, ...]
    snapshot: Snapshot
    ops: tuple[Op, ...]

    @property
    def changes(self) -> tuple[Change, ...]:
        """Return the changes, one for each definition."""
        return self.difference.changes

    @property
    def paused(self) -> tuple[str, ...]:
        """Return the schedules and triggers that somebody has paused. An apply leaves them paused."""
        return self.snapshot.paused

    def to_json(self, namespace: str) -> shapes.Proposal:
        """Return its shape."""
        return {
            "namespace": namespace,
            "revision": self.snapshot.last.number if self.snapshot.last else None,
            "changes": [change.to_json() for change in self.changes],
            "planned_anew": list(self.planned_anew),
            "besides": [{"kind": kind, "name": name} for kind, name in self.difference.unmanaged],
            "paused": list(self.paused),
            "warnings": list(self.warnings),
        }


def propose(keys: Keys, desired: DesiredState) -> Flow[Proposal]:
    """Compare the definitions of a namespace with the desired ones.

    Raises:
        DefinitionError: the desired definitions cannot stand together.
    """
    snapshot = yield from read(read_snapshot(keys))
    current = snapshot.definitions
    prunable = {"nothing": Definitions(), "defined": snapshot.applied, "all": current}[desired.prune]
    deleted = to_delete(desired.definitions, current, prunable)
    compared = yield from _compare(keys, desired.definitions, current, deleted, desired.plans)
    ops, planned_anew = operations(compared, desired, snapshot)
    warned = yield from _warnings(keys, desired, current, deleted)
    return Proposal(compared, tuple(planned_anew), tuple(warned), snapshot, tuple(ops))


def drift(keys: Keys) -> Flow[Proposal]:
    """Compare the definitions of a namespace with those of its latest revision.

    Raises:
        NotFound: there is no revision.
    """
    snapshot = yield from read(read_snapshot(keys))
    if snapshot.last is None:
        raise NotFound("nothing was applied yet", remedy="orchestrator workflows apply makes the first revision")
    then, now = snapshot.applied, snapshot.definitions
    kept = Definitions(
        **{f"{kind}s": {name: now.of(kind)[name] for name in then.of(kind) if name in now.of(kind)} for kind in KINDS}
    )
    deleted = {each for each in then.names() if each[1] not in kept.of(each[0])}
    compared = yield from _compare(keys, kept, then, deleted, {})
    unmanaged = tuple(each for each in now.names() if each[1] not in then.of(each[0]))
    return Proposal(Difference(compared.changes, unmanaged), (), (), snapshot, ())


def _compare(
    keys: Keys, desired: Definitions, current: Definitions, deleted: set[tuple[Kind, str]], plans: Mapping[str, Plan]
) -> Flow[Difference]:
    documents: dict[str, dict[str, Any]] = {}
    for digest in sorted(changed_plans(desired, current, deleted)):
        plan = plans.get(digest) or (yield from flows.plan_of(keys, digest))
        documents[digest] = to_document(decompile(plan))
    versions: dict[str, dict[str, int]] = {}
    for name in {document["name"] for document in documents.values()}:
        info = yield from read(reads.workflow(keys, name))
        versions[name] = {digest: number for number, digest in info.versions.items()} if info else {}
    return difference(desired, current, deleted, documents.__getitem__, versions)


def _warnings(
    keys: Keys, desired: DesiredState, current: Definitions, deleted: set[tuple[Kind, str]]
) -> Flow[list[str]]:
    after = current.updated(desired.definitions, deleted)
    unchanged = Definitions(
        schedules={own: each for own, each in after.schedules.items() if own not in desired.definitions.schedules},
        triggers={own: each for own, each in after.triggers.items() if own not in desired.definitions.triggers},
    )
    around = Surroundings("in this namespace", set(after.calendars), set(after.workflows))
    chained = {own: each for own, each in unchanged.triggers.items() if "run" in each or "datasets" in each}
    around.triggers = read_triggers(chained)
    named = any(trigger.datasets for trigger in desired.triggers.values())
    if named or any(trigger.datasets for trigger in around.triggers.values()):
        # Any workflow may produce a dataset that a desired trigger names; only one with triggers can be in a circle.
        started = {workflow_of(own) for own in (*chained, *desired.triggers)}
        for name in after.workflows if named else started & after.workflows.keys():
            head = yield from _head(keys, after.workflows[name], desired.plans)
            around.produces[name] = tuple(head.get("produces", ()))
    schemas = {}
    for name, digest in desired.definitions.workflows.items():
        if current.workflows.get(name, digest) != digest:
            schemas[name] = (yield from _head(keys, digest, desired.plans)).get("params")
    return [*warnings(desired.schedules, desired.triggers, around), *unfit_starters(unchanged, schemas)]


def _head(keys: Keys, digest: str, plans: Mapping[str, Plan]) -> Flow[dict[str, Any]]:
    if digest in plans:
        head: dict[str, Any] = json.loads(plans[digest].head)
        return head
    found = yield from read(reads.plan_head(keys, digest))
    return json.loads(found[0]) if found else {}


def apply(keys: Keys, desired: DesiredState, seen: Proposal, note: Note) -> Flow[int]:
    """Make the changes of a proposal; return the number of the new revision, or 0 if nothing is left to change.

    Raises:
        Conflict: others have changed definitions, and the same apply would now make other changes.
    """
    if not seen.changes:
        return 0
    now, stale = seen, False
    for _ in range(TRIES):
        if stale or (yield from read(starters.clock(keys))) - now.snapshot.clock_ms > FRESH_MS:
            now = yield from propose(keys, desired)
            if not now.changes:
                return 0
            if now.changes != seen.changes:
                what = "somebody has changed definitions meanwhile, and this would now be another change"
                raise Conflict(what, remedy="look at the plan again")
        for name, digest in desired.definitions.workflows.items():
            if now.snapshot.definitions.workflows.get(name) != digest and digest in desired.plans:
                yield from upload(keys, desired.plans[digest])
        applied = yield from transit(Apply(now.snapshot.edits, pack(now.ops), _revision(desired, now, note).pack()))
        match applied:
            case Applied(_, number):
                return number
            case Changed() | StaleEdit() | NotUploaded():
                stale = True
            case _:
                assert_never(applied)
    raise Conflict("definitions are being changed all the time by others", remedy="try it again")


def _revision(desired: DesiredState, seen: Proposal, note: Note) -> Revision:
    definitions = seen.snapshot.applied.updated(desired.definitions, seen.difference.deleted)
    tool = version("celery-orchestrator")
    return Revision(0, seen.snapshot.clock_ms, note, tool, len(seen.changes), definitions, desired.back_to)


def history(keys: Keys, limit: int) -> Flow[list[Revision]]:
    """Read the latest revisions, the newest first."""
    number = yield from read(revisions.latest(keys))
    found = yield from read(revisions.several(keys, range(max(1, number - limit + 1), number + 1)))
    return [unpack(each, found[each]) for each in sorted(found, reverse=True)]


def back_to(keys: Keys, number: int) -> Flow[DesiredState]:
    """Return the state that restores a revision; definitions that files added later are deleted.

    Raises:
        NotFound: the revision is not kept.
    """
    found = yield from read(revisions.several(keys, range(number, number + 1)))
    if number not in found:
        latest = yield from read(revisions.latest(keys))
        remedy = f"the latest is {latest}, and 200 are kept" if latest else "nothing was applied yet"
        raise NotFound(f"there is no revision {number}", remedy=remedy)
    return DesiredState.of_revision(number, unpack(number, found[number]).definitions)
