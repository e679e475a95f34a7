"""`orchestrator workflows validate`, `plan`, `apply`, `diff`, `rollback` and `revisions`: definitions as files."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from orchestrator.cli.base import Command, client
from orchestrator.model import shapes
from orchestrator.model.errors import DefinitionError, OrchestratorError

if TYPE_CHECKING:
    from orchestrator.client import Client
    from orchestrator.definitions.desired import DesiredState
    from orchestrator.definitions.files import Written
    from orchestrator.definitions.proposal import Proposal
    from orchestrator.definitions.revisions import Note
    from orchestrator.definitions.values import Values

F = TypeVar("F", bound=Callable[..., Any])
BESIDE = "not in these files"


def _options(*options: Callable[[F], F]) -> Callable[[F], F]:
    def add(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return add


sources = _options(
    click.argument("paths", nargs=-1, required=True, metavar="FILE|DIR..."),
    click.option("--values", "value_files", multiple=True, metavar="FILE",
                 help="Values for ${name} in the documents; the last wins."),
    click.option("--set", "settings", multiple=True, metavar="NAME=VALUE",
                 help="One value, over those of files; JSON, else text."),
)  # fmt: skip
_prune = click.option("--prune", is_flag=True, help="Delete definitions that are not in these files.")
_exit_code = click.option("--exit-code", is_flag=True, help="Exit with 1 if there are changes.")
_apply_options = _options(
    click.option("-y", "--yes", is_flag=True, help="Do not ask."),
    click.option("--author", metavar="WHO", help="Kept with the revision; the user by default."),
    click.option("--reason", default="", metavar="TEXT", help="Kept with the revision."),
)


@click.command(cls=Command, shape=list[shapes.Validated])
@sources
@click.pass_context
def validate(
    ctx: click.Context, paths: tuple[str, ...], value_files: tuple[str, ...], settings: tuple[str, ...], as_json: bool
) -> None:
    """Check definitions without a server; exit with 2 if something is wrong.

    A FILE is a workflow document, a bundle (calendars and workflows by name), several of them with --- between, or a
    workflow in Python (module:name). Of a folder, all .yaml, .yml and .json files below it are read, hidden ones not.
    """
    from orchestrator.cli.errors import line_of
    from orchestrator.cli.render.output import print_json, say
    from orchestrator.definitions.files import Written, files, read_file
    from orchestrator.settings import get_settings

    values = given_values(value_files, settings)
    written = Written()
    results: list[shapes.Validated] = []
    namespace = get_settings().namespace

    def tell(file: str, errors: list[OrchestratorError], before: set[str], calendars: int) -> None:
        for error in errors:
            results.append({"file": file, "ok": False, "error": str(error)})
            click.echo(line_of(error)[0], err=True)
        if not errors:
            found = _found(file, written, before, len(written.calendars) - calendars)
            results.extend(found)
            if not as_json:
                for line in map(_line, found):
                    click.echo(line)

    for path in paths:
        before, calendars = set(written.workflows), len(written.calendars)
        try:
            if _is_python(path):
                _add_python(path, written)
                tell(path, [], before, calendars)
                continue
            for file in files([path], value_files):
                before, calendars = set(written.workflows), len(written.calendars)
                tell(file, [*read_file(file, written, namespace, values)], before, calendars)
        except OrchestratorError as error:
            tell(path, [error], before, calendars)
    for warning in _lonely(written):
        say(f"note: {warning}")
    if as_json:
        print_json(results)
    if not all(result["ok"] for result in results):
        ctx.exit(2)


@click.command(cls=Command, shape=shapes.Proposal)
@sources
@_prune
@_exit_code
@click.pass_context
def plan(
    ctx: click.Context,
    paths: tuple[str, ...],
    value_files: tuple[str, ...],
    settings: tuple[str, ...],
    prune: bool,
    exit_code: bool,
    as_json: bool,
) -> None:
    """Show what apply would change; nothing is changed."""
    made = client()
    proposal = made.definitions.propose(_desired(made, paths, given_values(value_files, settings), value_files, prune))
    _show(made, proposal, BESIDE if prune else f"{BESIDE}, and kept without --prune", as_json)
    if exit_code and proposal.changes:
        ctx.exit(1)


@click.command(cls=Command, shape=shapes.Application | shapes.Proposal)
@sources
@_prune
@click.option("--dry-run", is_flag=True, help="Show what would change, as plan does.")
@_apply_options
@click.option("--revision", "source", metavar="TEXT", help="The revision of the sources; by default the commit of git.")
def apply(
    paths: tuple[str, ...],
    value_files: tuple[str, ...],
    settings: tuple[str, ...],
    prune: bool,
    dry_run: bool,
    yes: bool,
    author: str | None,
    reason: str,
    source: str | None,
    as_json: bool,
) -> None:
    """Apply the definitions: all changes or none. They are kept as a revision, which rollback can restore."""
    from orchestrator.cli.provenance import commit

    made = client()
    desired = _desired(made, paths, given_values(value_files, settings), value_files, prune)
    proposal = made.definitions.propose(desired)
    beside = BESIDE if prune else f"{BESIDE}, and kept without --prune"
    if dry_run:
        _show(made, proposal, beside, as_json)
        return
    note = _note(author, reason, commit([path for path in paths if not _is_python(path)]) if source is None else source)
    _carry_out(made, desired, proposal, note, beside, yes, as_json)


@click.command(cls=Command, shape=shapes.Proposal)
@_exit_code
@click.pass_context
def diff(ctx: click.Context, exit_code: bool, as_json: bool) -> None:
    """Show how the namespace differs from what was applied last: edits by commands and programs."""
    made = client()
    proposal = made.definitions.drift()
    _show(made, proposal, "not from files", as_json, done=True)
    if exit_code and proposal.changes:
        ctx.exit(1)


@click.command(cls=Command, shape=shapes.Application | shapes.Proposal)
@click.argument("revision", type=click.IntRange(1), metavar="N")
@click.option("--dry-run", is_flag=True, help="Show what would change.")
@_apply_options
def rollback(revision: int, dry_run: bool, yes: bool, author: str | None, reason: str, as_json: bool) -> None:
    """Restore the definitions of revision N; definitions that files added later are deleted."""
    made = client()
    desired = made.definitions.back_to(revision)
    proposal = made.definitions.propose(desired)
    if dry_run:
        _show(made, proposal, "not from files, and kept", as_json)
        return
    _carry_out(made, desired, proposal, _note(author, reason, ""), "not from files, and kept", yes, as_json)


@click.command(cls=Command, shape=list[shapes.Revision])
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True, metavar="N")
def revisions(limit: int, as_json: bool) -> None:
    """List what was applied, the newest first."""
    from orchestrator.cli.render.changes import revision_rows
    from orchestrator.cli.render.output import console, print_json, table

    found = client().definitions.revisions(limit)
    if as_json:
        print_json([revision.to_json() for revision in found])
    elif not found:
        console().print("nothing was applied yet: orchestrator workflows apply does")
    else:
        columns = ["REVISION", "TIME", "AUTHOR", "SOURCE", "CHANGES", "REASON"]
        shown = table(columns, revision_rows(found), right=("REVISION", "CHANGES"), gives_way="REASON")
        console().print(shown)


def given_values(files: tuple[str, ...], settings: tuple[str, ...]) -> Values:
    """Read the values that `--values` and `--set` give."""
    from orchestrator.definitions.values import read_values

    return read_values(files, settings)


def _desired(
    made: Client, paths: tuple[str, ...], values: Values, value_files: tuple[str, ...], prune: bool
) -> DesiredState:
    from orchestrator.definitions.files import read

    written = read(
        [path for path in paths if not _is_python(path)],
        made.settings.namespace,
        values,
        leave_out=value_files,
        route_of=made.route_of,
    )
    for path in filter(_is_python, paths):
        _add_python(path, written, made)
    return written.desired_state("all" if prune else "nothing")


def _is_python(path: str) -> bool:
    return ":" in path and "/" not in path and not Path(path).exists()


def _add_python(path: str, written: Written, made: Client | None = None) -> None:
    from orchestrator.cli.commands.submit import local_workflow

    workflow = local_workflow(path)
    assert workflow is not None
    written.add_workflow(workflow.definition(made.route_of if made else None), lambda: path)


def _found(file: str, written: Written, before: set[str], calendars: int) -> list[shapes.Validated]:
    """Return what a file has added to the definitions."""
    found: list[shapes.Validated] = []
    for name, workflow in written.workflows.items():
        if name not in before:
            compiled = written.plans[written.digests[name]]
            found.append({
                "file": file, "ok": True, "workflow": name, "jobs": len(compiled.jobs), "plan": compiled.digest,
                "schedules": list(workflow.schedules), "triggers": list(workflow.triggers),
            })  # fmt: skip
    if calendars:
        found.append({"file": file, "ok": True, "calendars": list(written.calendars)[-calendars:]})
    return found or [{"file": file, "ok": True}]


def _line(result: shapes.Validated) -> str:
    if "workflow" not in result:
        names = ", ".join(result.get("calendars", ())) or "nothing"
        return f"{result['file']}: ok: {'calendars ' if 'calendars' in result else ''}{names}"
    counts = {"jobs": result["jobs"], "schedules": len(result["schedules"]), "triggers": len(result["triggers"])}
    told_of = [f"{count} {kind}" for kind, count in counts.items() if count]
    return f"{result['file']}: ok: {', '.join([result['workflow'], *told_of])}"


def _lonely(written: Written) -> list[str]:
    from orchestrator.definitions.warnings import Surroundings, warnings

    produces = {name: workflow.produces for name, workflow in written.workflows.items()}
    around = Surroundings("in these files", set(written.calendars), set(written.workflows), produces)
    return list(warnings(written.schedules, written.triggers, around))


def _show(made: Client, proposal: Proposal, beside: str, as_json: bool, *, done: bool = False) -> None:
    from orchestrator.cli.render.changes import pictured
    from orchestrator.cli.render.output import console, print_json, say

    for warning in proposal.warnings:
        say(f"warning: {warning}")
    if as_json:
        print_json(proposal.to_json(made.settings.namespace))
        return
    for line in pictured(proposal, beside, done):
        console().print(line, soft_wrap=True)


def _carry_out(
    made: Client, desired: DesiredState, proposal: Proposal, note: Note, beside: str, yes: bool, as_json: bool
) -> None:
    from orchestrator.cli.render.output import print_json, say

    if not as_json:
        _show(made, proposal, beside, as_json)
    if proposal.changes and not yes:
        if as_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise DefinitionError("nobody is here to be asked", remedy="give --yes")
        if not click.confirm("Make these changes?", err=True):
            say("nothing was changed")
            click.get_current_context().exit(1)
    number = made.definitions.apply(desired, proposal, note)
    if as_json:
        print_json(shapes.Application(**proposal.to_json(made.settings.namespace), applied=number or None))
    elif number:
        say(f"applied as revision {number}")


def _note(author: str | None, reason: str, source: str) -> Note:
    from orchestrator.cli.provenance import user
    from orchestrator.definitions.revisions import Note

    return Note(user() if author is None else author, reason, source)
