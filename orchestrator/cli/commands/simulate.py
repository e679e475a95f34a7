"""`orchestrator schedules simulate`: what schedules in files would do from one moment to another, without a server."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli.base import Command
from orchestrator.cli.commands.apply import given_values, sources
from orchestrator.cli.inputs import Moment
from orchestrator.model import shapes

if TYPE_CHECKING:
    from orchestrator.scheduling.simulate import Entry, Simulated


class Stretch(click.ParamType[tuple[int, int]]):
    """Two moments with a slash between them, in ms."""

    name = "FROM/TO"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Read a text."""
        if isinstance(value, tuple):
            return value
        first, slash, last = value.partition("/")
        if not slash:
            self.fail(f"{value!r} is not two moments, as in 2027-03-28T01:00Z/2027-03-28T10:00Z", param, ctx)
        begin, end = (_ms(Moment().convert(each, param, ctx)) for each in (first, last))
        if end <= begin:
            self.fail(f"{last!r} is not after {first!r}", param, ctx)
        return begin, end


@click.command(cls=Command, shape=shapes.Simulation)
@sources
@click.option("--from", "start", type=Moment(), required=True, metavar="ISO", help="The first moment (or date).")
@click.option("--to", "end", type=Moment(), required=True, metavar="ISO", help="The moment (or date) where it ends.")
@click.option("--duration", default="10m", show_default=True, metavar="LENGTH", help="How long each run takes.")
@click.option("--outage", "outages", multiple=True, type=Stretch(), metavar="FROM/TO",
              help="A stretch in which no scheduler lives.")  # fmt: skip
def simulate(
    paths: tuple[str, ...], value_files: tuple[str, ...], settings: tuple[str, ...], start: date, end: date,
    duration: str, outages: tuple[tuple[int, int], ...], as_json: bool,
) -> None:  # fmt: skip
    """Show what the schedules in files would do, without a server: runs, what is missed, skipped and queued.

    It runs the code of schedulers. Every run succeeds, and starts as soon as its schedule lets it: workers are not
    simulated. Moments without an offset are in UTC.

    \b
    orchestrator schedules simulate sales.yaml --from 2027-03-01 --to 2027-04-01 --duration 40m
    orchestrator schedules simulate sales/ --from 2027-01-01 --to 2028-01-01 --outage 2027-03-28T00:00/2027-03-28T09:00
    """
    from orchestrator.cli.render.output import print_json
    from orchestrator.definitions.files import read
    from orchestrator.scheduling.simulate import simulate as simulated
    from orchestrator.settings import get_settings
    from orchestrator.timing.intervals import length_ms

    begin, finish = _ms(start), _ms(end)
    if finish <= begin:
        raise click.BadParameter(f"{end.isoformat()} is not after {start.isoformat()}", param_hint="--to")
    written = read(paths, get_settings().namespace, given_values(value_files, settings), leave_out=value_files)
    found = simulated(
        [(name.partition("/")[0], schedule) for name, schedule in written.schedules.items()],
        start=begin - 1,
        end=finish - 1,
        length=length_ms(duration),
        calendars=written.calendars,
        outages=outages,
    )
    if as_json:
        print_json(found.to_json())
        return
    zones = {name: schedule.timing.zone_name for name, schedule in written.schedules.items()}
    for entry in found.entries:
        click.echo(_line(entry, zones[entry.schedule]))
    _summary(found)


def _ms(moment: date) -> int:
    from orchestrator.timing.base import to_ms

    whole = moment if isinstance(moment, datetime) else datetime(moment.year, moment.month, moment.day)
    return to_ms(whole if whole.tzinfo else whole.replace(tzinfo=UTC))


def _line(entry: Entry, zone_name: str) -> str:
    from orchestrator.cli.render.times import duration, local

    words = [local(entry.planned, zone_name), f"{entry.word:7}", entry.schedule]
    if entry.word == "run" and entry.started is not None and entry.started != entry.planned:
        words.append(f"{duration(entry.started - entry.planned)} later")
    if entry.end is not None and entry.end.name != "succeeded":
        words.append(entry.end.name)
    if entry.count > 1 and entry.first is not None:
        words.append(f"{entry.count} times, since {local(entry.first, zone_name)}")
    return "  ".join(words)


def _summary(found: Simulated) -> None:
    from orchestrator.cli.render.output import console, table

    if not found.queues:
        console().print("no schedules in these files")
        return
    columns = ["SCHEDULE", "RUNS", "MISSED", "SKIPPED", "WAITING", "LONGEST QUEUE"]
    rows = [list(each.values()) for each in found.totals()]
    console().print()
    console().print(table(columns, rows, right=columns[1:], gives_way="SCHEDULE"))
