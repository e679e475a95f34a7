"""`orchestrator queues` and `orchestrator workers`: what waits, and who works."""

from __future__ import annotations

import click

from orchestrator.cli.base import Command, client


@click.command(cls=Command)
def queues(as_json: bool) -> None:
    """Show what is ready on each route and priority class, how long the oldest has waited, and who serves it."""
    from orchestrator.cli.render.live import now_ms
    from orchestrator.cli.render.output import console, duration, print_json, table
    from orchestrator.model.run import iso

    waiting = client().queues()
    if as_json:
        print_json([
            {
                "route": queue.route, "priority": queue.priority.name, "ready": queue.ready,
                "oldest": iso(queue.oldest_ms), "slots": queue.slots,
            }
            for queue in waiting
        ])  # fmt: skip
        return
    rows = [
        (
            queue.route, queue.priority.name, queue.ready,
            duration(now_ms() - queue.oldest_ms) if queue.oldest_ms else None, queue.slots,
        )
        for queue in waiting
    ]  # fmt: skip
    console().print(table(["ROUTE", "PRIORITY", "READY", "OLDEST", "SLOTS"], rows, right=("READY", "OLDEST", "SLOTS")))


@click.command(cls=Command)
def workers(as_json: bool) -> None:
    """Show the worker nodes that are alive: their slots, what they serve and what they run."""
    from orchestrator.cli.render.output import console, print_json
    from orchestrator.cli.render.views import nodes_table

    nodes = client().nodes()
    if as_json:
        print_json([
            {
                "name": node.name, "slots": node.slots, "idle": node.idle,
                "serves": {route: [cls.name for cls in classes] for route, classes in node.wants},
                "runs": list(node.held), "info": node.info,
            }
            for node in nodes
        ])  # fmt: skip
        return
    console().print(nodes_table(nodes) if nodes else "no worker is alive; start one with orchestrator worker")
