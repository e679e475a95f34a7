"""What a client does with definitions as a whole, without I/O: compare, apply, go back. See `flows`.

An apply is thought over first (`propose`), shown to whoever asked for it, and then made, all of it or nothing. If
others change something meanwhile it is thought over again, and goes on only while it comes to the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, Literal, assert_never

from orchestrator.client import flows
from orchestrator.client.editing import upload
from orchestrator.client.flows import Flow, read, transit
from orchestrator.definitions.compare import Change, Difference, changed_plans, difference, to_delete
from orchestrator.definitions.contents import KINDS, Definitions, Kind, workflow_of
from orchestrator.definitions.operations import operations
from orchestrator.definitions.revisions import Note, Revision, unpack
from orchestrator.definitions.snapshot import Held, held
from orchestrator.definitions.warnings import Surroundings, misfits, read_starts, warnings
from orchestrator.dsl.documents import to_document
from orchestrator.model.errors import Conflict, NotFound
from orchestrator.plan.decompile import decompile
from orchestrator.plan.plan import Plan
from orchestrator.state import reads
from orchestrator.state.keys import Keys
from orchestrator.state.layouts.change_ops import Op, pack
from orchestrator.state.reads import revisions, starters
from orchestrator.state.transitions.replies import Applied, Changed, NotUploaded, StaleEdit
from orchestrator.state.transitions.starters import Apply

TRIES = 20
"""How often an apply that comes to the same is tried while others change definitions or start planned times."""

FRESH_MS = 2_000
"""How old a proposal may be when it is made: who thinks it over for minutes must not plan runs for the past."""


def _named(kind: Kind, name: str) -> str:
    return f"{kind} {name}"


@dataclass(frozen=True, slots=True)
class Aim:
    """What a namespace is to hold. `prune` says what goes of the rest: nothing, what files have defined, or all."""

    definitions: Definitions
    plans: Mapping[str, Plan] = field(default_factory=dict)
    """The plans that the store may not have, by digest."""
    prune: Literal["nothing", "defined", "all"] = "nothing"
    back_to: int | None = None
    where: Callable[[Kind, str], str] = _named
    """Says where a thing is written."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What an apply would do, and what it was thought over with."""

    difference: Difference
    planned_anew: tuple[str, ...]
    """Schedules that stay as they are, but use a calendar that changes."""
    paused: tuple[str, ...]
    """Schedules and triggers that somebody has paused; they stay so."""
    warnings: tuple[str, ...]
    held: Held
    ops: tuple[Op, ...]

    @property
    def changes(self) -> tuple[Change, ...]:
        """Return what changes."""
        return self.difference.changes

    def to_json(self, namespace: str) -> dict[str, Any]:
        """Return the shape of `plan --json` and `diff --json`."""
        return {
            "namespace": namespace,
            "revision": self.held.last.number if self.held.last else None,
            "changes": [change.to_json() for change in self.changes],
            "planned_anew": list(self.planned_anew),
            "besides": [{"kind": kind, "name": name} for kind, name in self.difference.besides],
            "paused": list(self.paused),
            "warnings": list(self.warnings),
        }


def propose(keys: Keys, aim: Aim) -> Flow[Proposal]:
    """Compare what there is with what is to be; a `DefinitionError` tells what cannot be."""
    there = yield from read(held(keys))
    wanted = aim.definitions
    expendable = {"nothing": Definitions(), "defined": there.managed, "all": there.definitions}[aim.prune]
    gone = to_delete(wanted, there.definitions, expendable)
    compared = yield from _compare(keys, wanted, there.definitions, gone, aim.plans)
    ops, planned_anew = operations(compared, wanted, there, aim.where)
    told = yield from _warnings(keys, wanted, there, gone, aim.plans)
    paused = tuple(sorted(own for own, record in there.records.items() if record.paused_ms is not None))
    return Proposal(compared, tuple(planned_anew), paused, tuple(told), there, tuple(ops))


def drift(keys: Keys) -> Flow[Proposal]:
    """Compare what the latest revision has made with what there is now; `NotFound` if there is no revision."""
    there = yield from read(held(keys))
    if there.last is None:
        raise NotFound("nothing was applied yet", remedy="orchestrator workflows apply makes the first revision")
    then, now = there.managed, there.definitions
    wanted = Definitions(
        **{f"{kind}s": {name: now.of(kind)[name] for name in then.of(kind) if name in now.of(kind)} for kind in KINDS}
    )
    gone = {each for each in then.names() if each[1] not in wanted.of(each[0])}
    compared = yield from _compare(keys, wanted, then, gone, {})
    besides = tuple(each for each in now.names() if each[1] not in then.of(each[0]))
    paused = tuple(sorted(own for own, record in there.records.items() if record.paused_ms is not None))
    return Proposal(Difference(compared.changes, besides), (), paused, (), there, ())


def _compare(
    keys: Keys, wanted: Definitions, there: Definitions, gone: set[tuple[Kind, str]], plans: Mapping[str, Plan]
) -> Flow[Difference]:
    documents: dict[str, dict[str, Any]] = {}
    for digest in sorted(changed_plans(wanted, there, gone)):
        plan = plans.get(digest) or (yield from flows.plan_of(keys, digest))
        documents[digest] = to_document(decompile(plan))
    versions: dict[str, dict[str, int]] = {}
    for name in {document["name"] for document in documents.values()}:
        info = yield from read(reads.workflow(keys, name))
        versions[name] = {digest: number for number, digest in info.versions.items()} if info else {}
    return difference(wanted, there, gone, documents.__getitem__, versions)


def _warnings(
    keys: Keys, wanted: Definitions, there: Held, gone: set[tuple[Kind, str]], plans: Mapping[str, Plan]
) -> Flow[Iterator[str]]:
    after = there.definitions.updated(wanted, gone)
    schedules, triggers = read_starts(wanted)
    chained = {own: each for own, each in after.triggers.items() if "run" in each or "datasets" in each}
    around = Surroundings("in this namespace", set(after.calendars), set(after.workflows))
    around.triggers = read_starts(Definitions(triggers=chained))[1]
    if any(trigger.datasets for trigger in around.triggers.values()):
        # Any workflow may produce a dataset that these triggers name; only one with triggers can be in a circle.
        named = any(trigger.datasets for trigger in triggers.values())
        for name in after.workflows if named else {workflow_of(own) for own in chained} & after.workflows.keys():
            around.produces[name] = tuple((yield from _head(keys, after.workflows[name], plans)).get("produces", ()))
    schemas = {}
    for name, digest in wanted.workflows.items():
        if there.definitions.workflows.get(name, digest) != digest:
            schemas[name] = (yield from _head(keys, digest, plans)).get("params")
    stay = Definitions(
        schedules={own: each for own, each in after.schedules.items() if own not in wanted.schedules},
        triggers={own: each for own, each in after.triggers.items() if own not in wanted.triggers},
    )
    return iter([*warnings(schedules, triggers, around), *misfits(stay, schemas)])


def _head(keys: Keys, digest: str, plans: Mapping[str, Plan]) -> Flow[dict[str, Any]]:
    if digest in plans:
        head: dict[str, Any] = json.loads(plans[digest].head)
        return head
    found = yield from read(reads.plan_head(keys, digest))
    return json.loads(found[0]) if found else {}


def apply(keys: Keys, aim: Aim, seen: Proposal, note: Note) -> Flow[int]:
    """Make what was proposed, and return the number of its revision; 0 if others have made it so meanwhile.

    `Conflict` if others have changed something so that it would now be another change than the one that was seen.
    """
    if not seen.changes:
        return 0
    now, stale = seen, False
    for _ in range(TRIES):
        if stale or (yield from read(starters.clock(keys))) - now.held.clock_ms > FRESH_MS:
            now = yield from propose(keys, aim)
            if not now.changes:
                return 0
            if now.changes != seen.changes:
                what = "somebody has changed definitions meanwhile, and this would now be another change"
                raise Conflict(what, remedy="look at the plan again")
        for name, digest in aim.definitions.workflows.items():
            if now.held.definitions.workflows.get(name) != digest and digest in aim.plans:
                yield from upload(keys, aim.plans[digest])
        applied = yield from transit(Apply(now.held.edits, pack(now.ops), _revision(aim, now, note).pack()))
        match applied:
            case Applied(_, number):
                return number
            case Changed() | StaleEdit() | NotUploaded():
                stale = True
            case _:
                assert_never(applied)
    raise Conflict("definitions are being changed all the time by others", remedy="try it again")


def _revision(aim: Aim, seen: Proposal, note: Note) -> Revision:
    definitions = seen.held.managed.updated(aim.definitions, seen.difference.deleted)
    tool = version("celery-orchestrator")
    return Revision(0, seen.held.clock_ms, note, tool, len(seen.changes), definitions, aim.back_to)


def history(keys: Keys, limit: int) -> Flow[list[Revision]]:
    """Read the latest revisions, the newest first."""
    number = yield from read(revisions.latest(keys))
    found = yield from read(revisions.several(keys, range(max(1, number - limit + 1), number + 1)))
    return [unpack(each, found[each]) for each in sorted(found, reverse=True)]


def back_to(keys: Keys, number: int) -> Flow[Aim]:
    """Return the aim to hold again what files had defined at a revision, and nothing that they defined since."""
    found = yield from read(revisions.several(keys, range(number, number + 1)))
    if number not in found:
        latest = yield from read(revisions.latest(keys))
        remedy = f"the latest is {latest}, and 200 are kept" if latest else "nothing was applied yet"
        raise NotFound(f"there is no revision {number}", remedy=remedy)
    return Aim(unpack(number, found[number]).definitions, prune="defined", back_to=number)
