"""A Celery project as a user has it: tasks of every kind, and one line that makes its workers run workflows."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from billiard.exceptions import SoftTimeLimitExceeded
from celery import Celery, Task, shared_task
from celery.exceptions import Ignore, Reject
from pydantic import BaseModel

import orchestrator

app = Celery(
    "shop",
    broker=os.environ.get("ORCHESTRATOR_BROKER_URL", "memory://"),
    backend=os.environ.get("SHOP_BACKEND", "disabled://"),
)
app.conf.update(
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
    task_acks_late=os.environ.get("SHOP_ACKS_LATE") == "1",
    task_default_queue_type=os.environ.get("SHOP_QUEUE_TYPE", "classic"),
    task_create_missing_queue_type=os.environ.get("SHOP_QUEUE_TYPE", "classic"),
)
orchestrator.install(app)


def note(path: str, text: str) -> None:
    """Add a line to a file, which a test reads."""
    with Path(path).open("a") as file:
        file.write(text + "\n")


@app.task
def add(x: int, y: int = 0) -> int:
    return x + y


@app.task
def noop(*_: Any) -> None:
    return None


@app.task
def echo(value: Any = None) -> Any:
    return value


@shared_task
def shared(x: int) -> int:
    return x + 1


@app.task(bind=True)
def about_me(self: Task) -> dict[str, Any]:
    attempt = orchestrator.current()
    assert attempt is not None
    return {
        "id": self.request.id,
        "retries": self.request.retries,
        "current": attempt.id,
        "job": attempt.job,
        "workflow": attempt.workflow,
        "key": attempt.key,
        "header": getattr(self.request, "tenant", None),
        "hostname": self.request.hostname,
        "pid": os.getpid(),
        "pgid": os.getpgid(0),
    }


@app.task
def for_when(*given: object) -> dict[str, object]:
    """What a job can know of the time that its run is for: given as arguments, and asked for."""
    attempt = orchestrator.current()
    assert attempt is not None
    return {
        "given": given,
        "date": attempt.logical_date,
        "interval": attempt.data_interval,
        "origin": attempt.started_by,
    }


class Order(BaseModel):
    item: str
    count: int = 1


@app.task(pydantic=True)
def buy(order: Order) -> Order:
    return Order(item=order.item.upper(), count=order.count + 1)


class Hooked(Task):
    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return ["called", super().__call__(*args, **kwargs)]


@app.task(base=Hooked)
def hooked(x: int) -> int:
    return x


@app.task
def typed() -> dict[str, Any]:
    return {"day": date(2027, 3, 1), "price": Decimal("1.50"), "pair": (1, 2)}


@app.task
def kinds(value: dict[str, Any]) -> list[str]:
    return [type(value["day"]).__name__, type(value["price"]).__name__, type(value["pair"]).__name__]


@app.task
def fail(text: str = "no luck") -> None:
    raise ValueError(text)


@app.task
def fail_until(path: str, times: int) -> str:
    note(path, "try")
    tries = len(Path(path).read_text().splitlines())
    if tries <= times:
        raise ConnectionError(f"try {tries}")
    return f"done at try {tries}"


@app.task(bind=True, max_retries=2)
def retry_self(self: Task, path: str, times: int = 99) -> str:
    note(path, str(self.request.retries))
    if self.request.retries < times:
        raise self.retry(countdown=0.1, exc=LookupError("again"))
    return f"after {self.request.retries}"


@app.task(autoretry_for=(KeyError,), retry_kwargs={"max_retries": 2, "countdown": 0.1})
def retry_auto(path: str) -> None:
    note(path, "try")
    raise KeyError("auto")


@app.task(bind=True)
def retry_other_args(self: Task) -> None:
    raise self.retry(args=(1,), countdown=0)


@app.task
def ignore() -> None:
    raise Ignore("nothing to do")


@app.task
def reject() -> None:
    raise Reject("do not want", requeue=False)


@app.task
def reject_requeue(path: str) -> str:
    note(path, "try")
    if len(Path(path).read_text().splitlines()) < 2:
        raise Reject("later", requeue=True)
    return "second"


@app.task(bind=True)
def replace(self: Task) -> None:
    raise self.replace(add.s(1, 2))


@app.task
def leave() -> None:
    sys.exit(3)


@app.task
def interrupt() -> None:
    raise KeyboardInterrupt


@app.task
def out_of_memory() -> None:
    raise MemoryError("as if")


@app.task
def not_json() -> Any:
    return object()


@app.task
def not_a_number() -> float:
    return float("nan")


@app.task
def large(size: int) -> str:
    return "x" * size


class Odd(Exception):
    def __init__(self, one: int, two: int) -> None:
        self.lock = open(os.devnull)  # noqa: SIM115 — what no pickle takes
        super().__init__(f"{one} and {two}")


@app.task
def odd() -> None:
    raise Odd(1, 2)


@app.task
def nap(seconds: float, path: str = "") -> str:
    """Sleep in steps, so that every pool can break in."""
    if path:
        note(path, f"{os.getpid()}")
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.02)  # noqa: TID251 — a task body
    return "rested"


@app.task(soft_time_limit=0.5)
def soft_limited() -> str:
    nap(20)
    return "too late"


@app.task
def careful(path: str) -> str:
    """Clean up at the soft limit, and end well."""
    try:
        nap(20)
    except SoftTimeLimitExceeded:
        note(path, "cleaned up")
    return "cleaned up"


@app.task
def deep_sleep(seconds: float) -> None:
    time.sleep(seconds)  # noqa: TID251 — a task body, in one C call


@app.task
def with_child(path: str) -> None:
    process = subprocess.Popen(["sleep", "60"])
    note(path, str(process.pid))
    nap(60)


@app.task
def kill_me(path: str, times: int = 99) -> str:
    note(path, "try")
    if len(Path(path).read_text().splitlines()) <= times:
        os.kill(os.getpid(), signal.SIGKILL)
    return "survived"
