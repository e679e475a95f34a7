"""Changes of definitions, as `apply` takes them: packed ops. Twin: the fragment `change_ops`.

A *starter* is a schedule, a trigger or a backfill: its record holds what the scripts need (`Starter`'s fields) and the
definition itself as JSON, which they do not read. `generation` guards an edit: '' for any, '0' for a new one, else the
generation that the editor has seen, or what `StarterRecord.seen` says: then a planned time that a scheduler starts
meanwhile stops the edit too, which would plan it again otherwise.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Text = str | bytes | int
Op = tuple[Text, ...]
"""One change: its kind, then what belongs to it."""

MOST_OPS = 5_000
"""Changes that one `apply` makes: about 0.2 s in which Redis does nothing else, the price of all or nothing."""


@dataclass(frozen=True, slots=True)
class Starter:
    """What the scripts are to know of a schedule, trigger or backfill.

    `next` and `due` are a schedule's next planned time and when it starts (ms; None for none). `limit` is how many of
    its runs may live at a time (0 for any number), `log` the starter in whose past its occasions are recorded. A
    trigger that gathers waits for `wait_ms` of quiet, or (with a `size`) until so many deliveries wait or the oldest
    has waited so long; one that waits for `need` datasets takes those of the last `within_ms` (0 for any time).
    `poll_ms` is how often a source is asked; `token` a webhook's. `managed_by` tells who keeps it: `code` (whoever
    registers its workflow), `files` (whoever applies them), or empty. `about` is what people want to know of a
    backfill (JSON).

    Whether it is paused is no part of it: a change leaves that as it is.
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
    """Let a schedule or trigger start nothing, whatever its definition says; what waits is kept."""
    return "pause", starter, generation


def resume(starter: str, generation: Text, following: int | None, due: int | None) -> Op:
    """Let it go on. `following` is a schedule's next planned time, `due` when that starts."""
    return "resume", starter, generation, "" if following is None else following, due or 0


def clear(starter: str, generation: Text = "") -> Op:
    """Let what waits make no run any more."""
    return "clear", starter, generation


def put_waiting(starter: str, occasions: Sequence[int | str]) -> Op:
    """Let occasions wait at a starter that is put after this in the same change."""
    return ("wait", starter, *occasions)


def put_workflow(workflow: str, plan: str) -> Op:
    """Make an uploaded plan the current version of its workflow."""
    return "workflow", workflow, plan


def drop_workflow(workflow: str) -> Op:
    """Offer a workflow no longer; its versions stay for the runs that they have."""
    return "unworkflow", workflow


def put_calendar(name: str, document: bytes) -> Op:
    """Create or change a calendar."""
    return "calendar", name, document


def drop_calendar(name: str) -> Op:
    """Delete a calendar."""
    return "uncalendar", name


def watch(workflow: str) -> Op:
    """Note that somebody wants to know when runs of the workflow end."""
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
