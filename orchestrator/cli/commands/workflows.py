"""`orchestrator workflows`: list, show and draw workflows. The module `apply` applies them from files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from orchestrator.cli.base import Group, client
from orchestrator.cli.commands import apply
from orchestrator.model import shapes

if TYPE_CHECKING:
    from orchestrator.model.workflow import WorkflowDefinition


def _complete_name(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from orchestrator.client import Client

    try:
        with Client() as made:
            return [CompletionItem(name) for name in made.workflows.names() if name.startswith(incomplete)]
    except Exception:  # noqa: BLE001 — a completion that fails shows nothing
        return []


_name = click.argument("name", metavar="WORKFLOW|FILE", shell_complete=_complete_name)
_version = click.option("--version", type=click.IntRange(1), metavar="N", help="The current one by default.")


@click.group(cls=Group)
def workflows() -> None:
    """List, show, draw, check and apply workflows."""


@workflows.command("list", shape=list[shapes.StoredWorkflow])
def list_workflows(as_json: bool) -> None:
    """List the stored workflows with their current versions."""
    from orchestrator.cli.render.output import console, print_json, table

    found = client().workflows.list()
    if as_json:
        print_json([info.to_json() for info in found])
    elif not found:
        console().print("no workflows yet: a submit stores its workflow")
    else:
        rows = [(info.name, info.latest, info.versions[info.latest]) for info in found]
        console().print(table(["WORKFLOW", "VERSION", "PLAN"], rows, right=("VERSION",)))


@workflows.command(shape=shapes.WorkflowDocument)
@_name
@_version
def show(name: str, version: int | None, as_json: bool) -> None:
    """Print a workflow as a document, which can be edited and submitted."""
    from orchestrator.dsl.documents import dump

    click.echo(dump(_definition(name, version), "json" if as_json else "yaml").rstrip())


for _command in (apply.validate, apply.plan, apply.apply, apply.diff, apply.rollback, apply.revisions):
    workflows.add_command(_command)


@workflows.command(shape=shapes.Graph)
@_name
@_version
@click.option("--format", "form", type=click.Choice(["text", "mermaid", "dot"]), default="text", show_default=True,
              help="How to draw it.")  # fmt: skip
def graph(name: str, version: int | None, form: str, as_json: bool) -> None:
    """Draw a workflow's jobs and what they wait for."""
    from orchestrator.cli.render.output import print_json
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
    jobs: list[shapes.GraphJob] = [
        {"name": name, "after": parents} for name, parents in zip(plan.names, after, strict=True)
    ]
    print_json(shapes.Graph(workflow=plan.workflow, jobs=jobs))


@workflows.command(shape=shapes.JsonSchema)
def schema(as_json: bool) -> None:
    """Print the JSON Schema of workflow documents, for editors and checks."""
    from orchestrator.dsl import documents

    click.echo(json.dumps(documents.schema(), indent=2))


def _definition(name: str, version: int | None) -> WorkflowDefinition:
    from orchestrator.cli.commands.submit import local_workflow

    workflow = local_workflow(name)
    return client().workflows.definition(name, version) if workflow is None else workflow.definition()
