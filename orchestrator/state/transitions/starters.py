"""The transitions of what starts runs: schedules, triggers, backfills, deliveries, definitions. See `transitions`.

An *occasion* is what ought to make one run: a planned time of a schedule (its ms as text) or a delivery to a trigger
(its id). Whoever starts one says of which generation of the starter it thinks, and which occasion it thinks is next: of
several schedulers one is first, and the others are `Outdated`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from orchestrator.state.transitions.replies import (
    Applied,
    Changed,
    Delivered,
    Dropped,
    Duplicate,
    Full,
    Known,
    Missing,
    NoPlan,
    NotUploaded,
    Outdated,
    Passed,
    Skipped,
    StaleEdit,
    Started,
    Waits,
)
from orchestrator.state.transitions.runs import Arg, read_rings, unexpected

MAX_WHY = 500
"""Characters of a reason that are kept."""


@dataclass(frozen=True, slots=True)
class StartPlanned:
    """A schedule's planned time makes its run, or waits, or is skipped, by the overlap policy; the next one is set.

    `planned` and `next` are ms as text, `next` empty after the last; `due` is when `next` starts (with its jitter).
    """

    script: ClassVar[str] = "start_planned"
    id: str
    gen: int
    planned: str
    next: str
    due: int
    run: str
    plan: str
    params: bytes
    cls: int
    facts: bytes

    def args(self) -> Sequence[Arg]:
        return (
            self.id, self.gen, self.planned, self.next, self.due, self.run, self.plan, self.params, self.cls, self.facts
        )  # fmt: skip

    def decode(self, reply: list[Any]) -> Started | Waits | Skipped | Outdated | NoPlan:
        match reply:
            case [b"started", rings, todo]:
                return Started(read_rings(rings), bool(todo))
            case [b"waits"]:
                return Waits()
            case [b"skipped"]:
                return Skipped()
            case [b"stale"]:
                return Outdated()
            case [b"noplan"]:
                return NoPlan()
        raise unexpected(self, reply)


@dataclass(frozen=True, slots=True)
class PassOver:
    """Planned times from `planned` to `last` make no run: they are recorded at `last`, and the next one is set.

    `word` is `missed` (`detail`: how many, and the first's ms) or `failed` (`detail`: why).
    """

    script: ClassVar[str] = "pass_over"
    id: str
    gen: int
    planned: str
    last: str
    word: str
    detail: str
    next: str
    due: int

    def args(self) -> Sequence[Arg]:
        return self.id, self.gen, self.planned, self.last, self.word, self.detail, self.next, self.due

    def decode(self, reply: list[Any]) -> Passed | Outdated:
        match reply:
            case [b"passed"]:
                return Passed()
            case [b"stale"]:
                return Outdated()
        raise unexpected(self, reply)


@dataclass(frozen=True, slots=True)
class StartWaiting:
    """What waits longest makes its run if there is room: one planned time, or `count` deliveries together.

    `part` is 1 where all the deliveries that wait together are too much for one run.
    """

    script: ClassVar[str] = "start_waiting"
    id: str
    gen: int
    occasion: str
    count: int
    run: str
    plan: str
    params: bytes
    cls: int
    facts: bytes
    part: int = 0

    def args(self) -> Sequence[Arg]:
        return (
            self.id, self.gen, self.occasion, self.count, self.run, self.plan, self.params, self.cls, self.facts,
            self.part,
        )  # fmt: skip

    def decode(self, reply: list[Any]) -> Started | Full | Outdated | NoPlan:
        match reply:
            case [b"started", rings, todo]:
                return Started(read_rings(rings), bool(todo))
            case [b"full"]:
                return Full()
            case [b"stale"]:
                return Outdated()
            case [b"noplan"]:
                return NoPlan()
        raise unexpected(self, reply)


@dataclass(frozen=True, slots=True)
class DropWaiting:
    """What waits longest makes no run, because it cannot: `detail` says why."""

    script: ClassVar[str] = "drop_waiting"
    id: str
    gen: int
    occasion: str
    count: int
    detail: str

    def args(self) -> Sequence[Arg]:
        return self.id, self.gen, self.occasion, self.count, self.detail

    def decode(self, reply: list[Any]) -> Dropped | Outdated:
        match reply:
            case [b"dropped"]:
                return Dropped()
            case [b"stale"]:
                return Outdated()
        raise unexpected(self, reply)


@dataclass(frozen=True, slots=True)
class Deliver:
    """Keep something that happened outside, once by its id.

    `topic` is what triggers listen for (`event:<name>`, `hook:<trigger>`, `run:<workflow>`, `dataset:<name>` …),
    `source` where it came from, for people; `body` its JSON, `headers` those of its message (JSON, or empty).
    """

    script: ClassVar[str] = "deliver"
    delivery: str
    topic: str
    source: str
    body: bytes
    headers: bytes = b""

    def args(self) -> Sequence[Arg]:
        return self.delivery, self.topic, self.source, self.body, self.headers

    def decode(self, reply: list[Any]) -> Delivered | Duplicate:
        match reply:
            case [b"delivered"]:
                return Delivered()
            case [b"duplicate"]:
                return Duplicate()
        raise unexpected(self, reply)


@dataclass(frozen=True, slots=True)
class Offer:
    """Let a delivery wait at a trigger for its run, or note `why` it makes none.

    `name` is the dataset's, for a trigger that waits for several.
    """

    script: ClassVar[str] = "offer"
    id: str
    gen: int
    delivery: str
    name: str
    why: str = ""

    def args(self) -> Sequence[Arg]:
        return self.id, self.gen, self.delivery, self.name, self.why

    def decode(self, reply: list[Any]) -> Waits | Skipped | Known | Outdated | Missing:
        match reply:
            case [b"waits"]:
                return Waits()
            case [b"skipped"]:
                return Skipped()
            case [b"known"]:
                return Known()
            case [b"stale"]:
                return Outdated()
            case [b"missing"]:
                return Missing()
        raise unexpected(self, reply)


@dataclass(frozen=True, slots=True)
class Apply:
    """Change definitions together. `changes` are packed by `state.layouts.change_ops`.

    `expected` is the number of edits that the caller has seen (-1: whatever it is); `revision` is kept under a new
    number, unless it is empty.
    """

    script: ClassVar[str] = "apply"
    expected: int
    changes: bytes
    revision: bytes = b""

    def args(self) -> Sequence[Arg]:
        return self.expected, self.changes, self.revision

    def decode(self, reply: list[Any]) -> Applied | Changed | NotUploaded | StaleEdit:
        match reply:
            case [b"applied", edits, revision]:
                return Applied(int(edits), int(revision))
            case [b"conflict", edits]:
                return Changed(int(edits))
            case [b"noplan", name]:
                return NotUploaded(name.decode())
            case [b"stale", id]:
                return StaleEdit(id.decode())
        raise unexpected(self, reply)
