"""`orchestrator schedules backfill`, `backfills` and `cancel-backfill`: runs for planned times of the past."""

from __future__ import annotations

from datetime import date

import click

from orchestrator.cli.base import Command, client
from orchestrator.cli.inputs import Moment, starter_argument
from orchestrator.model import shapes

SHOWN = 20
"""The most planned times that a dry run prints. `--json` has them all."""


@click.command(cls=Command, shape=shapes.BackfillMade)
@starter_argument("schedule")
@click.option("--from", "start", type=Moment(), required=True, metavar="ISO", help="The first moment (or date).")
@click.option("--to", "end", type=Moment(), required=True, metavar="ISO", help="The moment (or date) where it ends.")
@click.option("--parallel", type=click.IntRange(1), default=1, show_default=True, help="Runs that go on at a time.")
@click.option("--order", type=click.Choice(["oldest", "newest"]), default="oldest", show_default=True,
              help="Which planned times start first.")  # fmt: skip
@click.option("--only", type=click.Choice(["missing", "failed"]), help="Only times that have no run, or a failed one.")
@click.option("--priority", type=click.Choice(["critical", "high", "normal", "low"]), default="low",
              show_default=True, help="The class of its runs.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Show the planned times, and store nothing.")
def backfill(
    starter_id: str, start: date, end: date, parallel: int, order: str, only: str | None, priority: str, dry_run: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Make runs for the planned times of a schedule in a range. They run behind everything that is live.

    \b
    orchestrator schedules backfill nightly/paris --from 2027-02-01 --to 2027-03-01 --dry-run
    """
    from orchestrator.cli.render.output import print_json, say
    from orchestrator.cli.render.times import local

    made = client()
    found = made.backfills.create(
        starter_id, start, end, parallel=parallel, order=order, only=only, priority=priority, dry_run=dry_run  # type: ignore[arg-type]
    )  # fmt: skip
    if as_json:
        print_json(found.to_json())
        return
    if not found.count:
        click.echo("no planned times to backfill")
        return
    times = "planned time" if found.count == 1 else "planned times"
    if found.id is not None:
        click.echo(found.id)
        say(f"{found.count} {times}, {parallel} at a time; orchestrator schedules backfills shows how far they are")
        return
    zone = made.schedules.get(starter_id).schedule.timing.zone_name
    for ms in found.planned[:SHOWN]:
        click.echo(local(ms, zone))
    if found.count > SHOWN:
        click.echo(f"… and {found.count - SHOWN} more")
    say(f"{found.count} {times}; nothing is stored (--dry-run)")


@click.command("backfills", cls=Command, shape=list[shapes.Backfill])
@click.argument("schedule", required=False, metavar="[SCHEDULE]")
def list_backfills(schedule: str | None, as_json: bool) -> None:
    """List backfills, and how far they are."""
    from orchestrator.cli.render.output import console, print_json, table
    from orchestrator.cli.render.starters import ends, state_of
    from orchestrator.cli.render.times import now_ms, relative

    found = client().backfills.list(schedule)
    if as_json:
        print_json([each.to_json() for each in found])
    elif not found:
        console().print("no backfills")
    else:
        rows = [
            (
                each.id, state_of(each.state), f"{each.over}/{each.count}", each.running or None,
                relative(each.created_ms, now_ms()), ends(each.ended or {}),
            )
            for each in found
        ]  # fmt: skip
        columns = ["BACKFILL", "STATE", "OVER", "RUNNING", "CREATED", "RUNS"]
        console().print(table(columns, rows, right=("OVER", "RUNNING"), gives_way="RUNS"))


@click.command("cancel-backfill", cls=Command, shape=shapes.Backfill)
@click.argument("backfill", metavar="BACKFILL")
def cancel_backfill(backfill: str, as_json: bool) -> None:
    """Cancel a backfill: planned times that wait make no runs any more. Its runs go on."""
    from orchestrator.cli.render.output import print_json

    found = client().backfills.cancel(backfill)
    if as_json:
        print_json(found.to_json())
    else:
        click.echo(f"{found.id} {found.state}: {found.over} of {found.count} are over, {found.running} are running")
