"""Tasks of the shop that end in odd ways, and hooks and signals that write down what they hear."""

from __future__ import annotations

import os
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from celery import Task, current_task, signals
from celery.exceptions import Ignore, Reject, Retry
from celery.result import AsyncResult

from support.shop import app, note


def hear(text: str) -> None:
    """Write down what was heard, if somebody wants to know."""
    if "PECULIAR_LOG" in os.environ:
        note(os.environ["PECULIAR_LOG"], text)


class Loud(Task):
    """Its hooks write down their names."""

    abstract = True

    def before_start(self, task_id: str, args: Any, kwargs: Any) -> None:
        hear(f"{self.name} before_start")

    def on_success(self, retval: Any, task_id: str, args: Any, kwargs: Any) -> None:
        hear(f"{self.name} on_success")

    def on_failure(self, exc: Exception, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        hear(f"{self.name} on_failure {type(exc).__name__}")

    def on_retry(self, exc: Exception, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        hear(f"{self.name} on_retry {type(exc).__name__}")

    def after_return(self, status: str, retval: Any, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        hear(f"{self.name} after_return {status}")


class Broken(Task):
    """Its hooks raise."""

    abstract = True

    def on_success(self, *_: Any) -> None:
        raise LookupError("on_success")

    def on_failure(self, *_: Any) -> None:
        raise LookupError("on_failure")

    def on_retry(self, *_: Any) -> None:
        raise LookupError("on_retry")

    def after_return(self, *_: Any) -> None:
        raise LookupError("after_return")


@signals.task_received.connect
def _received(request: Any, **_: Any) -> None:
    hear(f"{request.name} task_received")


@signals.task_failure.connect
def _failed(sender: Any, exception: Any, **_: Any) -> None:
    hear(f"{sender.name} task_failure {type(exception).__name__}")


@signals.task_retry.connect
def _retried(sender: Any, **_: Any) -> None:
    hear(f"{sender.name} task_retry")


@signals.task_revoked.connect
def _revoked(sender: Any, **_: Any) -> None:
    hear(f"{sender.name} task_revoked")


@signals.task_success.connect
def _succeeded(sender: Any, **_: Any) -> None:
    hear(f"{sender.name} task_success")


@app.task(base=Loud, name="loud.end")
def end(how: str = "", times: int = 99, path: str = "") -> Any:
    """End in one of many ways."""
    match how:
        case "raise":
            raise ValueError("no luck")
        case "not json":
            return object()
        case "nap":
            until = time.monotonic() + 60
            while time.monotonic() < until:
                time.sleep(0.02)  # noqa: TID251 — a task body
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "exit":
            raise SystemExit(3)
        case "ignore":
            raise Ignore("nothing to do")
        case "requeue":
            raise Reject("not now", requeue=True)
        case "reject":
            raise Reject(KeyError("bad"), requeue=False)
    return "well"


@app.task(base=Broken, bind=True, max_retries=1, name="broken.end")
def broken(self: Task, how: str = "") -> str:
    """End in one of many ways, with hooks that raise."""
    if how == "raise":
        raise ValueError("no luck")
    if how == "retry" and not self.request.retries:
        raise self.retry(countdown=0.1)
    return "well"


@app.task(bind=True, max_retries=3)
def retry_when(self: Task, path: str, kind: str) -> str:
    """Ask for another try with a pause of one kind."""
    note(path, str(self.request.retries))
    if self.request.retries:
        return "done"
    pause: dict[str, Any] = {
        "eta as text": {"eta": (datetime.now(UTC) + timedelta(seconds=0.2)).isoformat()},
        "text": {"countdown": "1"},
        "timedelta": {"countdown": timedelta(seconds=1)},
        "infinite": {"countdown": float("inf")},
    }[kind]
    raise self.retry(**pause)


@app.task(max_retries=2)
def raise_retry(path: str) -> None:
    """Raise `Retry`, which nothing of Celery's counts."""
    note(path, "try")
    raise Retry("not yet", when=0.1)


@app.task(bind=True)
def requeue_once(self: Task) -> bool:
    """Reject the message until it is delivered again."""
    if not self.request.delivery_info["redelivered"]:
        raise Reject("later", requeue=True)
    return True


@app.task(bind=True, max_retries=1)
def same_by_name(self: Task, x: int, y: int = 0) -> list[int]:
    """Ask for another try with the same arguments, said by name."""
    if not self.request.retries:
        raise self.retry(args=(), kwargs={"x": x, "y": y}, countdown=0.1)
    return [x, y]


@app.task(bind=True)
def call_myself(self: Task, again: bool = True) -> Any:
    """Return the signature that the request gives."""
    signature = self.signature_from_request(args=(False,))
    return [signature.task, list(signature.args), sorted(signature.options)]


@app.task
def looks_typed(kind: str) -> Any:
    """Return a dict that looks as Celery writes a typed value."""
    return {"__type__": kind, "__value__": "soon"}


@app.task
def handle() -> AsyncResult:
    """Return the handle of another task, as one that has started a task may do."""
    return AsyncResult("abc", app=app)


@app.task(bind=True)
def request_of(self: Task) -> dict[str, Any]:
    """Return what the request says, as text, and the types of its values."""
    return said(self.request)


def said(request: Any) -> dict[str, Any]:
    """Return the values of a request as text, with their types."""
    return {
        name: [type(value).__name__, repr(value)] for name, value in vars(request).items() if not name.startswith("_")
    }


@app.task(bind=True)
def request_with(self: Task, given: Any) -> dict[str, Any]:
    """Return what the request says, of a job that takes an input."""
    return said(self.request)


class Greet(Task):
    """A task that is a class."""

    name = "peculiar.greet"

    def run(self, who: str) -> str:
        return f"hello {who}"


greet = app.register_task(Greet())


def read(path: Path) -> list[str]:
    """Return what was heard."""
    return path.read_text().splitlines() if path.exists() else []


@app.task(bind=True)
def properties(self: Task, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Return what a task can know of itself: a table in which a job and a plain call are compared."""
    request = self.request
    return {
        "name": self.name,
        "args": list(request.args),
        "kwargs": request.kwargs,
        "argsrepr": request.argsrepr,
        "kwargsrepr": request.kwargsrepr,
        "headers of mine": {key: value for key, value in (request.headers or {}).items() if key == "tenant"},
        "attribute of a header": getattr(request, "tenant", None),
        "has an id": isinstance(request.id, str) and request.correlation_id == request.id,
        "has a root": isinstance(request.root_id, str),
        "has properties": isinstance(request.properties, dict) and "correlation_id" in request.properties,
        "delivery": sorted(request.delivery_info),
        "redelivered": request.delivery_info["redelivered"],
        "priority": request.delivery_info["priority"],
        "called directly": request.called_directly,
        "eager": request.is_eager,
        "retries": request.retries,
        "time limit": request.timelimit,
        "hard and soft": [request.time_limit, request.soft_time_limit],
        "stamps": [request.stamps, request.stamped_headers],
        "empty": [request.group, request.group_index, request.chord, request.chain, request.errbacks, request.eta],
        "more empty": [request.expires, request.shadow, request.taskset],
        "children": request.children,
        "language": request.lang,
        "task of the request": request.task,
        "hostname": request.hostname,
        "nesting": request.replaced_task_nesting,
        "current task": current_task.name,
        "app": self.app.main,
        "limits of the task": [self.max_retries, self.default_retry_delay],
    }
