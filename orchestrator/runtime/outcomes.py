"""How an attempt ended, as it is reported: from what was raised or returned to an outcome of the store.

Celery's own ways to end a task keep their meaning (see docs/reference/outcomes.md for the whole table).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from billiard.exceptions import SoftTimeLimitExceeded
from celery.exceptions import Ignore, Reject, Retry

from orchestrator.model.errors import OutputError
from orchestrator.model.outcomes import OutcomeKind
from orchestrator.plan import values
from orchestrator.runtime import capture
from orchestrator.runtime.guards import NotInWorkflow
from orchestrator.runtime.job import JobSpec

RETURNED_MS = 1000
"""How long an attempt that its task sent back (`Reject(requeue=True)`) waits before it may start again."""
UNKNOWN_MS = 5000
"""How long an attempt waits whose task its node does not know."""

TIMEOUT_NAMES = ("SoftTimeLimitExceeded", "TimeLimitExceeded")
"""The names by which a retry policy knows an attempt that ran out of time."""


HARD_LIMIT = capture.plain_error("TimeLimitExceeded", "the attempt was over its time limit, and was stopped")


class Stopped(BaseException):
    """The attempt is stopped by its node, in a pool whose slots cannot be killed (threads, gevent, solo)."""


class OutOfTime(Stopped):
    """The attempt is over its time limit."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What `Finish` or `Settle` is told, and how monitors see it."""

    kind: OutcomeKind
    payload: bytes = b""
    delay_ms: int = 0
    error: dict[str, Any] | None = None
    result: str | None = None
    """The result as text, for the event of a success."""
    runtime_s: float | None = None


def success(result: Any, text: str | None, runtime_s: float | None, spec: JobSpec, limit: int, retries: int) -> Outcome:
    """End with a result, if it can be stored."""
    try:
        payload = values.encode(result, limit)
    except OutputError as error:
        return failure(capture.error(error, with_traceback=False), spec, retries)
    except Exception as error:  # noqa: BLE001 — a `__json__` of the user's may raise anything
        return failure(capture.error(error), spec, retries)
    return Outcome("ok", payload, result=text, runtime_s=runtime_s)


def failure(error: dict[str, Any], spec: JobSpec, retries: int, *, final: OutcomeKind = "failed") -> Outcome:
    """End with an error: with another try, if the job's policy grants one."""
    names = (error["type"], *error["bases"])
    payload = capture.encode(error)
    if final != "cancelled" and spec.retry.applies_to(names, retries):
        return Outcome("retry", payload, round(spec.retry.delay_s(retries + 1) * 1000), error)
    return Outcome(final, payload, error=error)


def raised(exc: Any, spec: JobSpec, retries: int) -> Outcome:
    """End with what a task raised, or what Celery's tracer made of it."""
    match exc:
        case Retry():
            cause = exc.exc if isinstance(exc.exc, BaseException) else exc
            described = capture.error(cause)
            return Outcome("retry", capture.encode(described), _delay_ms(exc.when), described)
        case Ignore():
            return Outcome(
                "skipped", capture.encode(capture.plain_error("Ignore", str(exc) or "the task raised Ignore"))
            )
        case Reject() if exc.requeue:  # type: ignore[attr-defined]
            return Outcome("returned", delay_ms=RETURNED_MS)
        case Reject():
            return failure(_rejected(exc), spec, retries)
        case SoftTimeLimitExceeded():
            return out_of_time(capture.error(exc), spec, retries)
        case OutOfTime():
            return out_of_time(HARD_LIMIT, spec, retries)
        case Stopped():
            return cancelled()
        case NotInWorkflow():  # trying again would end the same way
            return Outcome("failed", capture.encode(capture.error(exc)), error=capture.error(exc))
    return failure(capture.error(exc), spec, retries)


def out_of_time(error: dict[str, Any], spec: JobSpec, retries: int) -> Outcome:
    """End at a time limit, soft or hard."""
    bases = (*TIMEOUT_NAMES, *error["bases"])
    return failure({**error, "type": "TimeLimitExceeded", "bases": list(bases)}, spec, retries, final="timed_out")


def cancelled() -> Outcome:
    """End an attempt that its node stopped."""
    described = capture.plain_error("Cancelled", "the attempt was stopped, as it was wished")
    return Outcome("cancelled", capture.encode(described), error=described)


def _rejected(exc: Any) -> dict[str, Any]:
    if isinstance(exc.reason, BaseException):
        described = capture.error(exc.reason)
        return {**described, "bases": [*described["bases"], "celery.exceptions.Reject"]}
    return capture.plain_error("celery.exceptions.Reject", str(exc.reason or "the task rejected its message"))


def _delay_ms(when: Any) -> int:
    if isinstance(when, datetime):
        now = datetime.now(when.tzinfo or UTC)
        return max(0, round((when.replace(tzinfo=when.tzinfo or UTC) - now).total_seconds() * 1000))
    return max(0, round((when or 0) * 1000))
