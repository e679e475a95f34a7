"""The transition of definitions: several change together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from orchestrator.state.transitions.base import Reply, Transition


@dataclass(frozen=True, slots=True)
class Applied(Reply):
    """The definitions are changed. `revision` is their new number, 0 if none was asked for."""

    tag: ClassVar[str] = "applied"
    edits: int
    revision: int


@dataclass(frozen=True, slots=True)
class Changed(Reply):
    """Somebody changed definitions in the meantime: nothing was changed."""

    tag: ClassVar[str] = "conflict"
    edits: int


@dataclass(frozen=True, slots=True)
class NotUploaded(Reply):
    """The plan of that workflow is not uploaded: nothing was changed."""

    tag: ClassVar[str] = "noplan"
    workflow: str


@dataclass(frozen=True, slots=True)
class StaleEdit(Reply):
    """That starter is not as its editor saw it: nothing was changed."""

    tag: ClassVar[str] = "stale"
    id: str


@dataclass(frozen=True, slots=True)
class Apply(Transition[Applied | Changed | NotUploaded | StaleEdit]):
    """Change definitions together. `changes` are packed by `state.layouts.change_ops`.

    `expected` is the number of edits that the caller has seen (-1: whatever it is); `revision` is kept under a new
    number, unless it is empty.
    """

    script: ClassVar[str] = "apply"
    expected: int
    changes: bytes
    revision: bytes = b""
