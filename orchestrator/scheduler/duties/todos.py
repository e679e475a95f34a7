"""Carry on with the `todo` of runs whose worker or submitter died, or left it to a scheduler."""

from __future__ import annotations

from orchestrator.scheduler.duties import StepLimit, Tools
from orchestrator.state import reads
from orchestrator.state.transitions.runs import Advance, Advanced, DropTodo

UNTOUCHED_MS = 300
SLICES = 20
"""Slices of one run that a step advances, so that a large run does not keep others waiting."""


class Todos:
    """Advances runs whose `todo` has been left behind."""

    name = "todos"
    interval_s = 0.25
    patience_s = 2.0

    def step(self, tools: Tools) -> float:
        """See `Duty.step`."""
        left_behind = tools.store.read(reads.left_behind(tools.store.keys, UNTOUCHED_MS))
        limit, unfinished = StepLimit(), False
        for run in left_behind:
            unfinished |= limit.reached or advance(tools, run, limit)
        return 0 if unfinished else self.interval_s


def advance(tools: Tools, run: str, limit: StepLimit) -> bool:
    """Advance one run by some slices; return whether it has more to do."""
    for _ in range(SLICES):
        if limit.reached:
            return True
        done = tools.store.run(Advance(run))
        if not isinstance(done, Advanced):
            tools.store.run(DropTodo(run))
            return False
        tools.publish(done.permits)
        if not done.more:
            return False
    return True
