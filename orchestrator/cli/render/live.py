"""Watching runs: a picture that redraws itself in a terminal, plain lines elsewhere, one a transition."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from orchestrator.cli.render.output import console, pictures
from orchestrator.cli.render.times import now_ms
from orchestrator.cli.render.views import error_text, run_view
from orchestrator.model.run import JobRun
from orchestrator.model.states import JobState

if TYPE_CHECKING:
    from orchestrator.client import Client, Run
    from orchestrator.model.run import TransitionInfo

FRAME_S = 0.1
"""Seconds between two looks at the store."""
MANY_JOBS = 2_000
"""Of a run with more jobs, only the counts are read for each picture."""


def watch_run(client: Client, run: Run, tend: Callable[[], None] = lambda: None) -> Run:
    """Show a run until it is over. `tend` is called for every picture."""
    if pictures():
        _watch_picture(client, run, tend)
    else:
        _watch_lines(client, run, tend)
    return run


def _watch_picture(client: Client, run: Run, tend: Callable[[], None]) -> None:
    from rich.live import Live

    with Live(console=console(), auto_refresh=False, vertical_overflow="crop") as live:
        while True:
            tend()
            info = run.refresh().info
            jobs = run.jobs() if info.total <= MANY_JOBS or info.state.final else []
            size = console().size
            live.update(run_view(info, jobs, now_ms=now_ms(), width=size.width, height=size.height - 1), refresh=True)
            if info.state.final:
                return
            time.sleep(FRAME_S)  # noqa: TID251 — a picture is drawn in frames


def _watch_lines(client: Client, run: Run, tend: Callable[[], None]) -> None:
    """Print the transitions of a run, also those before this call that the stream still has."""
    lines = Lines(client, run)
    after = "-"
    while True:
        tend()
        info = run.refresh().info
        after = lines.follow(after)
        if info.state.final:
            return
        time.sleep(FRAME_S)  # noqa: TID251 — the transitions are read in frames


class Lines:
    """Prints transitions as lines: when, which run and job, what became of it."""

    def __init__(self, client: Client, only: Run | None = None) -> None:
        self.client = client
        self.only = only.id if only else None
        self._jobs: dict[str, dict[int, JobRun]] = {}
        self._workflows: dict[str, str] = {}

    def follow(self, after: str) -> str:
        """Print the transitions after the one with an id, and return the id of the last one."""
        while found := self.client.transitions.list(after):
            after = found[-1].id
            for transition in found:
                if self.only in (None, transition.run):
                    print(self.line(transition), flush=True)
        return after

    def line(self, transition: TransitionInfo) -> str:
        """Return the line of a transition."""
        clock = datetime.fromtimestamp(transition.ms / 1000).strftime("%H:%M:%S.%f")[:-3]
        start = clock if self.only else f"{clock}  {transition.run}"
        if transition.job is None:
            if transition.after.final:
                self._jobs.pop(transition.run, None)
            return f"{start}  {self._workflow(transition.run)}  {transition.after.name}"
        job = self._job(transition.run, transition.job, anew=transition.after in _BAD)
        note = f"  {transition.after.name}"
        if transition.attempt > 1:
            note += f" #{transition.attempt}"
        if transition.after is JobState.running:
            note += f"  {transition.detail}"
        elif transition.after in _BAD and job.error and job.attempt == transition.attempt:
            note += f"  {error_text(job.error)}"
        return f"{start}  {job.name}{note}"

    def _workflow(self, run_id: str) -> str:
        if run_id not in self._workflows:
            self._workflows[run_id] = self.client.runs.get(run_id).info.workflow
        return self._workflows[run_id]

    def _job(self, run_id: str, index: int, *, anew: bool) -> JobRun:
        """Return a job by its index. With `anew` it is read again, for the error of its last attempt."""
        if anew or run_id not in self._jobs:
            self._jobs[run_id] = {job.index: job for job in self.client.runs.get(run_id).jobs()}
        return self._jobs[run_id][index]


_BAD = (JobState.retrying, JobState.failed, JobState.timed_out)
