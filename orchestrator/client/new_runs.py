"""New runs: a workflow and its parameters are checked and compiled, then the run is created."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, assert_never

from orchestrator.client.lookup import as_workflow, head_of
from orchestrator.client.run import RunSteps
from orchestrator.client.session import Noun, Session
from orchestrator.client.steps import Steps, ask, change, publish
from orchestrator.client.todo import advance
from orchestrator.model.errors import Conflict, NotFound, ParameterError
from orchestrator.model.ids import new_run_id
from orchestrator.model.states import PriorityClass
from orchestrator.plan.plan import Plan
from orchestrator.state.transitions.replies import NoPlan
from orchestrator.state.transitions.runs import Created, CreateRun, Exists, KeyConflict

if TYPE_CHECKING:
    from orchestrator.client.session import AnyWorkflow
    from orchestrator.dispatch.publishers import Apps

MAX_KEY = 200
"""Characters that an idempotency key may have."""

MOST_UPLOADS = 3
"""How often a plan is stored for a run: it may go with its last other run between the two."""


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run that is checked but not stored yet."""

    plan: str
    params: bytes
    priority: int
    key: str = ""
    """The idempotency key, or empty."""
    request: str = ""
    """Tells requests with the same key apart: a digest of the workflow's name and the parameters."""
    content: Plan | None = None
    """The plan itself, if the store may not have it."""
    facts: bytes = b""
    """Says what started the run, as JSON."""
    apps: Apps = field(default_factory=dict)
    """By route the Celery app whose broker wakes the workers: that of the workflow's signatures."""


class ClientSteps(Noun):
    """Submits workflows; everything else is `client.<noun>.<verb>`.

    `app` is the user's Celery app, if there is one: it routes tasks that are known by their names only, and its broker
    carries the messages.
    """

    def submit(
        self,
        workflow: AnyWorkflow,
        params: Mapping[str, Any] | None = None,
        *,
        priority: str | None = None,
        idempotency_key: str | None = None,
        **more: Any,
    ) -> Steps[RunSteps]:
        """Start a run of a workflow, or of a stored workflow by its name.

        Parameters are a mapping, keywords, or both. They are checked before anything is stored. The same
        `idempotency_key` again returns the same run.

        Raises:
            DefinitionError: the workflow cannot be run.
            ParameterError: the parameters, the priority or the key do not fit.
            NotFound: there is no workflow of that name.
            Conflict: the key belongs to a run of another workflow, or with other parameters.
        """
        values = {**(params or {}), **more}
        plan, apps = None, {}
        if isinstance(workflow, str):
            head = yield from head_of(self.keys, workflow)
            name, digest, bound, default = workflow, head.plan, head.bind(values), head.priority
        else:
            given = as_workflow(workflow)
            bound = given.bind(values)
            plan = given.compile(self.session.route_of)
            name, digest, default, apps = given.name, plan.digest, plan.priority, given.apps
        chosen = _priority(priority, default)
        key, request = _idempotency(idempotency_key, name, bound)
        run_id = yield from create(self.session, NewRun(digest, bound, chosen, key, request, plan, apps=apps))
        return RunSteps(self.session, run_id)


def create(session: Session, run: NewRun) -> Steps[str]:
    """Create the run, and return its id. The same idempotency key again returns the id of the same run.

    Raises:
        Conflict: the key belongs to another request.
        NotFound: the plan is not stored.
    """
    transition = CreateRun(new_run_id(), run.plan, run.params, run.priority, run.key, run.request, run.facts)
    made = yield from change(session, transition)
    content = run.content
    for _ in range(MOST_UPLOADS):
        if not isinstance(made, NoPlan) or content is None:
            break
        yield from ask(lambda port: port.store.put_plan(content))
        made = yield from change(session, transition)
    match made:
        case Created(permits, todo):
            yield from publish(permits, run.apps)
            if todo:
                yield from advance(session, transition.run_id, run.apps)
            return transition.run_id
        case Exists(run_id):
            return run_id
        case KeyConflict(run_id):
            raise Conflict(
                f"the idempotency key {run.key!r} belongs to run {run_id}, with another workflow or other parameters",
                remedy="use a new key for another request",
            )
        case NoPlan():
            raise NotFound("the workflow's plan is not stored", remedy="submit its definition once more")
        case _:
            assert_never(made)


def _priority(name: str | None, default: int) -> int:
    if name is None:
        return int(default)
    if name not in PriorityClass.__members__:
        raise ParameterError(
            f"{name!r} is not a priority", remedy=f"it is one of {', '.join(PriorityClass.__members__)}"
        )
    return int(PriorityClass[name])


def _idempotency(key: str | None, name: str, params: bytes) -> tuple[str, str]:
    """Return the key and the digest of the request, both empty without a key."""
    if key is not None and not 0 < len(key) <= MAX_KEY:
        raise ParameterError(f"an idempotency key has 1 to {MAX_KEY} characters, not {len(key)}")
    return key or "", hashlib.sha256(name.encode() + b"\0" + params).hexdigest()[:32] if key else ""
