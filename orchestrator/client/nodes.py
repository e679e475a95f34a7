"""Worker nodes: `client.nodes`."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.client.session import Noun
from orchestrator.client.steps import Steps, ask, read
from orchestrator.model.run import NodeInfo
from orchestrator.state import reads


class NodesSteps(Noun):
    """The worker nodes: those that are alive, and those that were lost."""

    def list(self) -> Steps[Sequence[NodeInfo]]:
        """Return the live worker nodes, in the order in which their leases end."""
        return (yield from read(reads.nodes(self.keys)))

    def gone(self) -> Steps[Sequence[NodeInfo]]:
        """Return the worker nodes that were lost in the last hour, the last one first."""
        return (yield from read(reads.gone_nodes(self.keys)))

    def elsewhere(self) -> Steps[str]:
        """Say in one line that workers listen to another broker than this client publishes to; empty if all is well.

        Raises:
            StoreUnavailable: no broker is set, and no embedded Redis runs.
        """
        nodes = yield from read(reads.nodes(self.keys))
        queues = yield from read(reads.queues(self.keys))
        return (yield from ask(lambda port: port.elsewhere(nodes, queues)))
