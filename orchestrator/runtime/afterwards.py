"""Tells hooks and signals how an attempt ended whose own process could not: it was killed, or it does not listen.

The node does it in the worker's main process, as Celery does for a task over its hard limit. A hook of the user's may
take its time, so each end is told in a thread of its own and holds up no beat.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from celery.app.task import Context
from celery.utils.saferepr import saferepr

from orchestrator import threads
from orchestrator.model.errors import OrchestratorError
from orchestrator.model.ids import AttemptRef
from orchestrator.model.outcomes import OutcomeKind
from orchestrator.model.states import JobState
from orchestrator.runtime import requests, tracer
from orchestrator.runtime.job import JobSpec, arguments, read_spec
from orchestrator.runtime.outcomes import Outcome
from orchestrator.runtime.resources import Resources
from orchestrator.state import reads

logger = logging.getLogger(__name__)

_KINDS: dict[JobState, OutcomeKind] = {
    JobState.retrying: "retry",
    JobState.queued: "retry",
    JobState.running: "retry",
    JobState.cancelled: "cancelled",
}
_told: set[str] = set()


def was_told(ref: str) -> bool:
    """Tell whether the node has told how an attempt ended that goes on nevertheless, and forget it."""
    if ref not in _told:
        return False
    _told.discard(ref)
    return True


def tell(resources: Resources, ref: str, outcome: Outcome, *, goes_on: bool) -> None:
    """Tell how an attempt ended; `goes_on` if its body still runs in this process."""
    if goes_on:
        _told.add(ref)
    threads.start("orchestrator-hooks", lambda: _tell(resources, ref, outcome))


def _tell(resources: Resources, ref: str, outcome: Outcome) -> None:
    try:
        found = resources.store.read(reads.attempt(resources.store.keys, ref))
        if found is None:
            return
        encoded, job = found
        if outcome.kind == "lost":  # what that means for its job run, the store has decided
            outcome = replace(outcome, kind=_KINDS.get(job.state, "failed"))
        spec = read_spec(encoded)
        task = resources.app.tasks.get(spec.task)
        if task is not None:
            tracer.tell(task, _request(resources, ref, spec, job.name, job.retries), outcome)
            if outcome.kind in ("failed", "timed_out"):  # Sentry does not listen to the logger of Celery's tracer
                exc = tracer.exception_of(outcome)
                logger.error("Task %s[%s] was ended from outside: %s", task.name, ref, exc, exc_info=exc)
    except BaseException:  # SystemExit of a hook, too: it ends nothing here
        logger.exception("how attempt %s ended could not be told", ref)


def _request(resources: Resources, ref: str, spec: JobSpec, name: str, retries: int) -> Context:
    try:
        args, kwargs = _arguments(resources, ref, spec)
    except (OrchestratorError, LookupError):
        args, kwargs = [], {}
    request = requests.request_of(resources.hostname, ref, retries, spec, resources.app.conf.task_default_queue)
    request.update(argsrepr=saferepr(tuple(args), requests.REPR), kwargsrepr=saferepr(kwargs, requests.REPR))
    return Context(request, args=args, kwargs=kwargs, called_directly=False)


def _arguments(resources: Resources, ref: str, spec: JobSpec) -> tuple[list[Any], dict[str, Any]]:
    store, run = resources.store, AttemptRef.parse(ref).run
    info = store.read(reads.run(store.keys, run))
    inputs = store.read(reads.outputs(store.keys, run, spec.inputs))
    given = {} if info is None else info.params
    facts = info.known() if spec.uses_run and info is not None else None
    return arguments(spec, given, inputs, resources.settings.input_limit, facts)
