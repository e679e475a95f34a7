"""The transitions of plans: an upload is sealed as a workflow's version, or dated and deleted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from orchestrator.state.transitions.base import Reply, Transition
from orchestrator.state.transitions.replies import Dropped, NoPlan, Outdated, Recent


@dataclass(frozen=True, slots=True)
class Stored(Reply):
    """The plan is sealed. `version` is its number in the workflow, `new` whether it was given just now."""

    tag: ClassVar[str] = "stored"
    version: int
    new: bool


@dataclass(frozen=True, slots=True)
class Sealed(Reply):
    """The upload was sealed: only its note is deleted."""

    tag: ClassVar[str] = "sealed"


@dataclass(frozen=True, slots=True)
class PutPlan(Transition[Stored | NoPlan]):
    """Seal an uploaded plan and make it the workflow's current version."""

    script: ClassVar[str] = "put_plan"
    workflow: str
    plan: str


@dataclass(frozen=True, slots=True)
class Dated(Reply):
    """The upload's life counts from now."""

    tag: ClassVar[str] = "dated"


@dataclass(frozen=True, slots=True)
class DateUpload(Transition[Dated | Outdated]):
    """Date an upload that a scheduler meets for the first time."""

    script: ClassVar[str] = "date_upload"
    plan: str
    jobs: int


@dataclass(frozen=True, slots=True)
class DropUpload(Transition[Dropped | Sealed | Recent | Outdated]):
    """Delete an upload of a plan of so many jobs that was dated over `life_ms` ago and never sealed."""

    script: ClassVar[str] = "drop_upload"
    plan: str
    jobs: int
    life_ms: int
