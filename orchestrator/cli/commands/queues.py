"""`orchestrator queues`: how many attempts wait on each route, and who serves it."""

from __future__ import annotations

import click

from orchestrator.cli.base import Command, client, tell_elsewhere
from orchestrator.model import shapes


@click.command(cls=Command, shape=list[shapes.Queue])
def queues(as_json: bool) -> None:
    """Show what is ready on each route and priority class, how long the oldest has waited, and who serves it."""
    from orchestrator.cli.render.output import console, print_json, table
    from orchestrator.cli.render.times import duration, now_ms

    made = client()
    waiting = made.queues.list()
    if as_json:
        print_json([queue.to_json() for queue in waiting])
        return
    tell_elsewhere(made)
    rows = [
        (
            queue.route, queue.priority.name, queue.ready,
            duration(now_ms() - queue.oldest_ms) if queue.oldest_ms else None, queue.slots,
        )
        for queue in waiting
    ]  # fmt: skip
    console().print(table(["ROUTE", "PRIORITY", "READY", "OLDEST", "SLOTS"], rows, right=("READY", "OLDEST", "SLOTS")))
