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
from orchestrator.runtime.outcomes import UNKNOWN_MS, Ending
from orchestrator.runtime.resources import Station
from orchestrator.runtime.slots import Hand
from orchestrator.state import reads
from orchestrator.state.transitions.replies import Claimed

logger = logging.getLogger(__name__)

_REPR = 1024


def run_attempt(station: Station, hand: Hand, claimed: Claimed, queue: str) -> Ending:
    """Run an attempt to its end, whatever that is. Only a process that is being ended raises."""
    spec = read_spec(claimed.spec)
    task = station.app.tasks.get(spec.task)
    if task is None:
        logger.error("attempt %s: this worker knows no task %r", claimed.ref, spec.task)
        described = capture.plain_error("NotRegistered", f"no node knows the task {spec.task!r}")
        return Ending("unknown", capture.encode(described), UNKNOWN_MS, described)
    watched = station.table.events
    try:
        args, kwargs = _arguments(station, claimed, spec)
    except OrchestratorError as error:
        ending = outcomes.failure(capture.error(error, with_traceback=False), spec, claimed.retries)
        if watched:
            station.events.send("task-received", claimed.ref, name=spec.task, args="", kwargs="")
            _tell_end(station, claimed, spec, ending)
        return ending
    request = _request(station, claimed, spec, task, queue)
    if watched:
        request["argsrepr"], request["kwargsrepr"] = saferepr(args, _REPR), saferepr(kwargs, _REPR)
        _tell_start(station, claimed, spec, request)
    guard(task)
    ending = _trace(station, hand, claimed, spec, task, (args, kwargs), request)
    if watched:
        _tell_end(station, claimed, spec, ending)
    return ending


def _arguments(station: Station, claimed: Claimed, spec: JobSpec) -> tuple[list[Any], dict[str, Any]]:
    inputs = claimed.inputs
    if inputs is None:
        run = AttemptRef.parse(claimed.ref).run
        inputs = station.patiently(lambda: station.store.read(reads.outputs(station.store.keys, run, spec.inputs)))
    facts = _run_of(station, claimed)().known() if spec.uses_run else None
    return arguments(spec, claimed.params, inputs, station.settings.input_limit, facts)


def _run_of(station: Station, claimed: Claimed) -> Callable[[], RunInfo]:
    """Return what reads the attempt's run, once."""
    run = AttemptRef.parse(claimed.ref).run

    @cache
    def look() -> RunInfo:
        info = station.patiently(lambda: station.store.read(reads.run(station.store.keys, run)))
        if info is None:
            raise NotFound(f"run {run} is not stored any more")
        return info

    return look


def _request(station: Station, claimed: Claimed, spec: JobSpec, task: Any, queue: str) -> dict[str, Any]:
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
        "timelimit": list(time_limits(spec, task, station)[::-1]),
        "hostname": station.node,
        "is_eager": False,
        "ignore_result": True,
        "headers": spec.headers,
        "origin": "orchestrator",
        "delivery_info": {"exchange": "", "routing_key": queue, "priority": None, "redelivered": False},
    }


def time_limits(spec: JobSpec, task: Any, station: Station) -> tuple[float | None, float | None]:
    """Return the soft and the hard limit of an attempt in seconds: the job's, else the task's, else the worker's."""
    soft = spec.soft_timeout or task.soft_time_limit or station.limits.soft
    hard = spec.timeout or task.time_limit or station.limits.hard
    return soft, hard


def _trace(
    station: Station,
    hand: Hand,
    claimed: Claimed,
    spec: JobSpec,
    task: Any,
    arguments: tuple[list[Any], dict[str, Any]],
    request: dict[str, Any],
) -> Ending:
    """Run the task under its limits."""
    soft, hard = time_limits(spec, task, station)
    attempt = Attempt(
        id=claimed.ref,
        run=(ref := AttemptRef.parse(claimed.ref)).run,
        job=claimed.name,
        attempt=ref.attempt,
        retries=claimed.retries,
        losses=claimed.losses,
        workflow=claimed.workflow,
        task=spec.task,
        namespace=station.namespace,
        look=_run_of(station, claimed),
    )
    tracer = task.__trace__ or _tracer(task, station.app, station.node)
    token = running.set(attempt)
    try:
        now = time.monotonic()
        hand.hold(claimed.ref, spec.task, now, now + soft if soft else 0.0, now + hard if hard else 0.0)
        result, info, runtime, text = tracer(claimed.ref, *arguments, request)
        hand.release()
    except BaseException as exc:  # SystemExit and the like of a task end the task alone
        hand.release()
        if terminate_handler_fired():
            raise  # the process itself is being ended; the node settles the attempt
        return outcomes.raised(exc, spec, claimed.retries)
    finally:
        running.reset(token)
    if info is None:
        return outcomes.success(result, text, runtime, spec, station.settings.output_limit, claimed.retries)
    return outcomes.raised(info.retval, spec, claimed.retries)


def _tracer(task: Any, app: Celery, node: str) -> Any:
    """Build a tracer for a task that was registered after the worker had built its own."""
    task.__trace__ = build_tracer(task.name, task, app.loader, node, app=app)
    return task.__trace__


def _tell_start(station: Station, claimed: Claimed, spec: JobSpec, request: dict[str, Any]) -> None:
    station.events.send(
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
    station.events.send("task-started", claimed.ref)


def _tell_end(station: Station, claimed: Claimed, spec: JobSpec, ending: Ending) -> None:
    tell_end(station, claimed.ref, spec.task, ending)


def tell_end(station: Station, ref: str, task: str, ending: Ending) -> None:
    """Send the event of an attempt's end. `task` is named again, since the first events may be lost with a process."""
    error = ending.error or {}
    said = {"exception": f"{error.get('type')}({error.get('message')!r})", "traceback": error.get("traceback")}
    match ending.outcome:
        case "ok":
            station.events.send("task-succeeded", ref, name=task, result=ending.result, runtime=ending.runtime_s)
        case "retry":
            station.events.send("task-retried", ref, name=task, **said)
        case "cancelled" | "skipped":
            station.events.send("task-revoked", ref, name=task, terminated=False, signum=None, expired=False)
        case "returned":
            station.events.send("task-rejected", ref, name=task, requeue=True)
        case _:
            station.events.send("task-failed", ref, name=task, **said)
