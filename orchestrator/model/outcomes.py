"""How an attempt can end, as its worker reports it; `model.states` says which states that leads to."""

from __future__ import annotations

from typing import Literal

OutcomeKind = Literal["ok", "failed", "retry", "timed_out", "cancelled", "skipped", "unknown", "returned", "lost"]
"""`unknown`: the node does not know the task. `returned`: handed back unstarted. `lost`: its process died."""
