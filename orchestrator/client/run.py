"""One run: the verbs of `Run`, as steps."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, assert_never

from orchestrator.client.lookup import plan_of
from orchestrator.client.session import Noun, Session
from orchestrator.client.steps import Steps, change, read, sleep
from orchestrator.client.todo import advance
from orchestrator.model.errors import NotFound, RunFailed, WaitTimeout
from orchestrator.model.ids import is_run_id
from orchestrator.model.run import JobRun, RunInfo
from orchestrator.model.states import RunState
from orchestrator.state import reads

if TYPE_CHECKING:
    from typing import Self

FIRST_POLL_S, LAST_POLL_S = 0.005, 0.1
"""Seconds between two reads of `wait`: short at first, so that the end of a short run is seen at once."""
_ENDS = {RunState.cancelled: "was cancelled", RunState.timed_out: "ran out of time"}


class RunSteps(Noun):
    """A run. `state` and `info` are as last read; `refresh` and `wait` read the run anew."""

    def __init__(self, session: Session, run_id: str, info: RunInfo | None = None) -> None:
        super().__init__(session)
        self.id = run_id
        self.info = info

    def refresh(self) -> Steps[Self]:
        """Read the run anew.

        Raises:
            NotFound: there is no such run.
        """
        yield from self._look()
        return self

    def wait(self, timeout: float | None = None, *, raise_on_failure: bool = False) -> Steps[Self]:
        """Wait until the run is over, for `timeout` seconds at most.

        Raises:
            NotFound: there is no such run.
            WaitTimeout: the run is not over in time.
            RunFailed: the run did not succeed, and `raise_on_failure` is set.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        pause = FIRST_POLL_S
        while not (info := (yield from self._look())).state.final:
            left = LAST_POLL_S if deadline is None else deadline - time.monotonic()
            if left <= 0:
                raise WaitTimeout(f"run {self.id} is still {info.state.name} after {timeout:g} s")
            yield from sleep(min(pause, left))
            pause = min(pause * 1.3, LAST_POLL_S)
        if raise_on_failure and info.state is not RunState.succeeded:
            raise RunFailed((yield from self._failure(info)))
        return self

    def jobs(self) -> Steps[list[JobRun]]:
        """Return the jobs of the run, in the order of the definition.

        Raises:
            NotFound: there is no such run.
        """
        yield from self._look()
        return (yield from read(reads.jobs(self.keys, self.id)))

    def output(self, job: str) -> Steps[Any]:
        """Return the output of a job; None if the job returned nothing or is not over.

        Raises:
            NotFound: there is no such run, or it has no such job.
        """
        from orchestrator.plan import values  # with Celery's JSON, which most commands do not need

        jobs = yield from self.jobs()
        index = next((each.index for each in jobs if each.name == job), None)
        if index is None:
            raise NotFound(f"run {self.id} has no job {job!r}")
        found = yield from read(reads.outputs(self.keys, self.id, [index]))
        return values.decode(found.get(index, b""))

    def cancel(self, why: str = "", *, who: str = "") -> Steps[Self]:
        """Ask for the end of the run: no more job starts, and running jobs are stopped within a beat.

        A run that is over stays as it is. `who` and `why` are kept with the run; by default they are those of the
        client's actor.

        Raises:
            NotFound: there is no such run.
        """
        yield from self._look()
        from orchestrator.state.transitions.replies import Missing
        from orchestrator.state.transitions.runs import Cancel, Ended, Marked

        marked = yield from change(self.session, Cancel(self.id, who, why))
        match marked:
            case Marked(todo):
                if todo:
                    yield from advance(self.session, self.id)
            case Ended() | Missing():
                pass
            case _:
                assert_never(marked)
        yield from self._look()
        return self

    def failure(self) -> Steps[str]:
        """Return one line that says why the run did not succeed.

        Raises:
            NotFound: there is no such run.
        """
        return (yield from self._failure(self.info or (yield from self._look())))

    def trace(self) -> Steps[dict[str, Any]]:
        """Return the run in the trace format, which `orchestrator replay` runs again.

        Raises:
            NotFound: there is no such run.
        """
        from orchestrator.client.trace import trace_json

        jobs = yield from self.jobs()
        info = yield from self._look()
        return trace_json(info, jobs, (yield from plan_of(self.keys, info.plan)))

    def _look(self) -> Steps[RunInfo]:
        """Read the run anew, and keep the result in `info`."""
        info = None
        if is_run_id(self.id):
            info = yield from read(reads.run(self.keys, self.id))
        if info is None:
            raise NotFound(f"there is no run {self.id!r}", remedy="orchestrator runs list shows them")
        self.info = info
        return info

    def _failure(self, info: RunInfo) -> Steps[str]:
        text = f"run {info.id} of {info.workflow} {_ENDS.get(info.state, info.state.name)}"
        if info.why:
            return f"{text}: {info.why}"
        jobs = yield from read(reads.jobs(self.keys, info.id))
        bad = next((job for job in jobs if job.error and job.state.final), None)
        if bad is not None and bad.error is not None:
            kind = str(bad.error.get("type", "error")).rpartition(".")[2]
            text += f": job {bad.name}: {kind}: {' '.join(str(bad.error.get('message', '')).split())}"
        return text
