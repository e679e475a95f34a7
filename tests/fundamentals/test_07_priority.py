"""Priority."""

from __future__ import annotations

from fundamentals.tasks import add, sleep

from orchestrator import Client, Workflow


def test_the_most_urgent_job_starts_first(client: Client) -> None:
    """Of the jobs that are ready, a free slot takes the most urgent: critical, high, normal, low."""
    busy = Workflow("busy")
    first = busy.job("first", sleep.s(0.2))
    for priority in ("low", "normal", "high", "critical"):
        busy.job(priority, add.si(1, 2), priority=priority, after=first)

    run = client.submit(busy).wait(timeout=20)

    started = {job.name: job.started_ms for job in run.jobs()}
    assert started["critical"] <= started["high"] <= started["normal"] <= started["low"]
