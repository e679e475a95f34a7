"""Changes of definitions, as `apply` takes them: packed ops. Twin: the fragment `change_ops`.

A *starter* is a schedule, a trigger or a backfill. Its record has the fields of `Starter`, which scripts need, and the
definition itself as JSON, which scripts do not read. `generation` guards an edit: '' for any generation, '0' for a new
starter, else the generation that the editor has seen, or the text of `StarterRecord.seen`. With that text, a planned
time that a scheduler starts in the meantime stops the edit; else the edit would plan that time again.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Text = str | bytes | int
Op = tuple[Text, ...]
"""One change: its kind, then its fields."""

MOST_OPS = 5_000
"""Changes that one `apply` makes: about 0.2 s in which Redis does nothing else, the price of all or nothing."""


@dataclass(frozen=True, slots=True)
class Starter:
    """The values of a schedule, trigger or backfill that scripts read.

    `next` and `due` are a schedule's next planned time and when it starts (ms; None for none). `limit` is how many of
    its runs may live at a time (0 for any number), `log` the starter in whose journal its occasions are recorded. A
    trigger that gathers waits for `wait_ms` of quiet, or (with a `size`) until so many deliveries wait or the oldest
    has waited so long; one that waits for `need` datasets takes those of the last `within_ms` (0 for any time).
    `poll_ms` is how often a source is polled; `token` a webhook's. `managed_by` tells who manages it: `code`
    (registering its workflow), `files` (applying them), or empty. `about` describes a backfill for people (JSON).

    A pause is no part of it: a change leaves a paused starter paused.
    """

    id: str
    kind: str
    workflow: str
    spec: bytes
    enabled: bool
    overlap: str = "allow"
    limit: int = 0
    depends_on_past: bool = False
    next: int | None = None
    due: int | None = None
    log: str = ""
    wait_ms: int = 0
    size: int = 0
    need: int = 0
    within_ms: int = 0
    poll_ms: int = 0
    token: str = ""
    managed_by: str = ""
    about: bytes = b""

    def fields(self) -> Iterable[tuple[str, Text]]:
        """Yield the fields of its record."""
        yield from (("kind", self.kind), ("workflow", self.workflow), ("spec", self.spec), ("overlap", self.overlap))
        yield from (
            ("enabled", int(self.enabled)),
            ("limit", self.limit),
            ("depends_on_past", int(self.depends_on_past)),
        )
        yield "next", "" if self.next is None else self.next
        yield "due", 0 if self.due is None else self.due
        yield "log", self.log or self.id
        yield from (("wait_ms", self.wait_ms), ("size", self.size), ("need", self.need), ("within_ms", self.within_ms))
        yield from (
            ("poll_ms", self.poll_ms),
            ("token", self.token),
            ("managed_by", self.managed_by),
            ("about", self.about),
        )


def put_starter(starter: Starter, generation: Text = "") -> Op:
    """Create or change a schedule, trigger or backfill."""
    return ("starter", starter.id, generation, *(text for pair in starter.fields() for text in pair))


def drop_starter(starter: str, generation: Text = "") -> Op:
    """Delete a schedule, trigger or backfill; its runs go on."""
    return "drop", starter, generation


def pause(starter: str, generation: Text = "") -> Op:
    """Pause a schedule or trigger: it starts nothing, and its waiting occasions are kept."""
    return "pause", starter, generation


def resume(starter: str, generation: Text, following: int | None, due: int | None) -> Op:
    """Resume a schedule or trigger. `following` is a schedule's next planned time, `due` when its run starts."""
    return "resume", starter, generation, "" if following is None else following, due or 0


def clear(starter: str, generation: Text = "") -> Op:
    """Drop the waiting occasions of a schedule or trigger."""
    return "clear", starter, generation


def put_waiting(starter: str, occasions: Sequence[int | str]) -> Op:
    """Let occasions wait at a starter that is put after this in the same change."""
    return ("wait", starter, *occasions)


def put_workflow(workflow: str, plan: str) -> Op:
    """Make an uploaded plan the current version of its workflow."""
    return "workflow", workflow, plan


def drop_workflow(workflow: str) -> Op:
    """Offer a workflow no longer; its versions stay for their runs."""
    return "unworkflow", workflow


def put_calendar(name: str, document: bytes) -> Op:
    """Create or change a calendar."""
    return "calendar", name, document


def drop_calendar(name: str) -> Op:
    """Delete a calendar."""
    return "uncalendar", name


def watch(workflow: str) -> Op:
    """Deliver the ends of the workflow's runs: somebody listens for them."""
    return "watch", workflow


def pack(ops: Iterable[Op]) -> bytes:
    """Pack changes for `Apply`."""
    parts: list[bytes] = []
    for op in ops:
        parts.append(struct.pack(">H", len(op)))
        for text in op:
            data = text if isinstance(text, bytes) else str(text).encode()
            parts += (struct.pack(">I", len(data)), data)
    return b"".join(parts)
