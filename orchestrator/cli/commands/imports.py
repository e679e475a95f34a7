"""`orchestrator import`: crontabs and the schedules of Celery beat, as workflow documents with schedules."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli.base import Group, celery_app, see_here
from orchestrator.model import shapes
from orchestrator.model.errors import DefinitionError, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.importers.report import Imported


def _common(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that all imports have."""
    strict = click.option("--strict", is_flag=True, help="Exit with 2 if anything is left, and write no file.")
    output = click.option("-o", "--output", metavar="PATH", help="A file, or a folder (ends with /) for one file each.")
    tz = click.option("--tz", metavar="ZONE", help="Time zone of times that name none.")
    return tz(output(strict(command)))


@click.group("import", cls=Group)
def import_() -> None:
    """Convert crontabs and Celery beat's schedules to workflow documents."""


@import_.command(shape=shapes.Imported)
@click.argument("file", metavar="FILE|-")
@click.option("--user-field/--no-user-field", default=None,
              help="Whether jobs name their users, as in /etc/crontab (default: found out).")  # fmt: skip
@_common
@click.pass_context
def crontab(
    ctx: click.Context,
    file: str,
    user_field: bool | None,
    tz: str | None,
    output: str | None,
    strict: bool,
    as_json: bool,
) -> None:
    """Convert a crontab, a user's or the system's.

    Each job becomes a workflow that runs the command by the crontab's shell, with its environment. Times follow this
    machine's zone unless CRON_TZ or --tz names another. What cannot be converted is named on stderr.

    \b
    crontab -l | orchestrator import crontab -
    orchestrator import crontab /etc/cron.d/sysstat --output workflows/
    """
    from orchestrator.importers.crontab import read_crontab
    from orchestrator.timing.zones import zone

    data, source = _read(file)
    name = tz or local_zone()
    zone(name)
    imported = read_crontab(data, source, tz=name, user_field=user_field)
    _finish(ctx, imported, output=output, strict=strict, as_json=as_json)


@import_.command("celery-beat", shape=shapes.Imported)
@click.argument("file", metavar="[FILE|MODULE:ATTRIBUTE|-]", required=False)
@_common
@click.pass_context
def celery_beat(
    ctx: click.Context, file: str | None, tz: str | None, output: str | None, strict: bool, as_json: bool
) -> None:
    """Convert the schedule of Celery beat.

    It is a beat_schedule in Python (module:attribute, or file.py), that of the app of -A, or JSON: a dump of
    django-celery-beat (manage.py dumpdata django_celery_beat), definitions of RedBeat, or a beat_schedule written out.
    With -A the jobs get the routes that the app gives their tasks. What cannot be converted is named on stderr.

    \b
    orchestrator -A shop.celery import celery-beat
    orchestrator import celery-beat shop.celeryconfig:beat_schedule
    orchestrator import celery-beat beat.json --tz Europe/Paris
    """
    from orchestrator.importers.beat_python import solar_without_ephem
    from orchestrator.timing.zones import zone

    if tz is not None:
        zone(tz)
    with solar_without_ephem():
        imported = _beat(file, tz)
    _finish(ctx, imported, output=output, strict=strict, as_json=as_json)


def _beat(file: str | None, tz: str | None) -> Imported:
    from orchestrator.importers.beat import Setup
    from orchestrator.importers.beat_python import is_app, load, read_app, read_schedule, setup_of

    app = celery_app()
    if file is None:
        if app is None:
            raise click.UsageError("name a FILE or MODULE:ATTRIBUTE, or an app: orchestrator -A APP import celery-beat")
        return read_app(app, tz)
    if file == "-" or file.endswith(".json") or (Path(file).is_file() and not file.endswith(".py")):
        from orchestrator.importers.beat_json import read_json

        data, source = _read(file)
        return read_json(data, source, setup_of(app, tz) if app is not None else Setup(tz=tz or "UTC"))
    see_here()
    found, zone_name = load(file)
    if is_app(found):
        return read_app(found, tz)
    setup = setup_of(app, tz) if app is not None else Setup(tz=tz or zone_name or "UTC")
    return read_schedule(found, setup, where=file)


def _read(file: str) -> tuple[bytes, str]:
    """Return the content of a file, and its name in messages."""
    if file == "-":
        return sys.stdin.buffer.read(), "stdin"
    try:
        return Path(file).read_bytes(), file
    except FileNotFoundError:
        raise NotFound("there is no such file", where=file) from None
    except OSError as error:
        raise DefinitionError(f"cannot be read: {error.strerror}", where=file) from None


def _finish(ctx: click.Context, imported: Imported, *, output: str | None, strict: bool, as_json: bool) -> None:
    """Print what could not be converted, then print the documents or write them."""
    from orchestrator.cli.render.output import print_json, say

    for remark in imported.left:
        say(f"left: {remark}")
    if not as_json:
        for remark in imported.notes:
            say(f"note: {remark}")
    refused = strict and bool(imported.left)
    if output is None and as_json:
        print_json(imported.to_json())
    elif output is None:
        click.echo(imported.to_yaml(), nl=False)
    elif not refused:
        files = _files(imported, output, as_json)
        for path, text in files.items():
            _write(path, text)
        say(f"wrote {len(imported.workflows)} workflows to {output}")
    if not imported.workflows:
        say("there was nothing to convert")
    if refused:
        ctx.exit(2)


def _files(imported: Imported, output: str, as_json: bool) -> dict[Path, str]:
    """Return the texts to write, by path."""
    if not (output.endswith("/") or os.path.isdir(output)):
        return {Path(output): _json(imported.to_json()) if as_json else imported.to_yaml()}
    folder = Path(output)
    if as_json:
        return {folder / f"{workflow['name']}.json": _json(workflow) for workflow in imported.workflows}
    return {folder / f"{workflow['name']}.yaml": imported.yaml_of(at) for at, workflow in enumerate(imported.workflows)}


def _json(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DefinitionError(f"cannot be written: {error.strerror}", where=str(path)) from None


def local_zone() -> str:
    """Return the name of this machine's time zone, UTC if the zone has no name."""
    named = os.environ.get("TZ", "").removeprefix(":")
    if named and not named.startswith("/"):
        return named
    found = re.search(r"/zoneinfo/(?:posix/|right/)?(.+)$", os.path.realpath("/etc/localtime"))
    if found:
        return "UTC" if found[1] == "Etc/UTC" else found[1]
    try:
        return Path("/etc/timezone").read_text().strip() or "UTC"
    except OSError:
        return "UTC"
