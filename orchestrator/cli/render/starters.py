"""How schedules, triggers and backfills look: their states, runs to come, and what became of earlier occasions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from orchestrator.cli.render.output import MARKS, STYLES, print_json, table
from orchestrator.cli.render.times import local, relative
from orchestrator.model import shapes
from orchestrator.model.states import RunState

if TYPE_CHECKING:
    from orchestrator.model.starts import NextStart, PastOccasion

STATE_STYLES = {"active": "green", "running": "cyan", "paused": "yellow", "disabled": "dim", "cancelled": "yellow"}
LAST = 10
"""Occasions that `show` prints; `--json` has them all."""


def state_of(name: str) -> Text:
    """Return the state of a schedule, trigger or backfill in its colour."""
    return Text(name, style=STATE_STYLES.get(name, ""))


def ends(ended: Mapping[RunState, int]) -> Text | None:
    """Return `12 succeeded, 1 failed` in the states' colours; None if no run has ended."""
    parts = [Text(f"{number} {state.name}", style=STYLES.get(state.name, "")) for state, number in ended.items()]
    return Text(", ").join(parts) if parts else None


def coming_table(coming: Iterable[NextStart], now_ms: int, *, names: bool) -> Table:
    """Return a table of runs to come, with `names` with the schedule of each."""
    rows = [
        (
            relative(each.starts_ms, now_ms), local(each.starts_ms, each.zone), each.schedule,
            local(each.planned_ms, each.zone) if each.planned_ms != each.starts_ms else None,
        )
        for each in coming
    ]  # fmt: skip
    columns = ["STARTS", "AT", "SCHEDULE", "PLANNED"]
    keep = [at for at in range(4) if (at != 2 or names) and (at != 3 or any(row[3] for row in rows))]
    return table([columns[at] for at in keep], [[row[at] for at in keep] for row in rows], gives_way="SCHEDULE")


def past_table(past: Sequence[PastOccasion], now_ms: int, zone_name: str) -> Table:
    """Return a table of what became of the last occasions, the newest first."""
    rows: list[tuple[Any, ...]] = []
    for each in list(reversed(past))[:LAST]:
        if each.word == "run":
            state = "running" if each.end is None else each.end.name
            told = Text(f"{MARKS.get(state, '·')} {state}", style=STYLES.get(state, ""))
            rows.append((relative(each.at_ms, now_ms), local(each.at_ms, zone_name), told, each.run))
        else:
            detail = each.detail
            if each.word == "missed":
                count, _, first = detail.partition(" ")
                detail = f"{count} since {local(int(first), zone_name)}" if count != "1" else ""
            rows.append((relative(each.at_ms, now_ms), local(each.at_ms, zone_name), each.word, detail))
    return table(["WHEN", "AT", "WHAT", ""], rows)


def print_deleted(starter_id: str, as_json: bool) -> None:
    """Print that a schedule or trigger is deleted."""
    if as_json:
        print_json(shapes.Deleted(id=starter_id, deleted=True))
    else:
        print(f"{starter_id} deleted")
