"""`orchestrator scheduler`: a scheduler as a process."""

from __future__ import annotations

import os
import sys

import click

from orchestrator.cli.base import Command, client
from orchestrator.model import shapes


@click.command(cls=Command, shape=shapes.SchedulerProcess)
def scheduler(as_json: bool) -> None:
    """Run a scheduler: timers, leases, and work that other processes left undone. Any number may run side by side."""
    import logging

    from orchestrator.cli.processes.signals import stop_on_signals
    from orchestrator.cli.render.output import print_json
    from orchestrator.scheduler.duties import Tools
    from orchestrator.scheduler.process import run, standard_duties
    from orchestrator.telemetry.sentry import init_sentry

    init_sentry()
    made = client()
    logging.basicConfig(level=made.settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if as_json:
        print_json(shapes.SchedulerProcess(pid=os.getpid()))
        sys.stdout.flush()
    with stop_on_signals() as stop:
        run(Tools(made.store, made.ring), standard_duties(made.settings.retention_days * 86_400, made.settings), stop)
