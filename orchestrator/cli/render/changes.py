"""How a difference between definitions looks in a terminal: each definition that changes, field by field."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from rich.text import Text

from orchestrator.definitions.compare import Change, Pair
from orchestrator.definitions.proposal import Proposal
from orchestrator.definitions.revisions import Revision
from orchestrator.model.run import iso

SIGNS = {"create": ("+", "green"), "change": ("~", "yellow"), "delete": ("-", "red")}
MOST_NAMED = 20
"""The most names in one line. The rest are counted."""


def pictured(proposal: Proposal, beside: str, done: bool = False) -> Iterator[Text]:
    """Yield the lines of a proposal, or, with `done`, of changes that others have made.

    `beside` says of the definitions that are in the namespace only what becomes of them.
    """
    for change in proposal.changes:
        yield from _change(change)
    if proposal.planned_anew:
        yield Text.assemble(("planned anew, by a calendar that changes: ", "cyan"), _names(proposal.planned_anew))
    if proposal.difference.unmanaged:
        names = [f"{kind} {name}" for kind, name in proposal.difference.unmanaged]
        yield Text.assemble((f"{beside}: ", "dim"), (_names(names), "dim"))
    if proposal.paused:
        yield Text.assemble(("paused, and stays so: ", "dim"), (_names(proposal.paused), "dim"))
    yield counted(proposal.changes, done)


def counted(changes: Iterable[Change], done: bool = False) -> Text:
    """Return `2 to create, 1 to change`, with `done` `2 created, 1 changed`, or `no changes`."""
    actions = [change.action for change in changes]
    parts = [
        Text(f"{actions.count(action)} {action}d" if done else f"{actions.count(action)} to {action}", style=style)
        for action, (_, style) in SIGNS.items()
        if action in actions
    ]
    return Text(", ").join(parts) if parts else Text("no changes", style="green")


def revision_rows(revisions: Iterable[Revision]) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a table of revisions."""
    for each in revisions:
        reason = each.note.reason or (f"back to {each.back_to}" if each.back_to else "")
        yield each.number, iso(each.time_ms), each.note.author, each.note.source[:12], each.changes, reason


def _change(change: Change) -> Iterator[Text]:
    sign, style = SIGNS[change.action]
    yield Text.assemble((f"{sign} {change.kind} {change.name}", f"bold {style}"), (_version(change), "dim"))
    width = max((len(name) for name in change.fields), default=0)
    for name, pair in change.fields.items():
        yield Text.assemble(f"    {name:<{min(width, 30)}}  ", *_pair(change, pair))


def _pair(change: Change, pair: Pair) -> Iterator[tuple[str, str]]:
    if change.action == "create":
        yield _shown(pair.new), "green"
    elif change.action == "delete":
        yield _shown(pair.old), "red"
    else:
        yield "none" if pair.old is None else _shown(pair.old), "red"
        yield " → ", "dim"
        yield "none" if pair.new is None else _shown(pair.new), "green"


def _version(change: Change) -> str:
    if change.versions is None:
        return ""
    old, new = change.versions
    if change.action == "delete":
        return f"  (version {old})"
    if change.action == "create":
        return f"  (again version {new})" if new else ""
    return f"  (version {old} → {new})" if new else f"  (version {old} → new)"


def _shown(value: Any) -> str:
    """Return a value as JSON on one line. Control characters, which a terminal would obey, are escaped."""
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else json.dumps(value)


def _names(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - MOST_NAMED} more" if len(listed) > MOST_NAMED else ""
    return ", ".join(listed[:MOST_NAMED]) + more
