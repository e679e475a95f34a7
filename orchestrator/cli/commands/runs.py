"""`orchestrator runs`: list, show, watch and cancel runs."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from orchestrator.cli.base import Group, client, tell_elsewhere
from orchestrator.model import shapes

STATES = ["queued", "running", "cancelling", "succeeded", "failed", "cancelled", "timed_out"]


def _complete_run(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from orchestrator.client import Client

    try:
        with Client() as made:
            return [
                CompletionItem(info.id, help=f"{info.workflow}, {info.state.name}")
                for info in made.runs.list()
                if info.id.startswith(incomplete)
            ]
    except Exception:  # noqa: BLE001 — a completion that fails shows nothing
        return []


TOLD = 3
"""The most failed jobs whose traceback `show` prints. `--json` has them all."""
_run = click.argument("run_id", metavar="RUN", shell_complete=_complete_run)


@click.group(cls=Group)
def runs() -> None:
    """List, show, watch and cancel runs."""


@runs.command("list", shape=list[shapes.Run])
@click.option("--state", type=click.Choice(STATES), help="Only runs in this state.")
@click.option("--workflow", metavar="NAME", help="Only runs of this workflow.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many.")
def list_runs(state: str | None, workflow: str | None, limit: int, as_json: bool) -> None:
    """List runs: those that are live first, then the newest."""
    from orchestrator.cli.render.output import console, print_json
    from orchestrator.cli.render.times import now_ms
    from orchestrator.cli.render.views import runs_table

    found = client().runs.list(state=state, workflow=workflow, limit=limit)
    if as_json:
        print_json([info.to_json() for info in found])
    elif not found:
        console().print("no such runs" if state or workflow else "no runs yet: try orchestrator demo")
    else:
        console().print(runs_table(found, now_ms=now_ms(), width=console().width))


@runs.command(shape=shapes.RunWithJobs)
@_run
@click.option("--trace", is_flag=True, help="Print it as a trace, for orchestrator replay.")
@click.option("--gantt", "as_gantt", is_flag=True, help="Draw when each job waited and ran.")
def show(run_id: str, trace: bool, as_gantt: bool, as_json: bool) -> None:
    """Show a run and all its jobs."""
    from orchestrator.cli.render.gantt import gantt
    from orchestrator.cli.render.output import console, print_json
    from orchestrator.cli.render.times import now_ms
    from orchestrator.cli.render.views import run_view, tracebacks

    made = client()
    run = made.runs.get(run_id)
    if trace:
        print_json(run.trace())
        return
    jobs = run.jobs()
    run.refresh()
    if as_json:
        print_json(shapes.RunWithJobs(**run.info.to_json(), jobs=[job.to_json() for job in jobs]))
        return
    if not run.state.final:
        tell_elsewhere(made)
    width = console().width
    console().print(run_view(run.info, jobs, now_ms=now_ms(), width=width, height=len(jobs) + 5))
    for text in tracebacks(jobs, TOLD):
        console().print(text)
    if as_gantt:
        console().print()
        console().print(*gantt(jobs, min(width, 120), now_ms=now_ms()), sep="\n")


@runs.command(shape=shapes.Run)
@_run
@click.pass_context
def watch(ctx: click.Context, run_id: str, as_json: bool) -> None:
    """Watch a run until it is over. Exits with 1 unless it succeeded."""
    from orchestrator.cli.commands.submit import finish

    made = client()
    finish(ctx, made, made.runs.get(run_id), wait=True, as_json=as_json)


@runs.command(shape=shapes.Run)
@_run
@click.option("--why", default="", metavar="TEXT", help="Kept with the run.")
def cancel(run_id: str, why: str, as_json: bool) -> None:
    """Cancel a run. Nothing of it starts any more, and its running jobs are stopped within seconds."""
    from orchestrator.cli.render.output import print_json

    run = client().runs.get(run_id).cancel(why)
    if as_json:
        print_json(run.info.to_json())
    else:
        click.echo(f"{run.id} {run.state.name}")
