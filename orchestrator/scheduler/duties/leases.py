"""Close nodes whose lease is over, and publish permits again where work waits beside idle slots."""

from __future__ import annotations

from orchestrator.scheduler.duties import Tools
from orchestrator.state.transitions.nodes import Reap


class Leases:
    """Reaps. The script `reap` tells an outage of the store from the death of its nodes."""

    name = "leases"
    interval_s = 1.0

    def step(self, tools: Tools) -> float:
        """See `Duty.step`."""
        (info,) = tools.store.pipeline([("INFO", "server")])
        reaped = tools.store.run(Reap(str(info["run_id"])))
        tools.publish(reaped.permits)
        return self.interval_s
