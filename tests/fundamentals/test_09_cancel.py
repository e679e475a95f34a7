"""Cancel."""

from __future__ import annotations

from fundamentals.tasks import add, sleep

from orchestrator import Client, Workflow


def test_cancel_ends_what_runs_and_starts_nothing_more(client: Client) -> None:
    """After `cancel` no job of the run starts, and running jobs are ended with their processes."""
    slow = Workflow("slow-sums")
    first = slow.job("sleep", sleep.s(60))
    slow.job("add", add.si(1, 2), after=first)

    run = client.submit(slow)
    run.cancel("changed my mind")
    run.wait(timeout=20)

    assert run.state.name == "cancelled"
    assert {job.state.name for job in run.jobs()} == {"cancelled"}
