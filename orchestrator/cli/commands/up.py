"""`orchestrator up`: the whole engine in one terminal."""

from __future__ import annotations

from collections import deque
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.base import Command, app_name
from orchestrator.model import shapes

if TYPE_CHECKING:
    from rich.console import RenderableType

    from orchestrator.cli.processes.stack import Stack

FRAME_S = 0.25
RECENT = 8
"""How many runs are shown."""


@click.command(cls=Command, shape=shapes.Stack)
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Folder of the data.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, metavar="N", help="Worker nodes.")
def up(data: Path | None, workers: int, as_json: bool) -> None:
    """Run everything in this terminal: Redis, a scheduler, workers and web, with a live view.

    The data stay in the folder: the next start finds every run again, and goes on with those that were not over.
    With ORCHESTRATOR_REDIS_URL set, that Redis is used instead. Ctrl-C stops everything.
    """
    from orchestrator.cli.processes.signals import stop_on_signals
    from orchestrator.cli.processes.stack import Stack, with_data_dir
    from orchestrator.cli.render.output import console, pictures, print_json, say
    from orchestrator.model.urls import mask_url
    from orchestrator.settings import get_settings

    settings = with_data_dir(get_settings(), data)
    told: deque[str] = deque(maxlen=3)
    pictured = pictures() and not as_json

    def tell(text: str) -> None:
        told.append(f"{datetime.now():%H:%M:%S}  {text}")
        if not pictured:
            say(text)

    with stop_on_signals() as stop, Stack(settings, workers=workers, app=app_name(), tell=tell, web=True) as stack:
        if as_json:
            redis = mask_url(stack.settings.redis_url or "")
            print_json(shapes.Stack(redis=redis, data=str(stack.data_dir), workers=workers, logs=str(stack.logs)))
        if pictured:
            from rich.live import Live

            with Live(console=console(), auto_refresh=False, screen=True) as live:
                while not stop.is_set():
                    stack.tend()
                    size = console().size
                    live.update(_picture(stack, list(told), size.width, size.height), refresh=True)
                    stop.wait(FRAME_S)
        else:
            from orchestrator.cli.render.live import Lines

            assert stack.client is not None
            if not as_json:
                say(f"up: {_where(stack)}; Ctrl-C stops it")
            lines, after = Lines(stack.client), stack.client.transitions.last()
            while not stop.is_set():
                stack.tend()
                if not as_json:
                    after = lines.follow(after)
                stop.wait(FRAME_S)
        say("stopping …")
    say(f"stopped; the data are in {settings.data_dir}" if stack.redis else "stopped")


def _where(stack: Stack) -> str:
    if stack.redis is not None:
        return f"{stack.redis.server}, data in {stack.data_dir}"
    from orchestrator.model.urls import mask_url

    return mask_url(stack.settings.redis_url or "")


def _elsewhere(stack: Stack) -> str:
    """Return a command for another terminal. It sets the data folder if that is not the default."""
    from orchestrator.settings import get_settings

    other = stack.redis is not None and stack.data_dir != get_settings().data_dir
    return f"{f'ORCHESTRATOR_DATA_DIR={stack.data_dir} ' if other else ''}orchestrator submit FILE"


def _picture(stack: Stack, told: list[str], width: int, height: int) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    from orchestrator.cli.render.live import MANY_JOBS
    from orchestrator.cli.render.times import now_ms
    from orchestrator.cli.render.views import fleet_line, run_view, runs_table
    from orchestrator.model.errors import Unavailable

    assert stack.client is not None
    head = Text.assemble(("orchestrator up", "bold"), (f"  {_where(stack)}", "dim"), no_wrap=True, overflow="ellipsis")
    foot = [
        Text(""),
        *(Text(line, style="yellow", no_wrap=True, overflow="ellipsis") for line in told),
        Text("Ctrl-C stops everything. In another terminal:", style="dim"),
        Text(f"  {_elsewhere(stack)}", style="dim", no_wrap=True, overflow="ellipsis"),
    ]
    try:
        runs = stack.client.runs.list(limit=RECENT)
        parts: list[RenderableType] = [fleet_line(stack.client.nodes.list(), stack.client.queues.list()), Text("")]
        room = height - len(parts) - len(foot) - len(runs) - 4
        if runs:
            parts += [runs_table(runs, now_ms=now_ms(), width=width), Text("")]
        if runs and room > 6:
            jobs = stack.client.runs.get(runs[0].id).jobs() if runs[0].total <= MANY_JOBS else []
            parts.append(run_view(runs[0], jobs, now_ms=now_ms(), width=width, height=room))
        if not runs:
            parts.append(Text("no runs yet", style="dim"))
    except Unavailable as error:
        parts = [Text(str(error), style="red")]
    return Group(head, *parts, *foot)
