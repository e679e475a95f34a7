"""`orchestrator calendars`: the sets of days that schedules name."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli.base import Group, client
from orchestrator.model import shapes

if TYPE_CHECKING:
    from orchestrator.model.complaints import Complain
    from orchestrator.timing.calendars import Calendar


@click.group(cls=Group)
def calendars() -> None:
    """List, set and delete calendars, and show their days."""


@calendars.command("list", shape=list[shapes.Calendar])
def list_calendars(as_json: bool) -> None:
    """List calendars, and how many schedules use each."""
    from orchestrator.cli.render.output import console, print_json, table

    found = client().calendars.list()
    if as_json:
        print_json([info.to_json() for info in found])
    elif not found:
        console().print("no calendars: orchestrator calendars set makes one")
    else:
        rows = [(info.name, len(info.used_by), _inline(info.calendar)) for info in found]
        console().print(table(["CALENDAR", "SCHEDULES", "DAYS"], rows, right=("SCHEDULES",), gives_way="DAYS"))


@calendars.command(shape=shapes.Calendar)
@click.argument("name", metavar="CALENDAR")
def show(name: str, as_json: bool) -> None:
    """Print a calendar as a document, which can be edited and set."""
    from orchestrator.cli.render.output import print_json, say
    from orchestrator.dsl.yaml12 import dump_yaml

    info = client().calendars.get(name)
    if as_json:
        print_json(info.to_json())
        return
    click.echo(dump_yaml(info.calendar.document()).rstrip())
    say(f"used by {', '.join(info.used_by) or 'no schedule'}")


@calendars.command("set", shape=shapes.Calendar)
@click.argument("name", metavar="CALENDAR")
@click.argument("file", metavar="FILE")
def set_calendar(name: str, file: str, as_json: bool) -> None:
    """Create or change a calendar by its definition in FILE (YAML or JSON; - for stdin).

    The schedules that use it are planned anew at once.
    """
    from orchestrator.cli.inputs import read_document
    from orchestrator.cli.render.output import print_json

    info = client().calendars.put(name, read_document(file, _read))
    if as_json:
        print_json(info.to_json())
    else:
        planned = f"; planned anew: {', '.join(info.used_by)}" if info.used_by else ""
        click.echo(f"{name} is set{planned}")


@calendars.command(shape=shapes.DeletedCalendar)
@click.argument("name", metavar="CALENDAR")
def delete(name: str, as_json: bool) -> None:
    """Delete a calendar that no schedule uses."""
    from orchestrator.cli.render.output import print_json

    client().calendars.delete(name)
    if as_json:
        print_json(shapes.DeletedCalendar(name=name, deleted=True))
    else:
        click.echo(f"{name} deleted")


@calendars.command(shape=list[shapes.Date])
@click.argument("name", metavar="CALENDAR")
@click.option("--year", type=click.IntRange(1970, 9998), metavar="YEAR", help="This year by default.")
def days(name: str, year: int | None, as_json: bool) -> None:
    """Show the days of a calendar in a year, a line a month."""
    from orchestrator.cli.render.output import print_json

    year = year or datetime.now(UTC).year
    made = client()
    whole = made.calendars.resolve(made.calendars.get(name).calendar)
    first = date(year, 1, 1)
    found = [day for n in range(366) if (day := first + timedelta(days=n)).year == year and day in whole]
    if as_json:
        print_json([day.isoformat() for day in found])
        return
    for month in range(1, 13):
        of_month = [f"{day.day:2}" for day in found if day.month == month]
        click.echo(f"{date(year, month, 1):%b}  {' '.join(of_month) or '–'}")


def _read(value: Any, complain: Complain) -> Calendar | None:
    from orchestrator.definitions.bundles import read_calendar
    from orchestrator.model.complaints import Complaint

    complaints: list[Complaint] = []
    calendar = read_calendar(value, (), complaints)
    for where, what in complaints:
        complain(where, what)
    return None if complaints else calendar


def _inline(calendar: Calendar) -> str:
    """Write a calendar's definition in one line."""
    import json

    return json.dumps(calendar.document(), ensure_ascii=False).replace('"', "")
