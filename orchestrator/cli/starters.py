"""What the commands about schedules, triggers and calendars share: ids, files, moments, and how they look."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem
from rich.text import Text

from orchestrator.cli.render.output import MARKS, STYLES, duration, print_json
from orchestrator.model.states import RunState
from orchestrator.timing.base import to_datetime

if TYPE_CHECKING:
    from rich.table import Table

    from orchestrator.client.infos import NextStart
    from orchestrator.model.complaints import Complain
    from orchestrator.state.reads.starters import Past

T = TypeVar("T")

STATE_STYLES = {"active": "green", "running": "cyan", "paused": "yellow", "disabled": "dim", "cancelled": "yellow"}
LAST = 10
"""Occasions that `show` tells; `--json` has them all."""


def starter_argument(kind: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the argument that names a schedule or trigger, with completion."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from orchestrator.client import Client
        from orchestrator.state.reads import starters

        try:
            with Client() as made:
                names = made.store.read(starters.ids(made.keys, kind))
                return [CompletionItem(name) for name in names if name.startswith(incomplete)]
        except Exception:  # noqa: BLE001 — a completion that fails shows nothing
            return []

    return click.argument("own", metavar=kind.upper(), callback=_whole, shell_complete=complete)


def _whole(ctx: click.Context, param: click.Parameter, given: str) -> str:
    """Read `workflow` alone as the schedule or trigger that has no name of its own."""
    return given if "/" in given else f"{given}/default"


def now() -> int:
    """Return the time, to tell how long ago things were."""
    return int(datetime.now(UTC).timestamp() * 1000)


def relative(ms: int | None, now_ms: int) -> str | None:
    """Return how far away a moment is: `in 2h07m`, `3d ago`."""
    if ms is None:
        return None
    away = abs(ms - now_ms) // 1000
    if away == 0:
        return "now"
    length = f"{away}s" if away < 100 else f"{away // 86_400}d" if away >= 2 * 86_400 else duration(away * 1000)
    return f"in {length}" if ms > now_ms else f"{length} ago"


def local(ms: int, zone_name: str) -> str:
    """Write a moment in local time of a zone, with its offset: `Mon 2027-03-01 02:00:00 +01:00`."""
    moment = to_datetime(ms, zone_name)
    offset = moment.isoformat(timespec="seconds")[19:]
    return f"{moment:%a %Y-%m-%d %H:%M:%S} {offset}"


def state_of(name: str) -> Text:
    """Return the state of a schedule, trigger or backfill in its colour."""
    return Text(name, style=STATE_STYLES.get(name, ""))


def ends(ended: Mapping[RunState, int]) -> Text | None:
    """Return `12 succeeded, 1 failed` in the states' colours; None if no run has ended."""
    parts = [Text(f"{number} {state.name}", style=STYLES.get(state.name, "")) for state, number in ended.items()]
    return Text(", ").join(parts) if parts else None


def coming_table(coming: Iterable[NextStart], now_ms: int, *, names: bool) -> Table:
    """Return a table of runs to come; `names` tells of which schedule each is."""
    from orchestrator.cli.render.output import table

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


def past_table(past: Sequence[Past], now_ms: int, zone_name: str) -> Table:
    """Return a table of what became of the last occasions, the newest first."""
    from orchestrator.cli.render.output import table

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


def tell_deleted(own: str, as_json: bool, key: str = "id") -> None:
    """Say that something is deleted; JSON has its id or name under `key`."""
    if as_json:
        print_json({key: own, "deleted": True})
    else:
        click.echo(f"{own} deleted")


def past_json(past: Sequence[Past]) -> list[dict[str, Any]]:
    """Return what became of occasions as plain data."""
    from orchestrator.model.run import iso

    return [
        {
            "time": iso(each.at_ms), "what": each.word, "run": each.run,
            "state": each.end.name if each.end is not None else None,
            "detail": None if each.word == "run" else each.detail,
        }
        for each in past
    ]  # fmt: skip


def read_document(path: str, read: Callable[[Any, Complain], T | None]) -> T:
    """Read a file (`-` for stdin) that holds one definition; what is wrong is told by its place in it."""
    from orchestrator.dsl.documents import parse, placed, read_bytes, refusal
    from orchestrator.model.complaints import Complaint
    from orchestrator.model.errors import DocumentError

    source = "stdin" if path == "-" else path
    parsed = parse(sys.stdin.buffer.read() if path == "-" else read_bytes(path), source)
    if len(parsed) != 1:
        raise DocumentError(f"it holds {len(parsed)} documents, where one is wanted", where=source)
    complaints: list[Complaint] = []
    found = read(parsed[0].value, lambda where, what: complaints.append(Complaint(where, what)))
    if found is None:
        raise refusal(placed(complaints, parsed[0]), source)
    return found


def pairs(given: Sequence[str]) -> dict[str, str]:
    """Read parameters that were given as `KEY=VALUE`."""
    from orchestrator.model.errors import ParameterError

    found = {}
    for pair in given:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise ParameterError(f"{pair!r} is not of the form key=value")
        found[key] = value
    return found


class Moment(click.ParamType[date | datetime]):
    """A date or a moment in ISO 8601; one without an offset stays so."""

    name = "ISO"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date | datetime:
        """Read it."""
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
        except ValueError:
            self.fail(
                f"{value!r} is no date such as 2027-03-01, and no time such as 2027-03-01T02:00+01:00", param, ctx
            )
