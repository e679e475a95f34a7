"""Celery's tracer around the body of an attempt, with two seams, so that all who watch hear one outcome.

The tracer runs the body and calls hooks, signals and the log. Two things in it are the engine's:

- The `Seal` stands in the request as a callback of the task. Celery gives it the result before anybody is told of a
  success. It stores nothing: it writes the result as JSON, and a result that cannot be written is a failure.
- `AttemptTrace` stands for Celery's `TraceInfo`, which is made of each exception. It decides the outcome first. A try
  that will be tried again is a retry to hooks and signals, whatever was raised.

The outcome is decided once. A hook that raises is logged and changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from billiard.einfo import ExceptionInfo
from celery import Celery, signals, states
from celery.app import trace as celery_trace
from celery.exceptions import Retry, TimeLimitExceeded, WorkerLostError
from celery.utils.serialization import get_pickleable_exception
from kombu.exceptions import EncodeError

from orchestrator.runtime import outcomes
from orchestrator.runtime.outcomes import Outcome, Tried

logger = logging.getLogger(__name__)

_FAILURES = ("failed", "timed_out")


class Ending:
    """The end of one attempt: decided once, by the first that knows it."""

    __slots__ = ("outcome", "tried")

    def __init__(self, tried: Tried) -> None:
        self.tried = tried
        self.outcome: Outcome | None = None

    def decide(self, exc: BaseException) -> Outcome:
        """Return the outcome, which is that of an exception if nothing was decided before."""
        if self.outcome is None:
            self.outcome = outcomes.raised(exc, self.tried)
        return self.outcome


ending: ContextVar[Ending] = ContextVar("orchestrator_ending")


class NotSealed(EncodeError):
    """The result cannot be stored: the tracer's word for a failure after the body. `cause` says why."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Seal:
    """Takes the result of the body, as a signature that Celery calls back takes it."""

    def __init__(self, attempt: Ending, limit: int) -> None:
        self._attempt = attempt
        self._limit = limit

    def apply_async(self, args: tuple[Any], **_: Any) -> None:
        """Write the result as JSON."""
        try:
            self._attempt.outcome = outcomes.success(args[0], self._limit)
        except Exception as error:
            raise NotSealed(error) from error

    def __repr__(self) -> str:
        return "<takes the output of the job>"


class AttemptTrace(celery_trace.TraceInfo):
    """What Celery's tracer makes of an exception."""

    def __init__(self, state: str, retval: Any = None) -> None:
        exc = retval.cause if isinstance(retval, NotSealed) else retval
        outcome = ending.get().decide(exc)
        if state in (states.REJECTED, states.IGNORED):
            super().__init__(state, exc)
        elif outcome.kind == "retry":
            super().__init__(states.RETRY, exc if isinstance(exc, Retry) else _as_retry(exc, outcome))
        else:
            super().__init__(states.FAILURE, outcome.cause or exc)

    def handle_error_state(self, task: Any, req: Any, eager: bool = False, call_errbacks: bool = True) -> Any:
        """Tell hooks, signals and the log. Nothing is stored: the outcome goes to the engine's store."""
        if self.state == states.RETRY:
            return _tell_retry(task, req, self.retval)
        return _tell_failure(task, req, self.retval)

    def handle_reject(self, task: Any, req: Any, **_: Any) -> None:
        """Tell of a rejection, and what follows of it."""
        super().handle_reject(task, req)
        outcome = ending.get().outcome
        if outcome is not None and outcome.kind in ("failed", "retry"):
            tell(task, req, outcome, hooks=False)


def build(task: Any, app: Celery, node: str) -> Callable[..., Any]:
    """Return the tracer of a task for its attempts, made once in a process. Plain calls keep their own."""
    made = task.__dict__.get("_orchestrator_trace")
    if made is None:
        # By the name in its module: Sentry and others put their own there.
        made = celery_trace.build_tracer(task.name, task, app.loader, node, Info=AttemptTrace, app=app)
        task._orchestrator_trace = made
    return made  # type: ignore[no-any-return]


def tell(task: Any, req: Any, outcome: Outcome, *, hooks: bool = True) -> None:
    """Tell hooks, signals and the log of an end that the tracer has not seen, under the task's own name."""
    task.request_stack.push(req)
    try:
        if outcome.kind == "retry":
            _tell_retry(task, req, _as_retry(exception_of(outcome), outcome), hooks=hooks)
        elif outcome.kind in _FAILURES:
            exc = exception_of(outcome)
            _tell_failure(task, req, exc, hooks=hooks)
            if hooks and celery_trace.task_has_custom(task, "after_return"):
                _call(task, "after_return", req, states.FAILURE, exc, req.id, req.args, req.kwargs, None)
        elif outcome.kind == "cancelled":
            signals.task_revoked.send(sender=task, request=req, terminated=True, signum="SIGKILL", expired=False)
    finally:
        task.request_stack.pop()


def exception_of(outcome: Outcome) -> BaseException:
    """Return the exception of an outcome, made of its words if none was raised here."""
    error = outcome.error or {}
    made = {"TimeLimitExceeded": TimeLimitExceeded, "WorkerLost": WorkerLostError}.get(error.get("type", ""), Exception)
    try:
        raise outcome.cause or made(error.get("message", ""))
    except BaseException as exc:  # noqa: BLE001 — with a traceback, which Celery's `ExceptionInfo` needs
        return exc


def _as_retry(cause: BaseException, outcome: Outcome) -> Retry:
    retry = Retry(exc=cause, when=outcome.delay_ms / 1000)  # type: ignore[arg-type]
    retry.__traceback__ = cause.__traceback__
    return retry


def _tell_retry(task: Any, req: Any, reason: Any, *, hooks: bool = True) -> Any:
    einfo = ExceptionInfo((type(reason), reason, reason.__traceback__))
    if hooks:
        _call(task, "on_retry", req, reason.exc, req.id, req.args, req.kwargs, einfo)
    signals.task_retry.send(sender=task, request=req, reason=reason, einfo=einfo)
    celery_trace.info(celery_trace.LOG_RETRY, {"id": req.id, "name": task.name, "exc": str(reason)})
    return einfo


def _tell_failure(task: Any, req: Any, cause: BaseException, *, hooks: bool = True) -> Any:
    exc: Any = get_pickleable_exception(cause)  # type: ignore[arg-type]  # what Celery gives to hooks, too
    if exc.__traceback__ is None:
        exc.__traceback__ = cause.__traceback__
    einfo = ExceptionInfo((type(cause), exc, exc.__traceback__))
    if hooks:
        _call(task, "on_failure", req, exc, req.id, req.args, req.kwargs, einfo)
    signals.task_failure.send(
        sender=task, task_id=req.id, exception=exc, args=req.args, kwargs=req.kwargs,
        traceback=exc.__traceback__, einfo=einfo,
    )  # fmt: skip
    celery_trace.TraceInfo(states.FAILURE, exc)._log_error(task, req, einfo)  # type: ignore[attr-defined]
    return einfo


def _call(task: Any, hook: str, req: Any, *args: Any) -> None:
    try:
        getattr(task, hook)(*args)
    except Exception:
        logger.exception("attempt %s: %s of %s raised", req.id, hook, task.name)
