"""Canvas."""

from __future__ import annotations

from celery import chord, group
from fundamentals.tasks import add, total

from orchestrator import Client, from_canvas


def test_a_canvas_is_a_workflow(client: Client) -> None:
    """A Celery chain, group or chord becomes a workflow of the same meaning, with all that workflows have."""
    canvas = chord(group(add.s(1, 1), add.s(2, 2), add.s(3, 3)), total.s())

    run = client.submit(from_canvas(canvas, name="canvas")).wait(timeout=20)

    assert run.state.name == "succeeded"
    assert run.output(run.jobs()[-1].name) == 12
