"""`orchestrator next EXPRESSION`: when a cron expression fires. It needs no server."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from orchestrator.cli.base import Command
from orchestrator.model import shapes

MOST = 10_000


@click.command("next", cls=Command, shape=list[shapes.LocalTime])
@click.argument("expression")
@click.option("--tz", default="UTC", metavar="ZONE", help="The time zone of the expression (default: UTC).")
@click.option("--from", "start", metavar="ISO", help="The times after this moment (default: now).")
@click.option("--count", type=click.IntRange(1, MOST), default=5, show_default=True, help="How many times to show.")
@click.option("--hash-id", metavar="ID", help="The id of the schedule: H in the expression is drawn from it.")
def next_(expression: str, tz: str, start: str | None, count: int, hash_id: str | None, as_json: bool) -> None:
    """Show when a cron expression fires next.

    \b
    orchestrator next "0 2 * * *" --tz Europe/Paris
    orchestrator next "0 9 * * mon-fri" --from 2027-03-26T12:00 --count 10 --json
    """
    from itertools import islice

    from orchestrator.cli.render.output import print_json, say
    from orchestrator.timing.cron import Cron

    cron = Cron(expression, tz=tz, hash_id=hash_id)
    times = [time.isoformat() for time in islice(cron.times(_moment(start, tz)), count)]
    if as_json:
        print_json(times)
    else:
        say(f"Runs {cron.describe()}")
        for time in times:
            click.echo(time)
        if len(times) < count:
            say("there are no more times")


def _moment(text: str | None, tz: str) -> datetime:
    """Read a moment; without an offset it is local time of the zone."""
    if text is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no ISO 8601 time such as 2027-03-28T01:30:00+01:00", param_hint="--from"
        ) from None
    if moment.tzinfo is None:
        from orchestrator.timing.zones import zone

        moment = moment.replace(tzinfo=zone(tz))
    return moment
