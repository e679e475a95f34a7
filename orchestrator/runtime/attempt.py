"""One attempt: find the task, put in the arguments, run it through Celery's own tracer, see how it ended.

To the task and to everything that watches tasks (signals, hooks, `self.request`, Sentry, Flower) it is an ordinary
Celery task under its own name, with the attempt's reference as its id and its result ignored.

Whatever the engine itself cannot do for an attempt fails that attempt, with its reason: an attempt is lost with its
worker only.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from billiard.common import terminate_handler_fired  # type: ignore[attr-defined]
from celery import signals
from celery.app.task import Context
from celery.utils.saferepr import saferepr

from orchestrator.model.errors import NotFound, Unavailable
from orchestrator.model.ids import AttemptRef
from orchestrator.model.run import RunInfo
from orchestrator.runtime import afterwards, outcomes, requests, tracer
from orchestrator.runtime.context import Attempt, running
from orchestrator.runtime.guards import guard
from orchestrator.runtime.job import JobSpec, arguments, read_spec
from orchestrator.runtime.outcomes import Outcome, Tried
from orchestrator.runtime.resources import Resources
from orchestrator.runtime.slots import Slot
from orchestrator.state import reads
from orchestrator.state.transitions.values import Claimed

logger = logging.getLogger(__name__)

Arguments = tuple[list[Any], dict[str, Any]]


def run_attempt(resources: Resources, slot: Slot, claimed: Claimed, queue: str) -> Outcome:
    """Run an attempt to its end, whatever that is.

    Raises:
        Unavailable: the node goes out, and the store did not answer.
        BaseException: the process is being ended; the node settles the attempt.
    """
    try:
        spec = read_spec(claimed.spec)
        task = resources.app.tasks.get(spec.task)
        tried = _tried(claimed, spec, task)
        if task is None:
            logger.error("attempt %s: this worker knows no task %r", claimed.ref, spec.task)
            return outcomes.unknown(spec.task, tried)
        return _Run(resources, slot, claimed, queue, spec, task, tried).outcome()
    except Unavailable:
        raise
    except Exception as error:
        logger.exception("attempt %s could not be run", claimed.ref)
        return outcomes.hopeless(error)


def _tried(claimed: Claimed, spec: JobSpec, task: Any) -> Tried:
    number = AttemptRef.parse(claimed.ref).attempt
    if task is None:
        return Tried(spec, claimed.retries, number)
    return Tried(spec, claimed.retries, number, task.max_retries, task.default_retry_delay)


class _Run:
    """An attempt of a task that this worker knows."""

    def __init__(
        self,
        resources: Resources,
        slot: Slot,
        claimed: Claimed,
        queue: str,
        spec: JobSpec,
        task: Any,
        tried: Tried,
    ) -> None:
        self._resources = resources
        self._slot = slot
        self._claimed = claimed
        self._spec = spec
        self._task = task
        self._tried = tried
        self._limits = time_limits(spec, task, resources)
        again = tried.redelivered > 0
        self._request = requests.request_of(
            resources.hostname, claimed.ref, claimed.retries, spec, queue, self._limits, again, claimed.parent
        )

    def outcome(self) -> Outcome:
        """Run it, and tell all who watch."""
        try:
            args, kwargs = self._arguments()
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 — a registered type may be read by any function
            outcome = outcomes.raised(error, self._tried)
            self._tell_start([], {})
            self._tell(outcome, [], {})
            return self._tell_end(outcome)
        self._tell_start(args, kwargs)
        guard(self._task)
        ending = tracer.Ending(self._tried)
        runtime_s, text = None, None
        tokens = running.set(self._attempt()), tracer.ending.set(ending)
        try:
            runtime_s, text = self._trace(ending, args, kwargs)
        except BaseException as exc:  # SystemExit and the like of a task end the task alone
            if terminate_handler_fired():
                raise  # the process itself is being ended; the node settles the attempt
            if ending.outcome is None:
                outcome = ending.decide(exc)
                if not afterwards.was_told(self._claimed.ref):
                    self._tell(outcome, args, kwargs)
            else:
                logger.warning("attempt %s: %r came after its end, and changes nothing", self._claimed.ref, exc)
        finally:
            running.reset(tokens[0])
            tracer.ending.reset(tokens[1])
        assert ending.outcome is not None
        return self._tell_end(ending.outcome, runtime_s, text)

    def _trace(self, ending: tracer.Ending, args: list[Any], kwargs: dict[str, Any]) -> tuple[float | None, str | None]:
        """Run the body under its limits."""
        soft, hard = self._limits
        seal = tracer.Seal(ending, self._resources.settings.output_limit)
        trace = tracer.build(self._task, self._resources.app, self._resources.hostname)
        request = {**self._request, "callbacks": [seal]}
        try:
            now = time.monotonic()
            ref = self._claimed.ref
            self._slot.hold(ref, self._spec.task, now, now + soft if soft else 0.0, now + hard if hard else 0.0)
            _, _, runtime_s, text = trace(ref, args, kwargs, request)
            return runtime_s, text
        finally:
            self._slot.release()

    def _arguments(self) -> Arguments:
        resources, claimed, spec = self._resources, self._claimed, self._spec
        inputs = claimed.inputs
        if inputs is None:
            run = AttemptRef.parse(claimed.ref).run
            inputs = resources.patiently(
                lambda: resources.store.read(reads.outputs(resources.store.keys, run, spec.inputs))
            )
        facts = _run_of(resources, claimed.ref)().known() if spec.uses_run else None
        params = json.loads(claimed.params) if claimed.params else {}
        return arguments(spec, params, inputs, resources.settings.input_limit, facts)

    def _attempt(self) -> Attempt:
        claimed, ref = self._claimed, AttemptRef.parse(self._claimed.ref)
        return Attempt(
            id=claimed.ref,
            run=ref.run,
            job=claimed.name,
            attempt=ref.attempt,
            retries=claimed.retries,
            losses=claimed.losses,
            workflow=claimed.workflow,
            task=self._spec.task,
            namespace=self._resources.namespace,
            look=_run_of(self._resources, claimed.ref),
        )

    # -- those who watch --------------------------------------------------------------------------------------------

    def _tell(self, outcome: Outcome, args: list[Any], kwargs: dict[str, Any]) -> None:
        tracer.tell(self._task, Context(self._request, args=args, kwargs=kwargs, called_directly=False), outcome)

    def _tell_start(self, args: list[Any], kwargs: dict[str, Any]) -> None:
        request = self._request
        request["argsrepr"] = saferepr(tuple(args), requests.REPR)
        request["kwargsrepr"] = saferepr(kwargs, requests.REPR)
        if signals.task_received.receivers:
            received = requests.received(self._resources.app, self._task, request, args, kwargs)
            signals.task_received.send(sender=self._task, request=received)
        if not self._resources.table.events:
            return
        self._resources.events.send(
            "task-received",
            self._claimed.ref,
            name=self._spec.task,
            args=request["argsrepr"],
            kwargs=request["kwargsrepr"],
            root_id=request["root_id"],
            parent_id=request["parent_id"],
            retries=self._claimed.retries,
            eta=None,
            expires=None,
        )
        self._resources.events.send("task-started", self._claimed.ref)

    def _tell_end(self, outcome: Outcome, runtime_s: float | None = None, text: str | None = None) -> Outcome:
        if self._resources.table.events:
            tell_end(self._resources, self._claimed.ref, self._spec.task, outcome, runtime_s, text)
        return outcome


def _run_of(resources: Resources, ref: str) -> Callable[[], RunInfo]:
    """Return what reads the attempt's run, once."""
    run = AttemptRef.parse(ref).run

    @cache
    def look() -> RunInfo:
        info = resources.patiently(lambda: resources.store.read(reads.run(resources.store.keys, run)))
        if info is None:
            raise NotFound(f"run {run} is not stored any more")
        return info

    return look


def time_limits(spec: JobSpec, task: Any, resources: Resources) -> tuple[float | None, float | None]:
    """Return the soft and the hard limit of an attempt in seconds: the job's, else the task's, else the worker's."""
    soft = spec.soft_timeout or task.soft_time_limit or resources.limits.soft
    hard = spec.timeout or task.time_limit or resources.limits.hard
    return soft, hard


def tell_end(
    resources: Resources,
    ref: str,
    task: str,
    outcome: Outcome,
    runtime_s: float | None = None,
    text: str | None = None,
) -> None:
    """Send the event of an attempt's end. `task` is named again, since the first events may be lost with a process."""
    error = outcome.error or {}
    said = {"exception": f"{error.get('type')}({error.get('message')!r})", "traceback": error.get("traceback")}
    match outcome.kind:
        case "ok":
            resources.events.send("task-succeeded", ref, name=task, result=text, runtime=runtime_s)
        case "retry":
            resources.events.send("task-retried", ref, name=task, **said)
        case "cancelled" | "skipped":
            resources.events.send("task-revoked", ref, name=task, terminated=False, signum=None, expired=False)
        case "returned":
            resources.events.send("task-rejected", ref, name=task, requeue=True)
        case _:
            resources.events.send("task-failed", ref, name=task, **said)
