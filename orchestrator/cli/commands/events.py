"""`orchestrator emit` and `orchestrator events`: emit an event, and show the runs that it started."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from orchestrator.cli.base import Command, Group, client
from orchestrator.model import shapes
from orchestrator.model.errors import ParameterError


@click.command(cls=Command, shape=shapes.Emitted)
@click.argument("name", metavar="EVENT")
@click.option("--payload", metavar="JSON|@FILE", help="The payload: JSON, or a file of it (@- for stdin).")
@click.option("--id", "given", metavar="ID", help="The same id again is the same event.")
@click.option("--dataset", is_flag=True, help="EVENT is a dataset that was written.")
def emit(name: str, payload: str | None, given: str | None, dataset: bool, as_json: bool) -> None:
    """Emit an event, such as order.paid, for the triggers that listen to it. Prints the delivery's id.

    \b
    orchestrator emit order.paid --payload '{"id": 7, "total": 120}' --id order-7
    """
    from orchestrator.cli.render.output import print_json, say

    made = client()
    send = made.events.emit_dataset if dataset else made.events.emit
    sent = send(name, _payload(payload), given, source="orchestrator emit")
    if as_json:
        print_json(sent.to_json())
        return
    click.echo(sent.id)
    say("it came before: nothing is changed" if sent.duplicate else f"see: orchestrator events show {sent.id}")


@click.group(cls=Group)
def events() -> None:
    """Show the events that came, and the runs that they started."""


@events.command("list", shape=list[shapes.Event])
@click.option("--name", metavar="EVENT", help="Only events of this name (or topic, as in hook:orders/paid).")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many.")
def list_events(name: str | None, limit: int, as_json: bool) -> None:
    """List events, the newest first."""
    from orchestrator.cli.render.output import console, print_json, table
    from orchestrator.cli.render.times import now_ms, relative

    found = client().events.list(limit, name)
    if as_json:
        print_json([each.to_json() for each in found])
    elif not found:
        console().print("no such events" if name else "no events yet: orchestrator emit sends one")
    else:
        rows = [
            (each.id, relative(each.at_ms, now_ms()), each.source, len(each.runs) or None, _outcome(each.outcomes))
            for each in found
        ]
        columns = ["DELIVERY", "CAME", "FROM", "RUNS", "OUTCOME"]
        console().print(table(columns, rows, right=("RUNS",), gives_way="OUTCOME"))


@events.command(shape=shapes.Event)
@click.argument("delivery", metavar="DELIVERY")
def show(delivery: str, as_json: bool) -> None:
    """Show an event, its payload, and what became of it at each trigger."""
    from orchestrator.cli.render.output import console, print_json, table
    from orchestrator.cli.render.times import local, now_ms, relative
    from orchestrator.model.ids import is_run_id

    found = client().events.get(delivery)
    if as_json:
        print_json(found.to_json())
        return
    came = f"came {relative(found.at_ms, now_ms())}, {local(found.at_ms, 'UTC')}"
    click.echo(f"{found.id}\n{found.topic} from {found.source}, {came}")
    click.echo(json.dumps(found.payload, ensure_ascii=False, indent=2))
    if not found.outcomes:
        click.echo("no trigger has taken it")
        return
    rows = [
        (trigger, "run" if is_run_id(outcome) else outcome.partition(" ")[0],
         outcome if is_run_id(outcome) else outcome.partition(" ")[2] or None)
        for trigger, outcome in found.outcomes.items()
    ]  # fmt: skip
    console().print()
    console().print(table(["TRIGGER", "WHAT", ""], rows))


def _outcome(outcomes: Any) -> str | None:
    return ", ".join(f"{trigger}: {outcome}" for trigger, outcome in outcomes.items()) or None


def _payload(text: str | None) -> Any:
    if text is None:
        return None
    where = "--payload"
    if text.startswith("@"):
        where = text[1:]
        try:
            text = sys.stdin.read() if where == "-" else Path(where).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ParameterError(f"cannot be read: {error}", where=where) from None
    try:
        return json.loads(text)
    except ValueError as error:
        raise ParameterError(f"not JSON: {error}", where=where) from None
