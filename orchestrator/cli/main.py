"""The command `orchestrator`, and the same under `celery -A proj orchestrator`.

Nothing heavy is imported here: each command's module is loaded when the command is called.
"""

from __future__ import annotations

import gc
import sys
from typing import Any

import click

from orchestrator.cli import errors
from orchestrator.cli.base import AppContext, LazyGroup

COMMANDS = {
    "up": ("orchestrator.cli.commands.up:up", "Run everything in this terminal, with a live view."),
    "demo": ("orchestrator.cli.commands.demo:demo", "Watch a real workflow run, start to end."),
    "doctor": ("orchestrator.cli.commands.doctor:doctor", "Say what is missing or misconfigured, and what to do."),
    "worker": ("orchestrator.cli.commands.workers:worker", "Run a worker of the stock fleet."),
    "scheduler": ("orchestrator.cli.commands.scheduler:scheduler", "Run a scheduler; any number may run."),
    "web": ("orchestrator.cli.commands.web:web", "Serve webhooks and health checks over HTTP."),
    "submit": ("orchestrator.cli.commands.submit:submit", "Start a run of a workflow."),
    "replay": ("orchestrator.cli.commands.submit:replay", "Run a recorded DAG again."),
    "runs": ("orchestrator.cli.commands.runs:runs", "List, show, watch and cancel runs."),
    "workflows": ("orchestrator.cli.commands.workflows:workflows", "List, show, draw, check and apply workflows."),
    "schedules": (
        "orchestrator.cli.commands.schedules:schedules",
        "Create, list, pause and backfill schedules; look ahead.",
    ),
    "triggers": (
        "orchestrator.cli.commands.triggers:triggers",
        "Create, list and pause triggers of runs by events.",
    ),
    "calendars": ("orchestrator.cli.commands.calendars:calendars", "List, set and delete calendars."),
    "emit": ("orchestrator.cli.commands.events:emit", "Emit an event."),
    "events": ("orchestrator.cli.commands.events:events", "Show events and the runs that they started."),
    "next": ("orchestrator.cli.commands.next:next_", "Show when a cron expression fires next."),
    "import": ("orchestrator.cli.commands.imports:import_", "Convert crontabs and Celery beat's schedules."),
    "queues": ("orchestrator.cli.commands.queues:queues", "Show what waits on each route."),
    "workers": ("orchestrator.cli.commands.workers:workers", "Show the worker nodes."),
    "completion": ("orchestrator.cli.commands.completion:completion", "Print the completion script of a shell."),
}

HELP = """The workflow layer Celery never had.

\b
First steps:
  orchestrator demo                   watch a real workflow run
  orchestrator up                     a whole engine in this terminal
  orchestrator submit FILE --wait     run your own workflow
"""


@click.command(
    "orchestrator", cls=LazyGroup, lazy=COMMANDS, help=HELP, no_args_is_help=False, invoke_without_command=True
)
@click.option("-A", "--app", envvar="CELERY_APP", metavar="APP", help="Your Celery app, as in celery -A.")
@click.version_option(package_name="celery-orchestrator", prog_name="orchestrator")
@click.pass_context
def orchestrator(ctx: click.Context, app: str | None) -> None:
    """Keep the name of the Celery app for the command."""
    ctx.obj = AppContext(app)
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main() -> None:
    """Run the command line and exit."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without UTF-8 shows "?", and nothing fails
    # Nearly all that a command makes are modules, which never go. To look through them is a third of its CPU time.
    gc.set_threshold(200_000)
    code = errors.run(lambda: orchestrator.main(prog_name="orchestrator", standalone_mode=False))
    gc.freeze()
    sys.exit(code)


class _UnderCelery(LazyGroup):
    """The same commands as a plug-in of `celery`. Errors end as under our own command, before Celery sees them."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        try:
            return super().make_context(*args, **kwargs)
        except click.ClickException as error:
            line, status = errors.line_of(error)
            click.echo(line, err=True)
            raise click.exceptions.Exit(status) from None

    def invoke(self, ctx: click.Context) -> Any:
        sys.exit(errors.run(lambda: super(_UnderCelery, self).invoke(ctx)))


@click.command("orchestrator", cls=_UnderCelery, lazy=COMMANDS, help=HELP)
@click.pass_context
def celery_command(ctx: click.Context) -> None:
    """Refuse Celery's default app: it has none of the user's tasks, queues or broker."""
    if not ctx.find_root().params.get("app"):
        raise click.UsageError("name your app: celery -A APP orchestrator …")
