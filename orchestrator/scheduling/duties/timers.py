"""Apply the timers that are due: retries, run deadlines."""

from __future__ import annotations

from orchestrator.scheduling.duties import Tools
from orchestrator.state.transitions import Fire


class Timers:
    """Fires due timers; a burst is worked off without a pause."""

    name = "timers"
    interval_s = 0.25

    def step(self, tools: Tools) -> float:
        """See `Duty.step`."""
        fired = tools.store.run(Fire())
        tools.ring(fired.rings)
        if fired.next_due_ms is None:
            return self.interval_s
        # A timer set meanwhile may be due earlier, so the sleep is never longer than the interval.
        return min(max(fired.next_due_ms - fired.now_ms, 0) / 1000, self.interval_s)
