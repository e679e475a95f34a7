"""Order alone."""

from __future__ import annotations

from pathlib import Path

from fundamentals.tasks import note

from orchestrator import Client, Workflow


def test_after_names_jobs_that_come_first(client: Client, path: str) -> None:
    """`after` makes the order where no value is passed on; jobs that wait for nothing run side by side."""
    steps = Workflow("steps")
    steps.job("last", note.si(path, "last"), after=["left", "right"])
    steps.job("left", note.si(path, "side"))
    steps.job("right", note.si(path, "side"))

    client.submit(steps).wait(timeout=20)

    assert Path(path).read_text().split() == ["side", "side", "last"]
