"""Edits of definitions: everything that an edit depends on is read, then the edit is made in one transition.

If somebody else edits in between, or a scheduler starts a planned time, everything is read again. So a schedule never
names a calendar that has just been deleted, and no planned time is planned twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, assert_never

from orchestrator.client.lookup import as_workflow, head_of
from orchestrator.client.session import Session
from orchestrator.client.steps import Steps, ask, change, read
from orchestrator.model.errors import Conflict, NotFound
from orchestrator.plan.plan import Plan
from orchestrator.state.keys import Keys
from orchestrator.state.layouts.change_ops import Op, pack, put_workflow
from orchestrator.state.layouts.plans import upload_commands
from orchestrator.state.reads import starters
from orchestrator.state.transitions.definitions import Applied, Apply, Changed, NotUploaded, StaleEdit

if TYPE_CHECKING:
    from orchestrator.client.session import AnyWorkflow

T = TypeVar("T")
Thought = tuple[Sequence[Op], T]
"""The ops of an edit, and the result of the edit if they are made."""

MOST_TRIES = 100
"""How often an edit is tried. Each failure means that somebody else's edit was made, so the number is high."""


@dataclass(frozen=True, slots=True)
class Target:
    """The workflow whose starters are edited: a stored one, or one that is stored by the same edit."""

    name: str
    schema: Mapping[str, Any] | None
    ops: tuple[Op, ...] = ()
    """The op that makes its plan the current version and registers it; none if it is both already."""


def edit(session: Session, think: Callable[[], Steps[Thought[T]]]) -> Steps[T]:
    """Make the edit that `think` returns, and return its result. Without ops there is nothing to make.

    `think` is called again if somebody else has edited in between.

    Raises:
        Conflict: others edit all the time.
        NotFound: the plan of a workflow is not stored.
    """
    for _ in range(MOST_TRIES):
        seen = yield from read(starters.edits(session.keys))
        ops, result = yield from think()
        if not ops:
            return result
        applied = yield from change(session, Apply(seen, pack(ops)))
        match applied:
            case Applied():
                return result
            case Changed() | StaleEdit():
                continue
            case NotUploaded(workflow):
                raise NotFound(f"the plan of workflow {workflow!r} is not stored", remedy="try it again")
            case _:
                assert_never(applied)
    raise Conflict("definitions are being changed all the time by others", remedy="try it again")


def upload(keys: Keys, plan: Plan) -> Steps[None]:
    """Store a plan, unless it is there. Only an edit makes it the current version of its workflow."""
    (known,) = yield from ask(lambda port: port.store.pipeline([("HGET", keys.plan(plan.digest), "n")]))
    if known is None:
        for batch in upload_commands(keys, plan):
            yield from ask(lambda port, batch=batch: port.store.pipeline(batch))  # type: ignore[misc]


def target_of(session: Session, workflow: AnyWorkflow) -> Steps[Target]:
    """Return the target of an edit. The plan of a `Workflow` or a definition is stored; a name must be known.

    Raises:
        DefinitionError: the workflow cannot be run.
        NotFound: there is no workflow of that name.
    """
    keys = session.keys
    if isinstance(workflow, str):
        return Target(workflow, (yield from head_of(keys, workflow)).head.get("params"))
    given = as_workflow(workflow)
    plan = given.compile(session.route_of)
    current = yield from read(starters.current_plans(keys, [plan.workflow]))
    ops: tuple[Op, ...] = ()
    if current.get(plan.workflow) != plan.digest or not (yield from _is_registered(keys, plan)):
        yield from upload(keys, plan)
        ops = (put_workflow(plan.workflow, plan.digest),)
    return Target(plan.workflow, given.definition(session.route_of).params, ops)


def _is_registered(keys: Keys, plan: Plan) -> Steps[bool]:
    """Tell whether a plan stays without runs. One that was only submitted goes with the last of them."""
    (known,) = yield from ask(lambda port: port.store.pipeline([("HGET", keys.plan(plan.digest), "registered")]))
    return known is not None
