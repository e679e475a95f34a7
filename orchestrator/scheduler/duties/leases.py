"""Close nodes whose lease is over, and publish permits again where work waits beside idle slots."""

from __future__ import annotations

import logging

from orchestrator.dispatch.permits import Publisher
from orchestrator.scheduler.duties import Tools
from orchestrator.scheduler.duties.append_only_file import rewrite_after_restart
from orchestrator.state import reads
from orchestrator.state.reads import health
from orchestrator.state.transitions.nodes import Reap

log = logging.getLogger(__name__)


class Leases:
    """Reaps. The script `reap` tells an outage of the store from the death of its nodes.

    It publishes for the nodes that listen to the broker of this scheduler; for the others their own beats do.
    """

    name = "leases"
    interval_s = 1.0
    patience_s = 0.0

    def __init__(self, publisher: Publisher | None = None) -> None:
        self._publisher = publisher
        self._broker_ids = ""
        self._server = ""
        self._set_back_at_ms: int | None = None

    def step(self, tools: Tools) -> float:
        """See `Duty.step`."""
        (info,) = tools.store.pipeline([("INFO", "server")])
        self._compare(tools)
        self._tell_clock(tools)
        server = str(info["run_id"])
        if server != self._server:
            rewrite_after_restart(tools.store, server)
            self._server = server
        reaped = tools.store.run(Reap(server, self._broker_ids))
        for gone in reaped.gone:
            log.warning("worker %s is lost: no beat within its lease; it ran %s", gone.node, gone.refs or "nothing")
        tools.publish(reaped.permits)
        return self.interval_s

    def _tell_clock(self, tools: Tools) -> None:
        """Say it where the namespace's clock was set back since the last step."""
        clock = tools.store.read(health.clock_state(tools.store.keys))
        if self._set_back_at_ms not in (None, clock.set_back_at_ms):
            log.warning(
                "the clock of Redis was %d s ahead, and is right again; timers that were set meanwhile are late",
                clock.set_back_ms // 1000,
            )
        self._set_back_at_ms = clock.set_back_at_ms

    def _compare(self, tools: Tools) -> None:
        """Compare the broker with that of the nodes, and say it where they differ."""
        publisher = self._publisher
        if publisher is None or not publisher.agreement.stale:
            return
        publisher.agreement.learn(tools.store.read(reads.nodes(tools.store.keys)))
        publisher.agreement.tell()
        self._broker_ids = " ".join(sorted(publisher.broker.all_ids()))
