"""The stream of transitions of runs and job runs: `client.transitions`."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.client.session import Noun
from orchestrator.client.steps import Steps, read
from orchestrator.model.run import TransitionInfo
from orchestrator.state import reads


class TransitionsSteps(Noun):
    """The transitions of runs and job runs, as far back as the stream is kept."""

    def list(self, after: str = "-", limit: int = 500) -> Steps[Sequence[TransitionInfo]]:
        """Return the transitions after the one with the id `after`, the oldest first. `-` stands for the start.

        `limit` counts entries of the stream: the transitions that one script made in one run are one entry.
        """
        return (yield from read(reads.transitions(self.keys, after, limit)))

    def last(self) -> Steps[str]:
        """Return the id of the newest transition, `-` if there is none. A reader that follows begins there."""
        return (yield from read(reads.last_transition(self.keys)))
