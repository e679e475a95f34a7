"""A reference makes the dependency."""

from __future__ import annotations

from fundamentals.tasks import orders, total

from orchestrator import Client, Workflow


def test_a_job_that_uses_an_output_waits_for_it(client: Client) -> None:
    """The output of a job, or a part of it, stands as an argument of another: that makes the order of the two."""
    daily = Workflow("daily")
    read = daily.job("read", orders.s(day="2027-03-01"))
    daily.job("total", total.s(read.output["rows"]))

    run = client.submit(daily).wait(timeout=20)

    assert run.output("total") == 12
    first, second = run.jobs()
    assert first.ended_ms <= second.started_ms
