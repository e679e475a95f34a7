"""Sets of definitions, compared and applied together, and their revisions: `client.definitions`.

An apply is proposed first, shown to the person who asked for it, and then made: all changes or none. If others change
definitions in between it is proposed again, and is made only if the changes are still the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any, assert_never

from orchestrator.client.edits import upload
from orchestrator.client.lookup import plan_of
from orchestrator.client.session import Noun
from orchestrator.client.steps import Steps, change, read
from orchestrator.definitions.compare import Difference, changed_plans, difference, to_delete
from orchestrator.definitions.contents import KINDS, Definitions, Kind
from orchestrator.definitions.desired import DesiredState, read_triggers
from orchestrator.definitions.operations import operations
from orchestrator.definitions.proposal import Proposal
from orchestrator.definitions.revisions import Note, Revision, unpack
from orchestrator.definitions.snapshot import read_snapshot
from orchestrator.definitions.warnings import Surroundings, unfit_starters, warnings
from orchestrator.dsl.documents import to_document
from orchestrator.model.errors import Conflict, NotFound
from orchestrator.model.ids import workflow_of
from orchestrator.plan.decompile import decompile
from orchestrator.plan.plan import Plan
from orchestrator.state import reads
from orchestrator.state.keys import Keys
from orchestrator.state.layouts.change_ops import pack
from orchestrator.state.limits import REVISIONS_KEPT
from orchestrator.state.reads import revisions, starters
from orchestrator.state.transitions.definitions import Applied, Apply, Changed, NotUploaded, StaleEdit

TRIES = 20
"""How often an apply is tried while others change definitions or start planned times."""
FRESH_MS = 2_000
"""How old a proposal may be when it is made: one that was looked at for minutes must not plan runs for the past."""


class DefinitionsSteps(Noun):
    """Sets of definitions: a `DesiredState` is proposed first, then applied, all of it or nothing."""

    def propose(self, desired: DesiredState) -> Steps[Proposal]:
        """Compare the definitions of the namespace with the desired ones; nothing is changed.

        Raises:
            DefinitionError: the desired definitions cannot stand together.
        """
        snapshot = yield from read(read_snapshot(self.keys))
        current = snapshot.definitions
        prunable = {"nothing": Definitions(), "defined": snapshot.applied, "all": current}[desired.prune]
        deleted = to_delete(desired.definitions, current, prunable, snapshot.applied)
        compared = yield from _compare(self.keys, desired.definitions, current, deleted, desired.plans)
        ops, planned_anew = operations(compared, desired, snapshot)
        warned = yield from _warnings(self.keys, desired, current, deleted)
        return Proposal(compared, tuple(planned_anew), tuple(warned), snapshot, tuple(ops))

    def apply(self, desired: DesiredState, seen: Proposal, note: Note | None = None) -> Steps[int]:
        """Make the changes of a proposal; return the number of the new revision, or 0 if nothing is left to change.

        The revision keeps the note; by default its author and reason are those of the client's actor.

        Raises:
            Conflict: others have changed definitions, and the same apply would now make other changes.
        """
        if not seen.changes:
            return 0
        now, stale = seen, False
        actor = self.session.actor
        note = note or Note(actor.who, actor.why)
        for _ in range(TRIES):
            if stale or (yield from read(starters.clock(self.keys))) - now.snapshot.clock_ms > FRESH_MS:
                now = yield from self.propose(desired)
                if not now.changes:
                    return 0
                if now.changes != seen.changes:
                    what = "somebody has changed definitions meanwhile, and this would now be another change"
                    raise Conflict(what, remedy="look at the plan again")
            for name, digest in desired.definitions.workflows.items():
                if now.snapshot.definitions.workflows.get(name) != digest and digest in desired.plans:
                    yield from upload(self.keys, desired.plans[digest])
            revision = _revision(desired, now, note).pack()
            applied = yield from change(self.session, Apply(now.snapshot.edits, pack(now.ops), revision))
            match applied:
                case Applied(_, number):
                    return number
                case Changed() | StaleEdit() | NotUploaded():
                    stale = True
                case _:
                    assert_never(applied)
        raise Conflict("definitions are being changed all the time by others", remedy="try it again")

    def drift(self) -> Steps[Proposal]:
        """Compare the definitions of the namespace with those of its latest revision.

        Raises:
            NotFound: there is no revision.
        """
        snapshot = yield from read(read_snapshot(self.keys))
        if snapshot.last is None:
            raise NotFound("nothing was applied yet", remedy="orchestrator workflows apply makes the first revision")
        then, now = snapshot.applied, snapshot.definitions
        kept = Definitions(
            **{
                f"{kind}s": {name: now.of(kind)[name] for name in then.of(kind) if name in now.of(kind)}
                for kind in KINDS
            }
        )
        deleted = {each for each in then.names() if each[1] not in kept.of(each[0])}
        compared = yield from _compare(self.keys, kept, then, deleted, {})
        unmanaged = tuple(each for each in now.names() if each[1] not in then.of(each[0]))
        return Proposal(Difference(compared.changes, unmanaged), (), (), snapshot, ())

    def revisions(self, limit: int = 200) -> Steps[Sequence[Revision]]:
        """Return the latest revisions, the newest first; 200 are kept."""
        number = yield from read(revisions.latest(self.keys))
        found = yield from read(revisions.several(self.keys, range(max(1, number - limit + 1), number + 1)))
        return [unpack(each, found[each]) for each in sorted(found, reverse=True)]

    def back_to(self, revision: int) -> Steps[DesiredState]:
        """Return the state that restores a revision; definitions that files added later are deleted.

        Raises:
            NotFound: the revision is not kept.
        """
        found = yield from read(revisions.several(self.keys, range(revision, revision + 1)))
        if revision not in found:
            latest = yield from read(revisions.latest(self.keys))
            remedy = f"the latest is {latest}, and {REVISIONS_KEPT} are kept" if latest else "nothing was applied yet"
            raise NotFound(f"there is no revision {revision}", remedy=remedy)
        return DesiredState.of_revision(revision, unpack(revision, found[revision]).definitions)


def _compare(
    keys: Keys, desired: Definitions, current: Definitions, deleted: set[tuple[Kind, str]], plans: Mapping[str, Plan]
) -> Steps[Difference]:
    documents: dict[str, dict[str, Any]] = {}
    for digest in sorted(changed_plans(desired, current, deleted)):
        plan = plans.get(digest) or (yield from plan_of(keys, digest))
        documents[digest] = to_document(decompile(plan))
    versions: dict[str, dict[str, int]] = {}
    for name in {document["name"] for document in documents.values()}:
        info = yield from read(reads.workflow(keys, name))
        versions[name] = {digest: number for number, digest in info.versions.items()} if info else {}
    return difference(desired, current, deleted, documents.__getitem__, versions)


def _warnings(
    keys: Keys, desired: DesiredState, current: Definitions, deleted: set[tuple[Kind, str]]
) -> Steps[list[str]]:
    after = current.updated(desired.definitions, deleted)
    unchanged = Definitions(
        schedules=_without(after.schedules, desired.definitions.schedules),
        triggers=_without(after.triggers, desired.definitions.triggers),
    )
    around = Surroundings("in this namespace", set(after.calendars), set(after.workflows))
    chained = {name: each for name, each in unchanged.triggers.items() if "run" in each or "datasets" in each}
    around.triggers = read_triggers(chained)
    named = any(trigger.datasets for trigger in desired.triggers.values())
    if named or any(trigger.datasets for trigger in around.triggers.values()):
        # Any workflow may produce a dataset that a desired trigger names; only one with triggers can be in a circle.
        started = {workflow_of(starter_id) for starter_id in (*chained, *desired.triggers)}
        for name in after.workflows if named else started & after.workflows.keys():
            head = yield from _head(keys, after.workflows[name], desired.plans)
            around.produces[name] = tuple(head.get("produces", ()))
    schemas = {}
    for name, digest in desired.definitions.workflows.items():
        if current.workflows.get(name, digest) != digest:
            schemas[name] = (yield from _head(keys, digest, desired.plans)).get("params")
    return [*warnings(desired.schedules, desired.triggers, around), *unfit_starters(unchanged, schemas)]


def _without(definitions: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in definitions.items() if name not in others}


def _head(keys: Keys, digest: str, plans: Mapping[str, Plan]) -> Steps[dict[str, Any]]:
    if digest in plans:
        head: dict[str, Any] = json.loads(plans[digest].head)
        return head
    found = yield from read(reads.plan_head(keys, digest))
    return json.loads(found[0]) if found else {}


def _revision(desired: DesiredState, seen: Proposal, note: Note) -> Revision:
    definitions = seen.snapshot.applied.updated(desired.definitions, seen.difference.deleted)
    tool = version("celery-orchestrator")
    return Revision(0, seen.snapshot.clock_ms, note, tool, len(seen.changes), definitions, desired.back_to)
