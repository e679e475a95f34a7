"""`orchestrator workflows`: list, show, check and draw workflows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from orchestrator.cli.base import Group, client
from orchestrator.model.errors import DefinitionError, OrchestratorError

if TYPE_CHECKING:
    from orchestrator.model.workflow import WorkflowDefinition


def _complete_name(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from orchestrator.client import Client

    try:
        with Client() as made:
            return [CompletionItem(name) for name in made.workflows() if name.startswith(incomplete)]
    except Exception:  # noqa: BLE001 — a completion that fails shows nothing
        return []


_name = click.argument("name", metavar="WORKFLOW|FILE", shell_complete=_complete_name)
_version = click.option("--version", type=click.IntRange(1), metavar="N", help="The current one by default.")


@click.group(cls=Group)
def workflows() -> None:
    """List, show, check and draw workflows."""


@workflows.command("list")
def list_workflows(as_json: bool) -> None:
    """List the stored workflows with their current versions."""
    from orchestrator.cli.output import console, print_json, table

    made = client()
    found = [made.workflow(name) for name in made.workflows()]
    if as_json:
        print_json([
            {"name": flow.name, "version": flow.latest, "versions": sorted(flow.versions)}
            for flow in found
        ])  # fmt: skip
    elif not found:
        console().print("no workflows yet: a submit stores its workflow")
    else:
        rows = [(flow.name, flow.latest, flow.versions[flow.latest]) for flow in found]
        console().print(table(["WORKFLOW", "VERSION", "PLAN"], rows, right=("VERSION",)))


@workflows.command()
@_name
@_version
def show(name: str, version: int | None, as_json: bool) -> None:
    """Print a workflow as a document, which can be edited and submitted."""
    from orchestrator.dsl.documents import dump

    click.echo(dump(_definition(name, version), "json" if as_json else "yaml").rstrip())


@workflows.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.pass_context
def validate(ctx: click.Context, files: tuple[str, ...], as_json: bool) -> None:
    """Check workflow documents without storing anything; exit with 2 if one is wrong.

    A YAML file may hold several, with --- between them.
    """
    from orchestrator.cli.errors import told
    from orchestrator.cli.output import print_json
    from orchestrator.cli.submit import local_workflows

    results: list[dict[str, Any]] = []
    for file in files:
        try:
            flows = local_workflows(file)
            if not flows:
                raise DefinitionError("is not a file (.yaml, .yml, .json) or module:name", where=file)
            compiled = [(flow, flow.compile()) for flow in flows]
        except OrchestratorError as error:
            results.append({"file": file, "ok": False, "error": str(error)})
            click.echo(told(error)[0], err=True)
            continue
        for flow, plan in compiled:
            results.append({
                "file": file, "ok": True, "workflow": flow.name, "jobs": len(plan.jobs), "plan": plan.digest,
                "schedules": list(flow.schedules), "triggers": list(flow.triggers),
            })  # fmt: skip
            if not as_json:
                counts = {"jobs": plan.jobs, "schedules": flow.schedules, "triggers": flow.triggers}
                told_of = [f"{len(items)} {kind}" for kind, items in counts.items() if items]
                click.echo(f"{file}: ok: {', '.join([flow.name, *told_of])}")
    if as_json:
        print_json(results)
    if not all(result["ok"] for result in results):
        ctx.exit(2)


@workflows.command()
@_name
@_version
@click.option("--format", "form", type=click.Choice(["text", "mermaid", "dot"]), default="text", show_default=True,
              help="How to draw it.")  # fmt: skip
def graph(name: str, version: int | None, form: str, as_json: bool) -> None:
    """Draw a workflow's jobs and what they wait for."""
    from orchestrator.cli.output import print_json
    from orchestrator.plan.compile import compile_plan
    from orchestrator.plan.graph import draw

    plan = compile_plan(_definition(name, version))
    if not as_json:
        click.echo(draw(plan, form), nl=False)
        return
    after: list[list[str]] = [[] for _ in plan.jobs]
    for parent, job in enumerate(plan.jobs):
        for child in job.successors:
            after[child].append(plan.names[parent])
    jobs = [{"name": name, "after": parents} for name, parents in zip(plan.names, after, strict=True)]
    print_json({"workflow": plan.workflow, "jobs": jobs})


@workflows.command()
def schema(as_json: bool) -> None:
    """Print the JSON Schema of workflow documents, for editors and checks."""
    from orchestrator.dsl import documents

    click.echo(json.dumps(documents.schema(), indent=2))


def _definition(name: str, version: int | None) -> WorkflowDefinition:
    from orchestrator.cli.submit import local_workflow

    flow = local_workflow(name)
    return client().definition(name, version) if flow is None else flow.definition()
