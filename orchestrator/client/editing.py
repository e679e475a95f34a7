"""Changes of definitions, without I/O: thought over with all that they depend on in view, and applied as one.

Whatever anybody else changes meanwhile (or a scheduler starts) makes it think again: so a schedule never comes to name
a calendar that has just gone, and no planned time is planned twice.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar, assert_never

from orchestrator.client import flows
from orchestrator.client.flows import Flow, ask, read, transit
from orchestrator.model.errors import Conflict, NotFound
from orchestrator.plan.plan import Plan
from orchestrator.scheduling.records import planned_anew, trigger_record
from orchestrator.starters.fitting import fitting
from orchestrator.starters.schedule import Schedule
from orchestrator.starters.trigger import Trigger
from orchestrator.state import reads
from orchestrator.state.keys import Keys
from orchestrator.state.layouts.change_ops import Op, Starter, drop_starter, pack, put_starter, put_workflow, watch
from orchestrator.state.layouts.plans import upload_commands
from orchestrator.state.reads import starters
from orchestrator.state.reads.starters import StarterRecord
from orchestrator.state.transitions.definitions import Applied, Apply, Changed, NotUploaded, StaleEdit
from orchestrator.state.transitions.workflows import Stored
from orchestrator.timing.calendars import Calendar

if TYPE_CHECKING:
    from orchestrator.client.base import AnyWorkflow
    from orchestrator.plan.compile import RouteOf

T = TypeVar("T")

MOST_TRIES = 100
"""How often a change is thought over anew: each time somebody else has come through, so that this is much."""
CODE = "code"
"""Who manages what is kept by whoever registers a workflow."""


@dataclass(frozen=True, slots=True)
class Target:
    """The workflow whose starters are changed: a stored one, or one to be stored in the same change."""

    name: str
    schema: Mapping[str, Any] | None
    ops: tuple[Op, ...] = ()
    """What makes its plan the current one, where it is not."""


def edit(keys: Keys, think: Callable[[], Flow[tuple[Sequence[Op], T]]]) -> Flow[T]:
    """Make the change that `think` comes to, and return what it says; `think` may be asked again. No ops, no change."""
    for _ in range(MOST_TRIES):
        seen = yield from read(starters.edits(keys))
        ops, said = yield from think()
        if not ops:
            return said
        applied = yield from transit(Apply(seen, pack(ops)))
        match applied:
            case Applied():
                return said
            case Changed() | StaleEdit():
                continue
            case NotUploaded(workflow):
                raise NotFound(f"the plan of workflow {workflow!r} is not stored", remedy="try it again")
            case _:
                assert_never(applied)
    raise Conflict("definitions are being changed all the time by others", remedy="try it again")


def upload(keys: Keys, plan: Plan) -> Flow[None]:
    """Store a plan without making it current: that is up to the change."""
    (known,) = yield from ask(lambda port: port.store.pipeline([("HGET", keys.plan(plan.digest), "n")]))
    if known is None:
        for batch in upload_commands(keys, plan):
            yield from ask(lambda port, batch=batch: port.store.pipeline(batch))  # type: ignore[misc]


def target(keys: Keys, workflow: AnyWorkflow, route_of: RouteOf | None) -> Flow[Target]:
    """Look at the workflow; `NotFound` where only a name was given and nothing is stored under it."""
    if isinstance(workflow, str):
        return Target(workflow, (yield from flows.schema(keys, workflow)))
    flow = flows.as_workflow(workflow)
    plan = flow.compile(route_of)
    current = yield from read(starters.current_plans(keys, [plan.workflow]))
    ops: tuple[Op, ...] = ()
    if current.get(plan.workflow) != plan.digest:
        yield from upload(keys, plan)
        ops = (put_workflow(plan.workflow, plan.digest),)
    return Target(plan.workflow, flow.definition(route_of).params, ops)


def calendars(keys: Keys) -> Flow[dict[str, Calendar]]:
    """Read the stored calendars."""
    documents = yield from read(starters.calendars(keys))
    return {name: Calendar(**document) for name, document in documents.items()}


def starter(keys: Keys, kind: str, own: str) -> Flow[StarterRecord]:
    """Read a schedule, trigger or backfill; `NotFound`, with the names there are, where there is none."""
    record = yield from read(starters.one(keys, own))
    if record is None or record.kind != kind:
        names = yield from read(starters.ids(keys, kind))
        raise NotFound(f"there is no {kind} {own!r}", remedy=flows.there_are(own, names))
    return record


def all_of(keys: Keys, kind: str, workflow: str | None = None) -> Flow[list[StarterRecord]]:
    """Read all schedules, triggers or backfills, or those of a workflow."""
    names = yield from read(starters.ids(keys, kind))
    if workflow is not None:
        names = [name for name in names if name.partition("/")[0] == workflow]
    return (yield from read(starters.several(keys, names)))


def check_seen(kind: str, own: str, record: StarterRecord | None, generation: int | None) -> None:
    """Refuse an edit by who has seen another generation (0: none), and of a name that is taken."""
    if record is not None and record.kind != kind:
        raise Conflict(f"{own} is a {record.kind}", remedy=f"give the {kind} another name")
    stands = record.generation if record else 0
    if generation is not None and generation != stands:
        what = f"{own} was changed meanwhile: it is at generation {stands}, not {generation}"
        raise Conflict(what, remedy="look at it again, and repeat the change")


def schedule_starter(
    workflow: Target, schedule: Schedule, record: StarterRecord | None, known: Mapping[str, Calendar], now: int
) -> Starter:
    """Return what is to be stored of a schedule, of which `record` is what stands now.

    It is planned from now on; a planned time that has come but is not started yet stays if it still is one.
    """
    missing = sorted(schedule.calendars() - known.keys())
    if missing:
        where = f"schedule {workflow.name}/{schedule.name}"
        raise NotFound(
            f"there is no calendar {missing[0]!r}", where=where, remedy=flows.there_are(missing[0], [*known])
        )
    fitting(schedule, {}, workflow.name, workflow.schema)
    return planned_anew(workflow.name, schedule, record, known, now)


def trigger_ops(workflow: Target, trigger: Trigger, record: StarterRecord | None, managed_by: str) -> list[Op]:
    """Return what stores a trigger; a webhook keeps the token that it has, a new one gets one that nobody guesses."""
    fitting(trigger, {}, workflow.name, workflow.schema)
    made = trigger_record(workflow.name, trigger, token=(record.token if record else "") or secrets.token_hex(16))
    watched = [watch(name) for name in trigger.run.workflow] if trigger.run else []
    return [*watched, put_starter(replace(made, managed_by=managed_by), record.seen if record else "0")]


def drop_ops(keys: Keys, record: StarterRecord) -> Flow[list[Op]]:
    """Return what deletes a trigger, or a schedule with its backfills."""
    backfills: list[str] = []
    if record.kind == "schedule":
        names = yield from read(starters.ids(keys, "backfill"))
        backfills = [name for name in names if name.rpartition("~")[0] == record.id]
    return [*map(drop_starter, backfills), drop_starter(record.id, str(record.generation))]


def register(keys: Keys, workflow: Any, route_of: RouteOf | None) -> Flow[Stored]:
    """Store a workflow with its schedules and triggers. See `Client.register`."""
    flow = flows.as_workflow(workflow)
    plan = flow.compile(route_of)

    def think() -> Flow[tuple[Sequence[Op], Stored]]:
        aim = yield from target(keys, flow, route_of)
        known = yield from calendars(keys)
        now = yield from read(starters.clock(keys))
        ops: list[Op] = list(aim.ops)
        for kind, wanted in (("schedule", flow.schedules), ("trigger", flow.triggers)):
            there = {record.id: record for record in (yield from all_of(keys, kind, aim.name))}
            for name, start in wanted.items():
                record = there.pop(f"{aim.name}/{name}", None)
                if record is None:
                    other = yield from read(starters.one(keys, f"{aim.name}/{name}"))
                    check_seen(kind, f"{aim.name}/{name}", other, None)
                if isinstance(start, Trigger):
                    new = trigger_ops(aim, start, record, CODE)
                else:
                    made = replace(schedule_starter(aim, start, record, known, now), managed_by=CODE)
                    new = [put_starter(made, record.seen if record else "0")]
                if record is None or record.managed_by != CODE or not _says(record, new[-1]):
                    ops += new
            for record in there.values():
                if record.managed_by == CODE:
                    ops += yield from drop_ops(keys, record)
        info = yield from read(reads.workflow(keys, aim.name))
        versions = {digest: number for number, digest in (info.versions if info else {}).items()}
        return ops, Stored(versions.get(plan.digest, 0), plan.digest not in versions)

    stored = yield from edit(keys, think)
    if stored.version:
        return stored
    info = yield from flows.workflow_info(keys, plan.workflow)
    return Stored(next(number for number, digest in info.versions.items() if digest == plan.digest), True)


def _says(record: StarterRecord, op: Op) -> bool:
    """Tell whether a starter's record has the definition that the op would put."""
    fields = dict(zip(op[3::2], op[4::2], strict=True))
    return fields["spec"] == record.spec
