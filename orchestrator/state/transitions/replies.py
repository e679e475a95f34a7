"""The replies that scripts of several subjects share; each subject's own stand beside its transitions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from orchestrator.state.transitions.base import Reply
from orchestrator.state.transitions.values import Permits


@dataclass(frozen=True, slots=True)
class Gone(Reply):
    """This incarnation of the node is closed: it must register again, and its slots have lost their attempts."""

    tag: ClassVar[str] = "gone"


@dataclass(frozen=True, slots=True)
class Missing(Reply):
    """The run, delivery or trigger is missing: nothing was changed."""

    tag: ClassVar[str] = "missing"


@dataclass(frozen=True, slots=True)
class NoPlan(Reply):
    """The plan is not stored (or not sealed)."""

    tag: ClassVar[str] = "noplan"


@dataclass(frozen=True, slots=True)
class Dropped(Reply):
    """The upload, the note of a missing run or the occasions that waited are deleted."""

    tag: ClassVar[str] = "dropped"


@dataclass(frozen=True, slots=True)
class Outdated(Reply):
    """The starter or upload has changed, or somebody else was first: nothing was changed."""

    tag: ClassVar[str] = "stale"


@dataclass(frozen=True, slots=True)
class Started(Reply):
    """The occasion has its run. `todo` tells that `advance` has work left to do for it."""

    tag: ClassVar[str] = "started"
    permits: tuple[Permits, ...]
    todo: bool


@dataclass(frozen=True, slots=True)
class Waits(Reply):
    """The occasion waits until its starter has room for its run."""

    tag: ClassVar[str] = "waits"


@dataclass(frozen=True, slots=True)
class Skipped(Reply):
    """The occasion makes no run, by its starter's overlap policy."""

    tag: ClassVar[str] = "skipped"


@dataclass(frozen=True, slots=True)
class Recent(Reply):
    """The delivery or upload is not old enough to be deleted: nothing was changed."""

    tag: ClassVar[str] = "recent"
