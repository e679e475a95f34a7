"""How an attempt ended, as it is reported: from what was raised or returned to an outcome of the store.

Celery's own ways to end a task keep their meaning (see docs/reference/outcomes.md for the whole table).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from billiard.exceptions import SoftTimeLimitExceeded
from celery.exceptions import Ignore, MaxRetriesExceededError, Reject, Retry
from celery.result import ResultBase

from orchestrator.model.errors import OutputError
from orchestrator.model.outcomes import OutcomeKind
from orchestrator.plan import values
from orchestrator.runtime import capture
from orchestrator.runtime.guards import NotInWorkflow, checked_by_task
from orchestrator.runtime.job import JobSpec

_FIRST_PAUSE_MS, _LONGEST_PAUSE_MS = 1000, 60_000
"""How long an attempt waits that was sent back, the first time and at most: each time twice as long."""
_LONGEST_DELAY_S = 100 * 366 * 86_400.0

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
    cause: BaseException | None = None
    """The exception that stands in the error, for hooks and signals."""
    result: str | None = None
    """The result as text, for the event of a success."""
    runtime_s: float | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """What is known of an attempt's job run when the attempt ends: it decides whether there is another try."""

    spec: JobSpec
    retries: int
    """How many earlier attempts ended in a retry."""
    number: int = 1
    """The attempt's own number."""
    max_retries: int | None = None
    """The task's own `max_retries`."""
    retry_delay: float = 180.0
    """The task's own `default_retry_delay`, in seconds."""

    @property
    def redelivered(self) -> int:
        """How many earlier attempts were sent back or lost."""
        return max(0, self.number - 1 - self.retries)

    def pause_ms(self) -> int:
        """Return how long an attempt that is sent back waits until it may start again."""
        return min(_FIRST_PAUSE_MS << min(self.redelivered, 20), _LONGEST_PAUSE_MS)


def success(result: Any, limit: int) -> Outcome:
    """End with a result.

    Raises:
        OutputError: it cannot be stored. A `__json__` of the user's may raise anything.
    """
    if isinstance(result, ResultBase):
        result = result.as_tuple()  # type: ignore[attr-defined]  # as Celery's backends do
    return Outcome("ok", values.encode(result, limit))


def unknown(task: str, tried: Tried) -> Outcome:
    """End an attempt whose task this worker does not know. The job run is offered again, each time later."""
    described = capture.plain_error("NotRegistered", f"no node knows the task {task!r}")
    return Outcome("unknown", capture.encode(described), tried.pause_ms(), described)


def failure(
    error: dict[str, Any], tried: Tried, *, cause: BaseException | None = None, final: OutcomeKind = "failed"
) -> Outcome:
    """End with an error: with another try, if the job's policy grants one."""
    names = (error["type"], *error["bases"])
    payload = capture.encode(error)
    policy = tried.spec.retry
    if policy.applies_to(names, tried.retries):
        return Outcome("retry", payload, round(policy.delay_s(tried.retries + 1) * 1000), error, cause)
    return Outcome(final, payload, error=error, cause=cause)


def hopeless(exc: BaseException) -> Outcome:
    """End with an error after which another try would end the same way."""
    described = capture.error(exc)
    return Outcome("failed", capture.encode(described), error=described, cause=exc)


def raised(exc: BaseException, tried: Tried) -> Outcome:
    """End with what a task raised."""
    match exc:
        case Retry():
            return _asked_again(exc, tried)
        case Ignore():
            described = capture.plain_error("Ignore", str(exc) or "the task raised Ignore")
            return Outcome("skipped", capture.encode(described), cause=exc)
        case Reject() if exc.requeue:  # type: ignore[attr-defined]
            described = _rejected(exc)
            return Outcome("returned", capture.encode(described), tried.pause_ms(), described, exc)
        case Reject():
            return failure(_rejected(exc), tried, cause=exc)
        case SoftTimeLimitExceeded():
            return out_of_time(capture.error(exc), tried, cause=exc)
        case OutOfTime():
            return out_of_time(HARD_LIMIT, tried)
        case Stopped():
            return cancelled()
        case NotInWorkflow():
            return hopeless(exc)
        case OutputError():
            return failure(capture.error(exc, with_traceback=False), tried, cause=exc)
    return failure(capture.error(exc), tried, cause=exc)


def out_of_time(error: dict[str, Any], tried: Tried, *, cause: BaseException | None = None) -> Outcome:
    """End at a time limit, soft or hard."""
    bases = (*TIMEOUT_NAMES, *error["bases"])
    described = {**error, "type": "TimeLimitExceeded", "bases": list(bases)}
    return failure(described, tried, cause=cause, final="timed_out")


def cancelled() -> Outcome:
    """End an attempt that its node stopped."""
    described = capture.plain_error("Cancelled", "the attempt was stopped, as it was wished")
    return Outcome("cancelled", capture.encode(described), error=described)


def _asked_again(exc: Retry, tried: Tried) -> Outcome:
    """End with a `Retry`. `Task.retry` has checked `max_retries`; one that the task raised itself is checked here."""
    cause = exc.exc if isinstance(exc.exc, BaseException) else exc
    counted = checked_by_task(exc)
    if not counted and tried.max_retries is not None and tried.retries >= tried.max_retries:
        if cause is exc:
            cause = MaxRetriesExceededError(f"it was tried again {tried.retries} times, as max_retries allows: {exc}")
        return failure(capture.error(cause), tried, cause=cause)
    when = tried.retry_delay if exc.when is None and not counted else exc.when
    try:
        delay_ms = _delay_ms(when)
    except (TypeError, ValueError, OverflowError) as wrong:
        return failure(capture.error(wrong), tried, cause=wrong)
    described = capture.error(cause)
    return Outcome("retry", capture.encode(described), delay_ms, described, cause)


def _rejected(exc: Any) -> dict[str, Any]:
    if isinstance(exc.reason, BaseException):
        described = capture.error(exc.reason)
        return {**described, "bases": [*described["bases"], "celery.exceptions.Reject"]}
    return capture.plain_error("celery.exceptions.Reject", str(exc.reason or "the task rejected its message"))


def _delay_ms(when: Any) -> int:
    """Read a countdown in seconds, or an ETA: a datetime, or its text in ISO 8601.

    Raises:
        TypeError: it is neither.
        ValueError: the text is no date.
        OverflowError: it is not in this century.
    """
    if isinstance(when, str):
        try:
            when = datetime.fromisoformat(when)
        except ValueError:
            raise TypeError(f"{when!r} is no number of seconds, and no date as text (eta)") from None
    if isinstance(when, datetime):
        when = when.replace(tzinfo=when.tzinfo or UTC).timestamp() - datetime.now(UTC).timestamp()
    elif not isinstance(when, int | float | None):
        raise TypeError(f"{when!r} is no number of seconds")
    if when is not None and not when <= _LONGEST_DELAY_S:
        raise OverflowError(f"a pause of {when} seconds does not end")
    return max(0, round((when or 0) * 1000))
