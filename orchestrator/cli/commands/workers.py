"""`orchestrator worker` runs a worker; `orchestrator workers` shows those that are alive."""

from __future__ import annotations

import os
import secrets
import sys

import click

from orchestrator.cli.base import Command, app_name, client
from orchestrator.model import shapes


@click.command(cls=Command, context_settings={"ignore_unknown_options": True}, shape=shapes.WorkerProcess)
@click.option("-c", "--concurrency", type=click.IntRange(1), metavar="N", help="Slots; the number of CPUs by default.")
@click.option("-Q", "--queues", metavar="Q,…", help="Serve these queues only, such as default.critical.")
@click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="[CELERY OPTIONS]...")
def worker(concurrency: int | None, queues: str | None, options: tuple[str, ...], as_json: bool) -> None:
    """Run a worker of the stock fleet, or of your own app with -A.

    It is a Celery worker: every other option of `celery worker` is passed on to it (-P, -n, -E …).
    """
    from orchestrator.cli.processes.command_lines import worker_command
    from orchestrator.servers.addresses import store_url
    from orchestrator.settings import get_settings

    settings = get_settings()
    store_url(settings)  # a wrong setting, or no Redis, is one line here
    given = [*(("-c", str(concurrency)) if concurrency else ()), *(("-Q", queues) if queues else ()), *options]
    if not any(option == "-n" or option.startswith(("-n", "--hostname")) for option in options):
        given += ["-n", f"celery-{secrets.token_hex(3)}@%h"]  # several workers of one host are told apart
    if not {"-l", "--loglevel"} & {option.partition("=")[0] for option in options}:
        given += ["--loglevel", settings.log_level]
    command = worker_command(app_name(), *given)
    if as_json:
        from orchestrator.cli.render.output import print_json

        print_json(shapes.WorkerProcess(command=command))
        os.dup2(2, 1)  # what Celery prints is no part of the document
    sys.stdout.flush()
    os.execv(command[0], command)  # noqa: S606 — an argument list, no shell: this process becomes the worker


@click.command(cls=Command, shape=list[shapes.Node])
def workers(as_json: bool) -> None:
    """Show the worker nodes: their slots, what they serve and what they run; for an hour also those that were lost."""
    from orchestrator.cli.render.output import console, print_json
    from orchestrator.cli.render.times import now_ms
    from orchestrator.cli.render.views import nodes_table

    nodes = [*client().nodes.list(), *client().nodes.gone()]
    if as_json:
        print_json([node.to_json() for node in nodes])
        return
    console().print(
        nodes_table(nodes, now_ms=now_ms()) if nodes else "no worker is alive; start one with orchestrator worker"
    )
