"""Apply the timers that are due. The store applies retries and deadlines itself; other kinds have a handler each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from orchestrator.model.errors import OrchestratorError
from orchestrator.scheduler.duties import Tools
from orchestrator.state.transitions.timers import Fire

Handler = Callable[[Tools, Sequence[str], int], None]
"""Handles due timers of one kind, given their references and the time in ms.

A timer whose handler does not remove or move it is handed out again.
"""


class Timers:
    """Fires due timers, without a pause while there are any."""

    name = "timers"
    interval_s = 0.25

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._handlers = handlers

    def step(self, tools: Tools) -> float:
        """See `Duty.step`."""
        fired = tools.store.run(Fire())
        tools.publish(fired.permits)
        handed: dict[str, list[str]] = defaultdict(list)
        for kind, ref in fired.handed:
            handed[kind].append(ref)
        failed: OrchestratorError | None = None
        for kind, refs in handed.items():
            try:
                self._handlers[kind](tools, refs, fired.now_ms)
            except OrchestratorError as error:
                failed = failed or error  # the other kinds do not wait for this one
        if failed:
            raise failed
        if handed:
            return 0
        if fired.next_due_ms is None:
            return self.interval_s
        # A timer set meanwhile may be due earlier, so the sleep is never longer than the interval.
        return min(max(fired.next_due_ms - fired.now_ms, 0) / 1000, self.interval_s)
