"""Queues: `client.queues`."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.client.session import Noun
from orchestrator.client.steps import Steps, read
from orchestrator.model.run import QueueInfo
from orchestrator.state import reads


class QueuesSteps(Noun):
    """The queues: one for each route and priority class."""

    def list(self) -> Steps[Sequence[QueueInfo]]:
        """Return how many jobs are ready on each route and priority class, in that order."""
        return (yield from read(reads.queues(self.keys)))
