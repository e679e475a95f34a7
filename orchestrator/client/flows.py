"""What a client does, without I/O: each operation is a generator of steps, driven by `sync` or `asyncio`.

A step is a function of a port; what it returns (or, in asyncio, what is awaited) is sent back in. So the logic stands
here once, and the two forms differ only in their port and in six lines of driver.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, assert_never

from orchestrator.model.errors import Conflict, DefinitionError, NotFound, ParameterError, RunFailed, WaitTimeout
from orchestrator.model.ids import is_run_id, new_run_id
from orchestrator.model.run import JobRun, RunInfo, WorkflowInfo
from orchestrator.model.states import PriorityClass, RunState
from orchestrator.plan import values
from orchestrator.plan.params import bind_schema
from orchestrator.plan.plan import Plan
from orchestrator.state import reads
from orchestrator.state.keys import Keys
from orchestrator.state.reads.base import Command, Read
from orchestrator.state.transitions.base import Transition
from orchestrator.state.transitions.replies import Missing, NoPlan
from orchestrator.state.transitions.runs import Advance, Cancel, Created, CreateRun, Ended, Exists, KeyConflict, Marked
from orchestrator.state.transitions.values import Permits
from orchestrator.state.transitions.workflows import Stored

if TYPE_CHECKING:
    from orchestrator.dsl.builder import Workflow
    from orchestrator.model.workflow import WorkflowDefinition
    from orchestrator.plan.compile import RouteOf

T = TypeVar("T")

FIRST_POLL_S, LAST_POLL_S = 0.005, 0.1
"""The pauses of `wait`: short at first, so that a short run is seen to end at once."""
SLICES = 4
"""How much of a new run's `todo` its submitter carries out; workers and schedulers do the rest."""
MAX_KEY = 200
"""Characters that an idempotency key may have."""


class StorePort(Protocol):
    """The store, as a step sees it: in asyncio each call gives an awaitable."""

    def run(self, transition: Transition[T], /) -> T: ...  # noqa: D102
    def read(self, read: Read[T], /) -> T: ...  # noqa: D102
    def put_plan(self, plan: Plan, /) -> Stored: ...  # noqa: D102
    def pipeline(self, commands: Sequence[Command], /) -> list[Any]: ...  # noqa: D102


class Port(Protocol):
    """What steps act on."""

    @property
    def store(self) -> StorePort:
        """The state's Redis."""
        ...

    def ring(self, rings: Sequence[Permits], /) -> None:
        """Publish permits."""

    def sleep(self, seconds: float, /) -> None:
        """Wait."""


Step = Callable[[Any], Any]
Flow = Generator[Step, Any, T]


def ask(step: Callable[[Port], T]) -> Flow[T]:
    """Make one step; its type is that of the sync form."""
    result: T = yield step
    return result


def transit(transition: Transition[T]) -> Flow[T]:
    """Make a transition."""
    return ask(lambda port: port.store.run(transition))


def read(request: Read[T]) -> Flow[T]:
    """Read from the store."""
    return ask(lambda port: port.store.read(request))


def ring(rings: Sequence[Permits]) -> Flow[None]:
    """Publish permits."""
    return ask(lambda port: port.ring(rings))


def sleep(seconds: float) -> Flow[None]:
    """Wait."""
    return ask(lambda port: port.sleep(seconds))


@dataclass(frozen=True, slots=True)
class Order:
    """A run to create, checked: nothing of it is stored yet."""

    plan: str
    params: bytes
    cls: int
    key: str
    request: str
    content: Plan | None = None
    """The plan itself, where the store may not have it."""
    facts: bytes = b""
    """What is known of its origin, as JSON."""


# -- submit -------------------------------------------------------------------------------------------------------


def order(
    flow: Workflow,
    params: Mapping[str, Any],
    priority: str | None,
    key: str | None,
    route_of: RouteOf | None,
) -> Order:
    """Check a workflow and a run's parameters, and compile."""
    bound = flow.bind(params)
    plan = flow.compile(route_of)
    return _order(flow.name, plan.digest, bound, plan.priority, priority, key, plan)


def order_by_name(
    keys: Keys, name: str, params: Mapping[str, Any], priority: str | None, key: str | None
) -> Flow[Order]:
    """Check a run's parameters against a stored workflow's current version."""
    digest, head, cls = yield from current(keys, name)
    return _order(name, digest, bind_schema(head.get("params"), params, name), cls, priority, key, None)


def schema(keys: Keys, name: str) -> Flow[dict[str, Any] | None]:
    """Read the JSON Schema of a stored workflow's parameters."""
    _, head, _ = yield from current(keys, name)
    return head.get("params")


def current(keys: Keys, name: str) -> Flow[tuple[str, dict[str, Any], int]]:
    """Read of a workflow's current version the plan's digest, its head and its class."""
    info = yield from workflow_info(keys, name)
    digest = info.versions[info.latest]
    found = yield from read(reads.plan_head(keys, digest))
    if found is None:
        raise NotFound(f"the plan of workflow {name!r} is not stored", remedy="submit its definition once more")
    head, cls, _ = found
    return digest, json.loads(head), cls


def _order(
    name: str, digest: str, params: bytes, cls: int, priority: str | None, key: str | None, plan: Plan | None
) -> Order:
    if priority is not None:
        if priority not in PriorityClass.__members__:
            remedy = f"it is one of {', '.join(PriorityClass.__members__)}"
            raise ParameterError(f"{priority!r} is not a priority", remedy=remedy)
        cls = PriorityClass[priority]
    if key is not None and not 0 < len(key) <= MAX_KEY:
        raise ParameterError(f"an idempotency key has 1 to {MAX_KEY} characters, not {len(key)}")
    request = hashlib.sha256(name.encode() + b"\0" + params).hexdigest()[:32] if key else ""
    return Order(digest, params, int(cls), key or "", request, plan)


def submit(order: Order) -> Flow[str]:
    """Create the run, and return its id; the same idempotency key again returns the same run."""
    create = CreateRun(new_run_id(), order.plan, order.params, order.cls, order.key, order.request, order.facts)
    made = yield from transit(create)
    content = order.content
    if isinstance(made, NoPlan) and content is not None:
        yield from ask(lambda port: port.store.put_plan(content))
        made = yield from transit(create)
    match made:
        case Created(rings, todo):
            yield from ring(rings)
            if todo:
                yield from _advance(create.run_id)
            return create.run_id
        case Exists(run):
            return run
        case KeyConflict(run):
            raise Conflict(
                f"the idempotency key {order.key!r} belongs to run {run}, with another workflow or other parameters",
                remedy="use a new key for another request",
            )
        case NoPlan():
            raise NotFound("the workflow's plan is not stored", remedy="submit its definition once more")
        case _:
            assert_never(made)


def _advance(run_id: str) -> Flow[None]:
    for _ in range(SLICES):
        advanced = yield from transit(Advance(run_id))
        if isinstance(advanced, Missing):
            return
        yield from ring(advanced.permits)
        if not advanced.more:
            return


# -- runs ---------------------------------------------------------------------------------------------------------


def run_info(keys: Keys, run_id: str) -> Flow[RunInfo]:
    """Read a run; `NotFound` where there is none."""
    info = None
    if is_run_id(run_id):
        info = yield from read(reads.run(keys, run_id))
    if info is None:
        raise NotFound(f"there is no run {run_id!r}", remedy="orchestrator runs list shows them")
    return info


def wait(keys: Keys, run_id: str, timeout: float | None, raise_on_failure: bool) -> Flow[RunInfo]:
    """Read a run until it is over."""
    deadline = None if timeout is None else time.monotonic() + timeout
    pause = FIRST_POLL_S
    while True:
        info = yield from run_info(keys, run_id)
        if info.state.final:
            break
        left = LAST_POLL_S if deadline is None else deadline - time.monotonic()
        if left <= 0:
            raise WaitTimeout(f"run {run_id} is still {info.state.name} after {timeout:g} s")
        yield from sleep(min(pause, left))
        pause = min(pause * 1.3, LAST_POLL_S)
    if raise_on_failure and info.state is not RunState.succeeded:
        raise (yield from failure(keys, info))
    return info


def failure(keys: Keys, info: RunInfo) -> Flow[RunFailed]:
    """Say in one line why a run did not succeed."""
    told = f"run {info.id} of {info.workflow} {_ENDS.get(info.state, info.state.name)}"
    if info.why:
        return RunFailed(f"{told}: {info.why}")
    jobs = yield from read(reads.jobs(keys, info.id))
    bad = next((job for job in jobs if job.error and job.state.final), None)
    if bad is not None and bad.error is not None:
        kind = str(bad.error.get("type", "error")).rpartition(".")[2]
        told += f": job {bad.name}: {kind}: {' '.join(str(bad.error.get('message', '')).split())}"
    return RunFailed(told)


_ENDS = {RunState.cancelled: "was cancelled", RunState.timed_out: "ran out of time"}


def job_runs(keys: Keys, run_id: str) -> Flow[list[JobRun]]:
    """Read every job of a run."""
    yield from run_info(keys, run_id)
    return (yield from read(reads.jobs(keys, run_id)))


def output(keys: Keys, run_id: str, job: str) -> Flow[Any]:
    """Read what a job returned, None where it returned nothing or is not over."""
    jobs = yield from job_runs(keys, run_id)
    index = next((each.index for each in jobs if each.name == job), None)
    if index is None:
        raise NotFound(f"run {run_id} has no job {job!r}")
    found = yield from read(reads.outputs(keys, run_id, [index]))
    return values.decode(found.get(index, b""))


def cancel(keys: Keys, run_id: str, who: str, why: str) -> Flow[RunInfo]:
    """Wish a run's end, and return the run as it then stands. A run that is over stays as it is."""
    yield from run_info(keys, run_id)
    marked = yield from transit(Cancel(run_id, who, why))
    match marked:
        case Marked(todo):
            if todo:
                yield from _advance(run_id)
        case Ended() | Missing():
            pass
        case _:
            assert_never(marked)
    return (yield from run_info(keys, run_id))


def plan_of(keys: Keys, digest: str) -> Flow[Plan]:
    """Read a plan."""
    plan = yield from read(reads.plan(keys, digest))
    if plan is None:
        raise NotFound(f"there is no plan {digest}")
    return plan


# -- workflows ----------------------------------------------------------------------------------------------------


def workflow_info(keys: Keys, name: str) -> Flow[WorkflowInfo]:
    """Read a workflow's versions; `NotFound`, with the names there are, where there is none."""
    info = yield from read(reads.workflow(keys, name))
    if info is None:
        names = yield from read(reads.workflows(keys))
        raise NotFound(f"there is no workflow {name!r}", remedy=there_are(name, names))
    return info


def definition(keys: Keys, name: str, version: int | None) -> Flow[WorkflowDefinition]:
    """Read a workflow's definition back from its plan."""
    from orchestrator.plan.decompile import decompile

    info = yield from workflow_info(keys, name)
    digest = info.versions.get(info.latest if version is None else version)
    if digest is None:
        raise NotFound(f"workflow {name!r} has no version {version}", remedy=f"the latest is {info.latest}")
    return decompile((yield from plan_of(keys, digest)))


def there_are(name: str, names: Sequence[str]) -> str:
    """Say what there is, for whoever asked for a name that is not among it."""
    from difflib import get_close_matches

    near = get_close_matches(name, names) or list(names[:8])
    return f"there {'is' if len(near) == 1 else 'are'} {', '.join(near)}" if near else "none is stored yet"


def as_workflow(given: Workflow | WorkflowDefinition) -> Workflow:
    """Return a workflow, whatever form it was given in."""
    from orchestrator.dsl.builder import Workflow
    from orchestrator.model.workflow import WorkflowDefinition

    if isinstance(given, Workflow):
        return given
    if isinstance(given, WorkflowDefinition):
        return Workflow.from_definition(given)
    raise DefinitionError(
        f"a {type(given).__name__} is not a workflow", remedy="give a Workflow, or a stored one's name"
    )
