"""How things look: one console, the colours of states, tables and JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestrator.model.states import JobState, RunState

PIPE_WIDTH = 200
"""Columns of a table that goes into a pipe or a file, where nothing wraps."""

STYLES = {
    "waiting": "dim",
    "queued": "blue",
    "running": "cyan",
    "retrying": "yellow",
    "succeeded": "green",
    "failed": "red",
    "timed_out": "red",
    "cancelled": "yellow",
    "cancelling": "yellow",
    "skipped": "dim",
    "upstream_failed": "red dim",
    "lost": "yellow",
}
MARKS = {
    "waiting": "·",
    "queued": "○",
    "running": "●",
    "retrying": "↻",
    "succeeded": "✔",
    "failed": "✘",
    "timed_out": "✘",
    "cancelled": "■",
    "cancelling": "■",
    "skipped": "-",
    "upstream_failed": "✘",
    "lost": "?",
}


@cache
def console() -> Console:
    """Return the console of stdout: colours in a terminal, plain text elsewhere and under `NO_COLOR`."""
    return Console(highlight=False, soft_wrap=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)


def pictures() -> bool:
    """Tell whether stdout is a terminal in which a picture can redraw itself."""
    return console().is_terminal and not console().is_dumb_terminal


def print_json(document: Any) -> None:
    """Print one JSON document on stdout."""
    print(json.dumps(document, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None))


def say(text: str) -> None:
    """Tell people something on stderr, away from the data."""
    print(text, file=sys.stderr, flush=True)


def state_text(state: JobState | RunState, *, mark: bool = True) -> Text:
    """Return a state's name in its colour."""
    name = state.name
    return Text(f"{MARKS.get(name, '·')} {name}" if mark else name, style=STYLES.get(name, ""))


def table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], *, right: Sequence[str] = (), gives_way: str = ""
) -> Table:
    """Return a plain table, in which None shows as a dash.

    `right` names the columns of numbers, `gives_way` the column that is cut if there is too little room.
    """
    made = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        # rich narrows a column that may wrap. The cells of that column may not wrap, so rich cuts them.
        made.add_column(column, justify="right" if column in right else "left", no_wrap=column != gives_way)
    for row in rows:
        made.add_row(*map(_cell, row))
    return made


def _cell(value: Any) -> Text:
    cell = value if isinstance(value, Text) else Text("–" if value is None else str(value))
    cell.no_wrap, cell.overflow = True, "ellipsis"
    return cell


def counts_text(counts: dict[JobState, int], total: int) -> Text:
    """Return `12 succeeded, 3 running` in the states' colours."""
    parts = [
        Text(f"{counts[state]} {state.name}", style=STYLES.get(state.name, ""))
        for state in JobState
        if counts.get(state)
    ]
    return Text(", ").join(parts) if parts else Text(f"{total} waiting", style="dim")


def progress_bar(counts: dict[JobState, int], total: int, width: int) -> Text:
    """Return a bar of `width` cells: green for succeeded, red for failed, cyan for running jobs."""
    good = counts.get(JobState.succeeded, 0)
    bad = sum(number for state, number in counts.items() if state.final and state is not JobState.succeeded)
    running = counts.get(JobState.running, 0)
    cells = [round(width * number / max(total, 1)) for number in (good, good + bad, good + bad + running)]
    bar = Text()
    bar.append("━" * cells[0], style="green")
    bar.append("━" * (cells[1] - cells[0]), style="red")
    bar.append("━" * (cells[2] - cells[1]), style="cyan")
    bar.append("─" * (width - cells[2]), style="dim")
    return bar
