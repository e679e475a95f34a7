"""`orchestrator worker` and `orchestrator scheduler`: the processes of an installation."""

from __future__ import annotations

import os
import sys

import click

from orchestrator.cli.base import Command, app_name, client

FLEET = "orchestrator_workers.app"
"""The Celery app of the stock fleet: a name only, since the engine never imports the fleet."""


def worker_argv(app: str | None, *letters: str) -> list[str]:
    """Return the command of a worker. Gossip and mingle only cost a second at the start: nothing here needs them."""
    return [
        sys.executable, "-m", "celery", "-A", app or FLEET, "worker", "--without-gossip", "--without-mingle", *letters,
    ]  # fmt: skip


def scheduler_argv() -> list[str]:
    """Return the command of a scheduler."""
    return [sys.executable, "-m", "orchestrator", "scheduler"]


@click.command(cls=Command, context_settings={"ignore_unknown_options": True})
@click.option("-c", "--concurrency", type=click.IntRange(1), metavar="N", help="Slots; the number of CPUs by default.")
@click.option("-Q", "--queues", metavar="Q,…", help="Serve these queues only, such as default.critical.")
@click.argument("letters", nargs=-1, type=click.UNPROCESSED, metavar="[CELERY OPTIONS]...")
def worker(concurrency: int | None, queues: str | None, letters: tuple[str, ...], as_json: bool) -> None:
    """Run a worker of the stock fleet, or of your own app with -A.

    It is a Celery worker: every other option of `celery worker` is passed on to it (-P, -n, -E …).
    """
    from orchestrator.servers.addresses import store_url
    from orchestrator.settings import get_settings

    settings = get_settings()
    store_url(settings)  # a wrong setting, or no Redis at all, is told here in one line
    given = [*(("-c", str(concurrency)) if concurrency else ()), *(("-Q", queues) if queues else ()), *letters]
    if not {"-l", "--loglevel"} & {letter.partition("=")[0] for letter in letters}:
        given += ["--loglevel", settings.log_level]
    argv = worker_argv(app_name(), *given)
    if as_json:
        from orchestrator.cli.render.output import print_json

        print_json({"command": argv})
        os.dup2(2, 1)  # what Celery prints is no part of the document
    sys.stdout.flush()
    os.execv(argv[0], argv)  # noqa: S606 — an argument list, no shell: this process becomes the worker


@click.command(cls=Command)
def scheduler(as_json: bool) -> None:
    """Run a scheduler: timers, leases, and what other processes left undone. Any number may run side by side."""
    import logging

    from orchestrator.cli.processes.stack import stop_on_signals
    from orchestrator.cli.render.output import print_json
    from orchestrator.scheduler.duties import Tools
    from orchestrator.scheduler.process import run, standard_duties
    from orchestrator.telemetry.sentry import init_sentry

    init_sentry()
    made = client()
    logging.basicConfig(level=made.settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if as_json:
        print_json({"pid": os.getpid()})
        sys.stdout.flush()
    with stop_on_signals() as stop:
        run(Tools(made.store, made.ring), standard_duties(made.settings.retention_days * 86_400, made.settings), stop)
