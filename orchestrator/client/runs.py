"""Runs: `client.runs`."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.client.run import RunSteps
from orchestrator.client.session import Noun
from orchestrator.client.steps import Steps, read
from orchestrator.model.errors import ParameterError
from orchestrator.model.run import RunInfo
from orchestrator.model.states import RunState
from orchestrator.state import reads


class RunsSteps(Noun):
    """The runs, live and over."""

    def get(self, run_id: str) -> Steps[RunSteps]:
        """Return a run by its id.

        Raises:
            NotFound: there is no such run.
        """
        return (yield from RunSteps(self.session, run_id).refresh())

    def list(
        self, *, state: RunState | str | None = None, workflow: str | None = None, limit: int = 50
    ) -> Steps[Sequence[RunInfo]]:
        """Return the newest runs, the live ones first. `state` and `workflow` leave others out.

        Raises:
            ParameterError: a run has no such state.
        """
        return (yield from read(reads.runs(self.keys, state=_state(state), workflow=workflow, limit=limit)))


def _state(state: RunState | str | None) -> RunState | None:
    if state is None or isinstance(state, RunState):
        return state
    if state not in RunState.__members__:
        raise ParameterError(
            f"{state!r} is not the state of a run", remedy=f"it is one of {', '.join(RunState.__members__)}"
        )
    return RunState[state]
