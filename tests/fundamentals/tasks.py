"""The tasks of the tutorial: an ordinary Celery app, made ready for workflows by one line."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from celery import Celery

import orchestrator

app = Celery("shop", broker=os.environ.get("BROKER_URL"), backend=os.environ.get("BROKER_URL"))
orchestrator.install(app)


@app.task
def add(x: int, y: int) -> int:
    return x + y


@app.task
def orders(day: str) -> dict[str, object]:
    return {"day": day, "rows": [3, 4, 5]}


@app.task
def total(rows: list[int]) -> int:
    return sum(rows)


@app.task
def note(path: str, text: str) -> None:
    """Write a line to a file, which the test reads."""
    with Path(path).open("a") as file:
        file.write(f"{text}\n")


@app.task
def fail_twice(path: str) -> str:
    note(path, "try")
    tries = len(Path(path).read_text().splitlines())
    if tries <= 2:
        raise ConnectionError(f"try {tries}")
    return f"done at try {tries}"


@app.task
def sleep(seconds: float) -> None:
    time.sleep(seconds)  # noqa: TID251 — a task body


@app.task
def die_once(path: str) -> str:
    """End the worker's process in the middle of the job, the first time."""
    if not Path(path).exists():
        note(path, "died")
        os.kill(os.getpid(), signal.SIGKILL)
    return "survived"
