"""Worker nodes: `client.nodes`."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.client.session import Noun
from orchestrator.client.steps import Steps, read
from orchestrator.model.run import NodeInfo
from orchestrator.state import reads


class NodesSteps(Noun):
    """The live worker nodes."""

    def list(self) -> Steps[Sequence[NodeInfo]]:
        """Return the live worker nodes, in the order in which their leases end."""
        return (yield from read(reads.nodes(self.keys)))
