"""`orchestrator scheduler`: a scheduler as a process."""

from __future__ import annotations

import os
import sys

import click

from orchestrator.cli.base import Command, celery_app
from orchestrator.model import shapes


@click.command(cls=Command, shape=shapes.SchedulerProcess)
def scheduler(as_json: bool) -> None:
    """Run a scheduler: timers, leases, and work that other processes left undone. Any number may run side by side."""
    import logging

    from orchestrator.cli.processes.signals import stop_on_signals
    from orchestrator.cli.render.output import print_json
    from orchestrator.scheduler.process import serve
    from orchestrator.settings import get_settings
    from orchestrator.telemetry.sentry import init_sentry

    init_sentry()
    settings = get_settings()
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if as_json:
        print_json(shapes.SchedulerProcess(pid=os.getpid()))
        sys.stdout.flush()
    with stop_on_signals() as stop:
        serve(settings, celery_app(), stop)
