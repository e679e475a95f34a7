"""`orchestrator schedules`: create, show, change, pause, delete and trigger schedules, and show the next runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli.base import Group, client
from orchestrator.cli.commands import backfills
from orchestrator.cli.commands.simulate import simulate
from orchestrator.cli.inputs import key_values, starter_argument
from orchestrator.model import shapes
from orchestrator.model.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.client import Client
    from orchestrator.model.starts import PastOccasion
    from orchestrator.starters.infos import ScheduleInfo
    from orchestrator.starters.schedule import Schedule

SHOWN = 5
"""The next runs that are shown with a schedule."""
KINDS = ("cron", "every", "at", "rrule")
_schedule = starter_argument("schedule")


@click.group(cls=Group)
def schedules() -> None:
    """Create, list, change, pause and backfill schedules. SCHEDULE is workflow/name, or a workflow for its default."""


schedules.add_command(backfills.backfill)
schedules.add_command(backfills.list_backfills)
schedules.add_command(backfills.cancel_backfill)
schedules.add_command(simulate)


@schedules.command("list", shape=list[shapes.Schedule])
@click.option("--workflow", metavar="NAME", help="Only schedules of this workflow.")
def list_schedules(workflow: str | None, as_json: bool) -> None:
    """List schedules: when they run, in words, and when next."""
    from orchestrator.cli.render.output import console, print_json, table
    from orchestrator.cli.render.starters import state_of
    from orchestrator.cli.render.times import now_ms, relative

    found = client().schedules.list(workflow)
    if as_json:
        print_json([info.to_json() for info in found])
    elif not found:
        console().print("no schedules: orchestrator schedules set makes one")
    else:
        rows = [
            (
                info.id, state_of(info.state), relative(info.starts_ms, now_ms()), info.running or None,
                info.waiting or None, info.description,
            )
            for info in found
        ]  # fmt: skip
        columns = ["SCHEDULE", "STATE", "NEXT", "RUNNING", "WAITING", "RUNS"]
        console().print(table(columns, rows, right=("RUNNING", "WAITING"), gives_way="RUNS"))


@schedules.command(shape=shapes.ScheduleWithPast)
@_schedule
def show(starter_id: str, as_json: bool) -> None:
    """Show a schedule: its definition, its next runs, and what became of its planned times."""
    from orchestrator.cli.render.output import console, print_json
    from orchestrator.cli.render.starters import past_table

    made = client()
    info, past = made.schedules.get(starter_id), made.schedules.past(starter_id)
    if as_json:
        coming = [each.to_json() for each in made.schedules.next(SHOWN, starter_id)]
        outcomes = [each.to_json() for each in past]
        print_json(shapes.ScheduleWithPast(**info.to_json(), coming=coming, past=outcomes))
        return
    _print_head(info)
    if info.blocked:
        _print_blocked(info, past)
    _print_coming(made, starter_id)
    if past:
        from orchestrator.cli.render.times import now_ms

        console().print()
        console().print(past_table(past, now_ms(), info.schedule.timing.zone_name))


@schedules.command("next", shape=list[shapes.NextStart])
@click.argument("of", required=False, metavar="[WORKFLOW|SCHEDULE]")
@click.option("--count", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many runs to show.")
def next_(of: str | None, count: int, as_json: bool) -> None:
    """Show the next runs of all schedules together, in the order in which they start."""
    from orchestrator.cli.render.output import console, print_json
    from orchestrator.cli.render.starters import coming_table
    from orchestrator.cli.render.times import now_ms

    found = client().schedules.next(count, of)
    if as_json:
        print_json([each.to_json() for each in found])
    elif not found:
        console().print("nothing is planned")
    else:
        console().print(coming_table(found, now_ms(), names=True))


@schedules.command("set", shape=shapes.ScheduleWithNext | shapes.ScheduleTried)
@_schedule
@click.option("--cron", metavar="EXPR", help="A cron expression, such as '0 2 * * *'.")
@click.option("--every", metavar="LENGTH", help="An interval, such as 15m.")
@click.option("--at", multiple=True, metavar="ISO", help="A moment; may be given several times.")
@click.option("--rrule", metavar="RULE", help="A recurrence rule of iCalendar, with its DTSTART.")
@click.option("--file", "file", metavar="FILE", help="The whole definition (YAML or JSON; - for stdin).")
@click.option("--tz", metavar="ZONE", help="The time zone, such as Europe/Paris.")
@click.option("-p", "--param", "params", multiple=True, metavar="KEY=VALUE", help="A parameter of its runs.")
@click.option("--days", metavar="CALENDAR", help="Only on the days of this calendar.")
@click.option("--move", type=click.Choice(["skip", "next", "previous"]), help="Where a time on another day is moved.")
@click.option("--start", metavar="ISO", help="No run before this moment.")
@click.option("--end", metavar="ISO", help="No run from this moment on.")
@click.option("--jitter", metavar="LENGTH", help="Runs start later by a random length up to this.")
@click.option("--overlap", type=click.Choice(["allow", "skip", "queue_one", "queue_all", "cancel_old"]),
              help="What happens to a run while an earlier one goes on.")  # fmt: skip
@click.option("--misfire", type=click.Choice(["skip", "run_once", "run_all"]), help="What happens to missed times.")
@click.option("--grace", metavar="LENGTH", help="How late a missed time may still run.")
@click.option("--depends-on-past/--no-depends-on-past", "depends_on_past", default=None,
              help="Whether a run waits for the success of the one before.")  # fmt: skip
@click.option("--priority", type=click.Choice(["critical", "high", "normal", "low"]), help="The class of its runs.")
@click.option("--enabled/--disabled", "enabled", default=None, help="Whether it starts runs.")
@click.option("--description", metavar="TEXT", help="What it is for.")
@click.option("--unset", multiple=True, metavar="FIELD", help="Put a field back to its default.")
@click.option("--dry-run", is_flag=True, help="Show when it would run, and store nothing.")
def set_schedule(
    starter_id: str, file: str | None, params: tuple[str, ...], unset: tuple[str, ...], dry_run: bool, as_json: bool,
    **given: Any,
) -> None:  # fmt: skip
    """Create or change a schedule. Fields that are not named stay as they are. Shows when it runs next.

    \b
    orchestrator schedules set nightly/paris --cron "0 2 * * *" --tz Europe/Paris -p day=mon
    orchestrator schedules set nightly/paris --overlap skip --dry-run
    """
    from orchestrator.cli.inputs import read_document
    from orchestrator.cli.render.output import console, print_json, say
    from orchestrator.cli.render.starters import coming_table
    from orchestrator.cli.render.times import now_ms
    from orchestrator.starters.schedule import read_schedule

    fields = {name: value for name, value in given.items() if value not in (None, ())}
    if file is not None and (fields or params or unset):
        raise click.UsageError("--file is the whole definition: no other option goes with it")
    if file is None and not (fields or params or unset):
        raise click.UsageError("name what to set: --cron, --every, --at, --rrule, --file, or another field")
    made = client()
    workflow, _, name = starter_id.partition("/")
    before = _known(made, starter_id)
    if file is not None:
        schedule = read_document(file, lambda value, complain: read_schedule(name, value, complain))
    else:
        schedule = _changed(made, workflow, name, before, fields, params, unset)
    if dry_run:
        coming = made.schedules.preview(workflow, schedule, SHOWN)
        if as_json:
            tried = shapes.ScheduleTried(
                id=starter_id, dry_run=True, description=schedule.describe(starter_id),
                definition=schedule.document(), coming=[each.to_json() for each in coming],
            )  # fmt: skip
            print_json(tried)
        else:
            console().print(f"{starter_id} would run {schedule.describe(starter_id)}")
            console().print(coming_table(coming, now_ms(), names=False))
        return
    info = made.schedules.put(workflow, schedule, generation=before.generation if before else 0)
    if as_json:
        starts = [each.to_json() for each in made.schedules.next(SHOWN, starter_id)]
        print_json(shapes.ScheduleWithNext(**info.to_json(), coming=starts))
        return
    say(f"{starter_id} is {'changed' if before else 'created'}")
    _print_head(info)
    _print_coming(made, starter_id)


@schedules.command(shape=shapes.Schedule)
@_schedule
def pause(starter_id: str, as_json: bool) -> None:
    """Pause a schedule: it starts nothing. What waits is kept, and its runs go on."""
    made = client()
    made.schedules.pause(starter_id)
    _told(made.schedules.get(starter_id), as_json)


@schedules.command(shape=shapes.Schedule)
@_schedule
@click.option("--catch-up", is_flag=True, help="The misfire policy decides about the planned times since the pause.")
def resume(starter_id: str, catch_up: bool, as_json: bool) -> None:
    """Resume a paused schedule, from now on."""
    made = client()
    made.schedules.resume(starter_id, catch_up=catch_up)
    _told(made.schedules.get(starter_id), as_json)


@schedules.command(shape=shapes.Deleted)
@_schedule
def delete(starter_id: str, as_json: bool) -> None:
    """Delete a schedule with its history, what waits, and its backfills. Its runs go on."""
    from orchestrator.cli.render.starters import print_deleted

    client().schedules.delete(starter_id)
    print_deleted(starter_id, as_json)


@schedules.command(shape=shapes.Run)
@_schedule
@click.option(
    "-p",
    "--param",
    "params",
    multiple=True,
    metavar="KEY=VALUE",
    help="A parameter; wins over the schedule's.",
)
@click.option("--wait", is_flag=True, help="Wait for the end; exit with 1 unless it succeeded.")
@click.pass_context
def trigger(ctx: click.Context, starter_id: str, params: tuple[str, ...], wait: bool, as_json: bool) -> None:
    """Start a run of a schedule now, with its parameters, even if it is paused."""
    from orchestrator.cli.commands.submit import finish
    from orchestrator.plan.params import coerce

    made = client()
    values = (
        coerce(made.workflows.schema(made.schedules.get(starter_id).workflow), key_values(params)) if params else {}
    )
    finish(ctx, made, made.schedules.trigger(starter_id, values), wait=wait, as_json=as_json)


def _known(made: Client, starter_id: str) -> ScheduleInfo | None:
    try:
        return made.schedules.get(starter_id)
    except NotFound:
        return None


def _changed(
    made: Client, workflow: str, name: str, before: ScheduleInfo | None, fields: dict[str, Any],
    params: tuple[str, ...], unset: tuple[str, ...],
) -> Schedule:  # fmt: skip
    """Return the schedule as it is, or a new one, with the given fields in it."""
    from orchestrator.plan.params import coerce
    from orchestrator.starters.schedule import BELONGS, Schedule, ScheduleFields

    document = before.schedule.document() if before else {}
    for field in unset:
        if field not in ScheduleFields.model_fields:
            raise click.BadParameter(f"there is no field {field!r}", param_hint="--unset")
        document.pop(field, None)
    if any(kind in fields for kind in KINDS):  # a new kind of timing replaces the old one
        for field in (*KINDS, "nth_day", *BELONGS):
            document.pop(field, None)
    if "at" in fields:
        fields = {**fields, "at": list(fields["at"])}
    document |= fields
    if params:
        values = coerce(made.workflows.schema(workflow), key_values(params))
        document["params"] = {**document.get("params", {}), **values}
    return Schedule.read(name, document)


def _print_head(info: ScheduleInfo) -> None:
    from rich.text import Text

    from orchestrator.cli.render.output import console
    from orchestrator.cli.render.starters import ends, state_of
    from orchestrator.cli.render.times import now_ms, relative

    line = Text(info.id, style="bold").append("  ").append_text(state_of(info.state))
    if info.paused_ms is not None:
        line.append(f" {relative(info.paused_ms, now_ms())}", style="dim")
    line.append(f"  runs {info.description}")
    console().print(line)
    if info.schedule.description:
        console().print(Text(info.schedule.description, style="dim"))
    counts = [f"{number} {what}" for number, what in ((info.running, "running"), (info.waiting, "waiting")) if number]
    told = ends(info.ended)
    if counts or told:
        parts = [*(Text(each) for each in counts), *([told] if told else [])]
        console().print(Text(", ").join(parts))


def _print_blocked(info: ScheduleInfo, past: Sequence[PastOccasion]) -> None:
    """Name the run that the next ones depend on, and the command that runs its planned time again."""
    from datetime import timedelta

    from rich.text import Text

    from orchestrator.cli.render.output import console
    from orchestrator.cli.render.times import local
    from orchestrator.timing.base import to_datetime

    over = [each for each in past if each.end is not None]
    if not over:
        console().print("blocked: an earlier run did not succeed, and each depends on the one before")
        return
    last = max(over, key=lambda each: each.at_ms)
    assert last.end is not None
    zone = info.schedule.timing.zone_name
    what = f"{last.run} of {local(last.at_ms, zone)} did not succeed ({last.end.name})"
    console().print(Text(f"blocked: each run depends on the one before, and {what}", style="yellow"), soft_wrap=True)
    first = to_datetime(last.at_ms, zone)
    span = f"--from {first.isoformat()} --to {(first + timedelta(seconds=1)).isoformat()}"
    remedy = f"run it again: orchestrator schedules backfill {info.id} {span} --only failed"
    console().print(Text(remedy), soft_wrap=True)


def _print_coming(made: Client, starter_id: str) -> None:
    from orchestrator.cli.render.output import console
    from orchestrator.cli.render.starters import coming_table
    from orchestrator.cli.render.times import now_ms

    coming = made.schedules.next(SHOWN, starter_id)
    if coming:
        console().print()
        console().print(coming_table(coming, now_ms(), names=False))


def _told(info: ScheduleInfo, as_json: bool) -> None:
    from orchestrator.cli.render.output import print_json
    from orchestrator.cli.render.times import now_ms, relative

    if as_json:
        print_json(info.to_json())
    else:
        following = f", next {relative(info.starts_ms, now_ms())}" if info.starts_ms is not None else ""
        click.echo(f"{info.id} {info.state}{following}")
