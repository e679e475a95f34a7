"""Timeouts."""

from __future__ import annotations

from fundamentals.tasks import sleep

from orchestrator import Client, Workflow


def test_an_attempt_that_takes_too_long_is_ended(client: Client) -> None:
    """`timeout` is the seconds that one attempt may take: then its process is ended, and the job has timed out."""
    slow = Workflow("slow")
    slow.job("sleep", sleep.s(60), timeout=0.5)

    run = client.submit(slow).wait(timeout=20)

    assert run.state.name == "failed"
    assert run.jobs()[0].state.name == "timed_out"
