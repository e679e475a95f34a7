"""One attempt: find the task, put in the arguments, run it through Celery's own tracer, see how it ended.

To the task and to everything that watches tasks (signals, hooks, `self.request`, Sentry, Flower) it is an ordinary
Celery task under its own name, with the attempt's reference as its id and its result ignored.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from billiard.common import terminate_handler_fired  # type: ignore[attr-defined]
from celery import Celery
from celery.app.trace import build_tracer
from celery.utils.saferepr import saferepr

from orchestrator.model.errors import NotFound, OrchestratorError
from orchestrator.model.ids import AttemptRef
from orchestrator.model.run import RunInfo
from orchestrator.runtime import capture, outcomes
from orchestrator.runtime.context import Attempt, running
from orchestrator.runtime.guards import guard
from orchestrator.runtime.job import JobSpec, arguments, read_spec
from orchestrator.runtime.outcomes import UNKNOWN_MS, Outcome
from orchestrator.runtime.resources import Resources
from orchestrator.runtime.slots import Slot
from orchestrator.state import reads
from orchestrator.state.transitions.values import Claimed

logger = logging.getLogger(__name__)

_REPR = 1024


def run_attempt(resources: Resources, slot: Slot, claimed: Claimed, queue: str) -> Outcome:
    """Run an attempt to its end, whatever that is. Only a process that is being ended raises."""
    spec = read_spec(claimed.spec)
    task = resources.app.tasks.get(spec.task)
    if task is None:
        logger.error("attempt %s: this worker knows no task %r", claimed.ref, spec.task)
        described = capture.plain_error("NotRegistered", f"no node knows the task {spec.task!r}")
        return Outcome("unknown", capture.encode(described), UNKNOWN_MS, described)
    watched = resources.table.events
    try:
        args, kwargs = _arguments(resources, claimed, spec)
    except OrchestratorError as error:
        outcome = outcomes.failure(capture.error(error, with_traceback=False), spec, claimed.retries)
        if watched:
            resources.events.send("task-received", claimed.ref, name=spec.task, args="", kwargs="")
            _tell_end(resources, claimed, spec, outcome)
        return outcome
    request = _request(resources, claimed, spec, task, queue)
    if watched:
        request["argsrepr"], request["kwargsrepr"] = saferepr(args, _REPR), saferepr(kwargs, _REPR)
        _tell_start(resources, claimed, spec, request)
    guard(task)
    outcome = _trace(resources, slot, claimed, spec, task, (args, kwargs), request)
    if watched:
        _tell_end(resources, claimed, spec, outcome)
    return outcome


def _arguments(resources: Resources, claimed: Claimed, spec: JobSpec) -> tuple[list[Any], dict[str, Any]]:
    inputs = claimed.inputs
    if inputs is None:
        run = AttemptRef.parse(claimed.ref).run
        inputs = resources.patiently(
            lambda: resources.store.read(reads.outputs(resources.store.keys, run, spec.inputs))
        )
    facts = _run_of(resources, claimed)().known() if spec.uses_run else None
    return arguments(spec, claimed.params, inputs, resources.settings.input_limit, facts)


def _run_of(resources: Resources, claimed: Claimed) -> Callable[[], RunInfo]:
    """Return what reads the attempt's run, once."""
    run = AttemptRef.parse(claimed.ref).run

    @cache
    def look() -> RunInfo:
        info = resources.patiently(lambda: resources.store.read(reads.run(resources.store.keys, run)))
        if info is None:
            raise NotFound(f"run {run} is not stored any more")
        return info

    return look


def _request(resources: Resources, claimed: Claimed, spec: JobSpec, task: Any, queue: str) -> dict[str, Any]:
    """Build what `self.request` shows, as Celery builds it from a message's headers."""
    return {
        **spec.headers,
        "lang": "py",
        "task": spec.task,
        "id": claimed.ref,
        "root_id": claimed.ref,
        "parent_id": None,
        "correlation_id": claimed.ref,
        "retries": claimed.retries,
        "timelimit": list(time_limits(spec, task, resources)[::-1]),
        "hostname": resources.hostname,
        "is_eager": False,
        "ignore_result": True,
        "headers": spec.headers,
        "origin": "orchestrator",
        "delivery_info": {"exchange": "", "routing_key": queue, "priority": None, "redelivered": False},
    }


def time_limits(spec: JobSpec, task: Any, resources: Resources) -> tuple[float | None, float | None]:
    """Return the soft and the hard limit of an attempt in seconds: the job's, else the task's, else the worker's."""
    soft = spec.soft_timeout or task.soft_time_limit or resources.limits.soft
    hard = spec.timeout or task.time_limit or resources.limits.hard
    return soft, hard


def _trace(
    resources: Resources,
    slot: Slot,
    claimed: Claimed,
    spec: JobSpec,
    task: Any,
    arguments: tuple[list[Any], dict[str, Any]],
    request: dict[str, Any],
) -> Outcome:
    """Run the task under its limits."""
    soft, hard = time_limits(spec, task, resources)
    attempt = Attempt(
        id=claimed.ref,
        run=(ref := AttemptRef.parse(claimed.ref)).run,
        job=claimed.name,
        attempt=ref.attempt,
        retries=claimed.retries,
        losses=claimed.losses,
        workflow=claimed.workflow,
        task=spec.task,
        namespace=resources.namespace,
        look=_run_of(resources, claimed),
    )
    tracer = task.__trace__ or _tracer(task, resources.app, resources.hostname)
    token = running.set(attempt)
    try:
        now = time.monotonic()
        slot.hold(claimed.ref, spec.task, now, now + soft if soft else 0.0, now + hard if hard else 0.0)
        result, info, runtime, text = tracer(claimed.ref, *arguments, request)
        slot.release()
    except BaseException as exc:  # SystemExit and the like of a task end the task alone
        slot.release()
        if terminate_handler_fired():
            raise  # the process itself is being ended; the node settles the attempt
        return outcomes.raised(exc, spec, claimed.retries)
    finally:
        running.reset(token)
    if info is None:
        return outcomes.success(result, text, runtime, spec, resources.settings.output_limit, claimed.retries)
    return outcomes.raised(info.retval, spec, claimed.retries)


def _tracer(task: Any, app: Celery, node: str) -> Any:
    """Build a tracer for a task that was registered after the worker had built its own."""
    task.__trace__ = build_tracer(task.name, task, app.loader, node, app=app)
    return task.__trace__


def _tell_start(resources: Resources, claimed: Claimed, spec: JobSpec, request: dict[str, Any]) -> None:
    resources.events.send(
        "task-received",
        claimed.ref,
        name=spec.task,
        args=request["argsrepr"],
        kwargs=request["kwargsrepr"],
        root_id=claimed.ref,
        parent_id=None,
        retries=claimed.retries,
        eta=None,
        expires=None,
    )
    resources.events.send("task-started", claimed.ref)


def _tell_end(resources: Resources, claimed: Claimed, spec: JobSpec, outcome: Outcome) -> None:
    tell_end(resources, claimed.ref, spec.task, outcome)


def tell_end(resources: Resources, ref: str, task: str, outcome: Outcome) -> None:
    """Send the event of an attempt's end. `task` is named again, since the first events may be lost with a process."""
    error = outcome.error or {}
    said = {"exception": f"{error.get('type')}({error.get('message')!r})", "traceback": error.get("traceback")}
    match outcome.kind:
        case "ok":
            resources.events.send("task-succeeded", ref, name=task, result=outcome.result, runtime=outcome.runtime_s)
        case "retry":
            resources.events.send("task-retried", ref, name=task, **said)
        case "cancelled" | "skipped":
            resources.events.send("task-revoked", ref, name=task, terminated=False, signum=None, expired=False)
        case "returned":
            resources.events.send("task-rejected", ref, name=task, requeue=True)
        case _:
            resources.events.send("task-failed", ref, name=task, **said)
