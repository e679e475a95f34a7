"""`orchestrator submit` and `orchestrator replay`: start runs."""

from __future__ import annotations

import math
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.base import Command, client, see_here
from orchestrator.cli.inputs import key_values
from orchestrator.model import shapes
from orchestrator.model.errors import DefinitionError, NotFound

if TYPE_CHECKING:
    from orchestrator.client import Client, Run
    from orchestrator.dsl.builder import Workflow

SUFFIXES = (".yaml", ".yml", ".json")


@click.command(cls=Command, shape=shapes.Run)
@click.argument("workflow", metavar="WORKFLOW|FILE")
@click.option("-p", "--param", "params", multiple=True, metavar="KEY=VALUE", help="A parameter; lists as JSON.")
@click.option("--priority", type=click.Choice(["critical", "high", "normal", "low"]), help="The run's class.")
@click.option("--idempotency-key", metavar="K", help="The same key again gives the same run.")
@click.option("--wait", is_flag=True, help="Wait for the end; exit with 1 unless it succeeded.")
@click.pass_context
def submit(
    ctx: click.Context,
    workflow: str,
    params: tuple[str, ...],
    priority: str | None,
    idempotency_key: str | None,
    wait: bool,
    as_json: bool,
) -> None:
    """Start a run of a stored WORKFLOW, of a FILE (.yaml, .yml, .json), or of a workflow in Python (module:name)."""
    from orchestrator.plan.params import coerce

    texts = key_values(params)
    given = local_workflow(workflow)
    made = client()
    schema = made.workflows.schema(workflow) if given is None else given.definition().params
    run = made.submit(given or workflow, coerce(schema, texts), priority=priority, idempotency_key=idempotency_key)
    finish(ctx, made, run, wait=wait, as_json=as_json)


@click.command(cls=Command, shape=shapes.Run)
@click.argument("trace", type=click.Path(path_type=Path))
@click.option("--time-scale", type=click.FloatRange(0), default=1.0, metavar="X", show_default=True,
              help="Times as long as recorded; 0 runs jobs that do nothing.")  # fmt: skip
@click.option("--priority", type=click.Choice(["critical", "high", "normal", "low"]), help="The run's class.")
@click.option("--wait", is_flag=True, help="Wait for the end; exit with 1 unless it succeeded.")
@click.pass_context
def replay(ctx: click.Context, trace: Path, time_scale: float, priority: str | None, wait: bool, as_json: bool) -> None:
    """Run a recorded DAG again: TRACE is a JSON trace, or a WfCommons instance (WfFormat 1.5)."""
    from orchestrator.importers.traces import read_trace, workflow_of

    if not math.isfinite(time_scale):
        raise click.BadParameter(f"{time_scale} is not a number of times", param_hint="--time-scale")
    workflow = workflow_of(read_trace(trace), time_scale, where=str(trace))
    made = client()
    run = made.submit(workflow, priority=priority)
    finish(ctx, made, run, wait=wait, as_json=as_json)


def finish(ctx: click.Context, made: Client, run: Run, *, wait: bool, as_json: bool) -> None:
    """Print the run; with `wait`, watch it to its end and exit with 1 unless it succeeded."""
    from orchestrator.cli.render.live import watch_run
    from orchestrator.cli.render.output import print_json, say
    from orchestrator.model.states import RunState

    if wait:
        try:
            run = run.wait() if as_json else watch_run(made, run)
        except KeyboardInterrupt:
            say(f"the run goes on; orchestrator runs cancel {run.id} ends it")
            raise
    if as_json:
        print_json(run.info.to_json())
    elif not wait:
        click.echo(run.id)
        say(f"watch it: orchestrator runs watch {run.id}")
    if wait and run.state is not RunState.succeeded:
        say(f"error: {run.failure()}")
        ctx.exit(1)


def local_workflow(name: str) -> Workflow | None:
    """Return the workflow of a file or of `module:attribute`; None for the name of a stored one."""
    from orchestrator.dsl.builder import Workflow

    if name.endswith(SUFFIXES) or "/" in name:
        if not Path(name).is_file():
            raise NotFound("there is no such file", where=name)
        return Workflow.load(name)
    if ":" not in name:
        return None
    module, _, attribute = name.partition(":")
    see_here()
    try:
        found: object = import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except Exception as error:
        raise DefinitionError(f"cannot be imported: {type(error).__name__}: {error}", where=name) from error
    if not isinstance(found, Workflow):
        raise DefinitionError(f"a {type(found).__name__} is not a workflow", where=name)
    return found
