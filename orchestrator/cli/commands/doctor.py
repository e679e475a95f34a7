"""`orchestrator doctor`: what is missing or misconfigured, and what to do about it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from orchestrator.cli.base import Command, celery_app
from orchestrator.model.checks import Check

if TYPE_CHECKING:
    from orchestrator.client import Client

TICK_S = 15
"""Seconds without a tick after which no scheduler is thought to run."""


@click.command(cls=Command)
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Look at the whole installation and say what is wrong, each with its remedy. Exits with 1 if anything is."""
    from rich.table import Table
    from rich.text import Text

    from orchestrator.cli.render.output import console, print_json

    checks = _look()
    ok = all(check.ok for check in checks)
    if as_json:
        print_json({"ok": ok, "checks": [asdict(check) for check in checks]})
    else:
        grid = Table.grid(padding=(0, 2, 0, 0))
        for check in checks:
            mark = Text("✔ ", style="green") if check.ok else Text("✘ ", style="red")
            grid.add_row(mark.append(check.name, style="bold"), Text(check.detail))
            if not check.ok and check.remedy:
                grid.add_row("", Text(f"→ {check.remedy}", style="yellow"))
        console().print(grid)
        bad = sum(not check.ok for check in checks)
        console().print(f"{bad} of {len(checks)} checks need attention" if bad else "all is well")
    if not ok:
        ctx.exit(1)


def _look() -> list[Check]:
    from orchestrator.client import Client
    from orchestrator.model.errors import OrchestratorError
    from orchestrator.servers.checks import broker_checks, redis_checks, settings_checks
    from orchestrator.settings import get_settings

    checks = settings_checks(os.environ)
    try:
        settings = get_settings()
    except OrchestratorError as error:
        return [*checks, Check("settings", False, str(error), "correct it")]
    stores = redis_checks(settings)
    checks += [*stores, *broker_checks(settings)]
    if stores[0].ok:  # without the store nothing more is known
        try:
            with Client(settings, app=celery_app()) as client:
                checks += _fleet(client)
        except OrchestratorError as error:
            checks.append(Check("fleet", False, str(error), "see the checks of redis"))
    return checks


def _fleet(client: Client) -> Iterator[Check]:
    """Look at the processes: workers, the queues that they serve, schedulers."""
    nodes, queues = client.nodes(), client.queues()
    slots = sum(node.slots for node in nodes)
    found = f"{len(nodes)} alive, {slots} slots" if nodes else "none is alive"
    yield Check("workers", bool(nodes), found, None if nodes else "start one: orchestrator worker, or orchestrator up")
    served = {(route, cls) for node in nodes for route, classes in node.wants for cls in classes}
    for queue in queues:
        if queue.ready and (queue.route, queue.priority) not in served:
            name = f"{queue.route}.{queue.priority.name}"
            detail = f"{queue.ready} jobs wait on {name}, and no worker serves it"
            yield Check("queues", False, detail, f"start one: orchestrator worker -Q {queue.route}")
    tick, (seconds, _) = client.store.pipeline([("HGET", client.keys.meta, "tick"), ("TIME",)])
    late = seconds - int(tick or 0) // 1000
    ticked = f"the last one ticked {late} s ago" if tick else "none has ever run"
    alive = tick is not None and late < TICK_S
    yield Check("scheduler", alive, ticked, None if alive else "start one: orchestrator scheduler, or orchestrator up")
