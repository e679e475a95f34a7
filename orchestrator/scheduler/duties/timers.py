"""Apply the timers that are due. The store applies retries and deadlines itself; other kinds have a handler each."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.model.errors import OrchestratorError
from orchestrator.scheduler.duties import StepLimit, Tools
from orchestrator.state.transitions.timers import Fire

Handler = Callable[[Tools, Sequence[str], int], None]
"""Handles due timers of one kind, given their references and the time in ms.

A timer whose handler does not remove or move it is handed out again.
"""


PART = 10
"""Timers that one call of a handler is given, so that a step can end between two calls."""


@dataclass(frozen=True, slots=True)
class _Part:
    kind: str
    refs: Sequence[str]
    now_ms: int


class Timers:
    """Fires due timers, without a pause while there are any."""

    name = "timers"
    interval_s = 0.25
    patience_s = 0.5

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._handlers = handlers
        self._left: deque[_Part] = deque()
        """What was handed out and is not handled yet."""

    def step(self, tools: Tools) -> float:
        """See `Duty.step`."""
        limit = StepLimit()
        pause = 0.0 if self._left else self._fire(tools)
        failed: OrchestratorError | None = None
        while self._left and not limit.reached:
            part = self._left.popleft()
            try:
                self._handlers[part.kind](tools, part.refs, part.now_ms)
            except OrchestratorError as error:
                failed = failed or error  # the other kinds do not wait for this one
        if failed:
            raise failed
        return pause

    def _fire(self, tools: Tools) -> float:
        """Have the store apply what is due, note what is left to handlers, and return the seconds until the next."""
        fired = tools.store.run(Fire())
        tools.publish(fired.permits)
        handed: dict[str, list[str]] = defaultdict(list)
        for kind, ref in fired.handed:
            handed[kind].append(ref)
        for kind, refs in handed.items():
            self._left += (_Part(kind, refs[at : at + PART], fired.now_ms) for at in range(0, len(refs), PART))
        if handed:
            return 0
        if fired.next_due_ms is None:
            return self.interval_s
        # A timer set meanwhile may be due earlier, so the sleep is never longer than the interval.
        return min(max(fired.next_due_ms - fired.now_ms, 0) / 1000, self.interval_s)
