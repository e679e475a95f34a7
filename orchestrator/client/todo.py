"""The `todo` of a run: the part of a transition that is too much for one script, carried out slice by slice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.client.session import Session
from orchestrator.client.steps import Steps, change, publish

if TYPE_CHECKING:
    from orchestrator.dispatch.publishers import Apps

SLICES = 4
"""The slices of a run's `todo` that a client carries out itself; workers and schedulers do the rest."""


def advance(session: Session, run_id: str, apps: Apps | None = None) -> Steps[None]:
    """Carry out some slices of a run's `todo`."""
    from orchestrator.state.transitions.replies import Missing
    from orchestrator.state.transitions.runs import Advance

    for _ in range(SLICES):
        advanced = yield from change(session, Advance(run_id))
        if isinstance(advanced, Missing):
            return
        yield from publish(advanced.permits, apps)
        if not advanced.more:
            return
