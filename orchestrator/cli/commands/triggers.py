"""`orchestrator triggers`: create, show, pause and delete triggers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from orchestrator.cli.base import Group, client
from orchestrator.cli.inputs import starter_argument
from orchestrator.model import shapes

if TYPE_CHECKING:
    from orchestrator.starters.infos import TriggerInfo

_trigger = starter_argument("trigger")


@click.group(cls=Group)
def triggers() -> None:
    """Create, list, pause and delete triggers. TRIGGER is workflow/name, or a workflow for its default."""


@triggers.command("list", shape=list[shapes.Trigger])
@click.option("--workflow", metavar="NAME", help="Only triggers of this workflow.")
def list_triggers(workflow: str | None, as_json: bool) -> None:
    """List triggers, and where their events come from."""
    from orchestrator.cli.render.output import console, print_json, table
    from orchestrator.cli.render.starters import ends, state_of

    found = client().triggers.list(workflow)
    if as_json:
        print_json([info.to_json() for info in found])
    elif not found:
        console().print("no triggers: orchestrator triggers set makes one")
    else:
        rows = [
            (
                info.id, state_of(info.state), _source(info), info.running or None, info.waiting or None,
                ends(info.ended),
            )
            for info in found
        ]  # fmt: skip
        columns = ["TRIGGER", "STATE", "LISTENS TO", "RUNNING", "WAITING", "RUNS"]
        console().print(table(columns, rows, right=("RUNNING", "WAITING"), gives_way="LISTENS TO"))


@triggers.command(shape=shapes.TriggerWithPast)
@_trigger
def show(starter_id: str, as_json: bool) -> None:
    """Show a trigger: its definition, a webhook's path, and what became of its deliveries."""
    from orchestrator.cli.render.output import console, print_json
    from orchestrator.cli.render.starters import past_table
    from orchestrator.cli.render.times import now_ms
    from orchestrator.dsl.yaml12 import dump_yaml

    made = client()
    info, past = made.triggers.get(starter_id), made.triggers.past(starter_id)
    if as_json:
        print_json(shapes.TriggerWithPast(**info.to_json(), past=[each.to_json() for each in past]))
        return
    click.echo(f"{info.id}  {info.state}  listens to {_source(info)}")
    if info.hook:
        click.echo(f"POST {info.hook}")
    click.echo(dump_yaml(info.trigger.document()).rstrip())
    if past:
        console().print()
        console().print(past_table(past, now_ms(), "UTC"))


@triggers.command("set", shape=shapes.Trigger)
@_trigger
@click.argument("file", metavar="FILE")
def set_trigger(starter_id: str, file: str, as_json: bool) -> None:
    """Create or change a trigger by its definition in FILE (YAML or JSON; - for stdin). A webhook keeps its path."""
    from orchestrator.cli.inputs import read_document
    from orchestrator.cli.render.output import print_json
    from orchestrator.starters.trigger import read_trigger

    workflow, _, name = starter_id.partition("/")
    trigger = read_document(file, lambda value, complain: read_trigger(name, value, complain))
    info = client().triggers.put(workflow, trigger)
    if as_json:
        print_json(info.to_json())
        return
    click.echo(f"{info.id} {info.state}, listens to {_source(info)}")
    if info.hook:
        click.echo(f"POST {info.hook}")


@triggers.command(shape=shapes.Trigger)
@_trigger
def pause(starter_id: str, as_json: bool) -> None:
    """Pause a trigger: it ignores events that come meanwhile. What waits is kept, and its runs go on."""
    made = client()
    made.triggers.pause(starter_id)
    _told(made.triggers.get(starter_id), as_json)


@triggers.command(shape=shapes.Trigger)
@_trigger
def resume(starter_id: str, as_json: bool) -> None:
    """Resume a paused trigger."""
    made = client()
    made.triggers.resume(starter_id)
    _told(made.triggers.get(starter_id), as_json)


@triggers.command(shape=shapes.Deleted)
@_trigger
def delete(starter_id: str, as_json: bool) -> None:
    """Delete a trigger with its history and what waits. Its runs go on."""
    from orchestrator.cli.render.starters import print_deleted

    client().triggers.delete(starter_id)
    print_deleted(starter_id, as_json)


def _source(info: TriggerInfo) -> str:
    """Say in a few words where a trigger's events come from."""
    trigger, kind = info.trigger, info.trigger.source_kind
    if trigger.event is not None:
        return f"event {', '.join(trigger.event)}"
    if trigger.run is not None:
        return f"end of {', '.join(trigger.run.workflow)} ({', '.join(trigger.run.states)})"
    if trigger.datasets is not None:
        some, all_ = trigger.datasets.any, trigger.datasets.all
        return f"dataset {' or '.join(some)}" if some else f"datasets {' and '.join(all_ or ())}"
    return kind.replace("_", " ")


def _told(info: TriggerInfo, as_json: bool) -> None:
    from orchestrator.cli.render.output import print_json

    if as_json:
        print_json(info.to_json())
    else:
        click.echo(f"{info.id} {info.state}")
