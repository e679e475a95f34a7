"""A worker app whose tasks keep a ledger outside of the engine, and what the ledger must agree with.

Each task body appends a line at its start and at its end to a file, each forced to the disk: what really happened, told
by nobody whom a fault can make forget. As a worker's app (`-A support.ledger`) this module also swaps the publisher's
seam where FAULT_MESSAGES asks for it; production code has no hook for faults.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orchestrator
from orchestrator import Run
from orchestrator.dispatch.permits import Publisher
from orchestrator.model.states import JobState
from orchestrator.state import reads
from orchestrator.state.store import Store
from support.shop import app as app
from support.shop import nap

LATE_S = 3.0


@app.task
def step(ledger: str, seconds: float = 0.0, *_: Any) -> None:
    """Do as if one worked, between two lines of the ledger."""
    enter(ledger, "start")
    if seconds:
        nap(seconds)
    enter(ledger, "end")


@app.task
def poison(ledger: str) -> None:
    """Kill the process that runs this."""
    enter(ledger, "start")
    os.kill(os.getpid(), signal.SIGKILL)


@app.task
def fork(ledger: str) -> None:
    """Fork, and come back twice."""
    enter(ledger, "start")
    if os.fork() == 0:
        return
    os.wait()
    enter(ledger, "end")


@app.task
def waver(ledger: str, times: int) -> None:
    """Fail so many times, then succeed."""
    enter(ledger, "start")
    attempt = orchestrator.current()
    assert attempt is not None
    if attempt.retries < times:
        raise ConnectionError(f"try {attempt.retries}")
    enter(ledger, "end")


def enter(ledger: str, what: str) -> None:
    """Append a line: run, job, attempt, what, by the machine's monotonic clock (ns) when, by which process."""
    attempt = orchestrator.current()
    assert attempt is not None
    line = f"{attempt.run} {attempt.job} {attempt.attempt} {what} {time.monotonic_ns()} {os.getpid()}\n"
    file = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, line.encode())
        os.fsync(file)
    finally:
        os.close(file)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a ledger."""

    run: str
    job: str
    attempt: int
    what: str
    at_ns: int
    pid: int


class Ledger:
    """A ledger as a test reads it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __str__(self) -> str:
        return str(self.path)

    def entries(self, run: Run | None = None) -> list[Entry]:
        """Return the lines so far, of one run or of all."""
        if not self.path.exists():
            return []
        split = [line.split() for line in self.path.read_text().splitlines()]
        found = [Entry(one[0], one[1], int(one[2]), one[3], int(one[4]), int(one[5])) for one in split]
        return [entry for entry in found if run is None or entry.run == run.id]

    def starts(self) -> int:
        """Return how many attempts have begun."""
        return sum(entry.what == "start" for entry in self.entries())

    def check(self, store: Store, run: Run) -> list[str]:
        """Tell where a run's stored outcome and what really happened disagree.

        Attempts of jobs that were lost may have begun without an end, or end after they were given up: that is what
        "at least once" means. Everything else happens exactly once, in order.
        """
        wrong: list[str] = []
        entries = self.entries(run)
        times = Counter((entry.job, entry.attempt, entry.what) for entry in entries)
        wrong += [f"{key} happened {count} times" for key, count in times.items() if count > 1]
        begun = {(entry.job, entry.attempt): entry.at_ns for entry in entries if entry.what == "start"}
        over = {(entry.job, entry.attempt): entry.at_ns for entry in entries if entry.what == "end"}
        info = run.refresh().info
        assert info is not None
        plan = store.read(reads.plan(store.keys, info.plan))
        assert plan is not None
        jobs = run.jobs()
        last = {job.name: (job.name, job.attempt) for job in jobs}
        for job in jobs:
            attempts = {number for name, number in begun if name == job.name}
            if job.state is JobState.succeeded and last[job.name] not in over:
                wrong.append(f"{job.name} succeeded in attempt {job.attempt}, which did not end: {attempts}")
            if attempts - set(range(1, job.attempt + 1)):
                wrong.append(f"{job.name} has {job.attempt} attempts, and these began: {attempts}")
            for child in plan.jobs[job.index].successors:
                firsts = [at for (name, _), at in begun.items() if name == jobs[child].name]
                if firsts and min(firsts) < over.get(last[job.name], 0):
                    wrong.append(f"{jobs[child].name} began before {job.name} was over")
        return wrong


def faulty(publish: Callable[[Any, Any], None], fault: str, rng: random.Random) -> Callable[[Any, Any], None]:
    """Return a `Publisher.publish` for which half of all messages are `lost`, `doubled` or `late`."""

    def publish_badly(self: Any, permits: Any) -> None:
        good, bad = [], []
        for each in permits:
            ill = sum(rng.random() < 0.5 for _ in range(each.messages))
            good.append(type(each)(each.route, each.priority, each.messages - ill))
            bad.append(type(each)(each.route, each.priority, ill))
        if fault == "doubled":
            publish(self, good + bad + bad)
        else:
            publish(self, good)
        if fault == "late":
            timer = threading.Timer(rng.uniform(0, LATE_S), publish, (self, bad))
            timer.daemon = True
            timer.start()

    return publish_badly


def check_all(ledger: Ledger, store: Store, runs: Sequence[Run]) -> list[str]:
    """Check several runs."""
    return [line for run in runs for line in ledger.check(store, run)]


if FAULT := os.environ.get("FAULT_MESSAGES"):
    Publisher.publish = faulty(Publisher.publish, FAULT, random.Random(os.getpid()))  # type: ignore[method-assign]
