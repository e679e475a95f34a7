"""`orchestrator doctor`: the checks of an installation, each with its remedy."""

from __future__ import annotations

import os

import click

from orchestrator.cli.base import Command, celery_app
from orchestrator.model import shapes
from orchestrator.model.checks import Check


@click.command(cls=Command, shape=shapes.Diagnosis)
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Check the whole installation, and print each problem with its remedy. Exits with 1 if there is one."""
    from rich.table import Table
    from rich.text import Text

    from orchestrator.cli.render.output import console, print_json

    checks = _look()
    ok = all(check.ok for check in checks)
    if as_json:
        print_json(shapes.Diagnosis(ok=ok, checks=[check.to_json() for check in checks]))
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
    from orchestrator.client.checks import agreement_checks, broker_checks
    from orchestrator.model.errors import OrchestratorError
    from orchestrator.servers.checks import fleet_checks, redis_checks, settings_checks
    from orchestrator.settings import get_settings

    checks = settings_checks(os.environ)
    try:
        settings = get_settings()
    except OrchestratorError as error:
        return [*checks, Check("settings", False, str(error), "correct it")]
    stores, app = redis_checks(settings), None
    checks += stores
    try:
        app = celery_app()
    except OrchestratorError as error:
        checks.append(Check("app", False, f"{error.where}: {error.what}", error.remedy))
    checks += broker_checks(settings, app)
    if stores[0].ok:  # without the store nothing more is known
        checks += [*fleet_checks(settings), *agreement_checks(settings, app)]
    return checks
