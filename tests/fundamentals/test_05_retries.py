"""Retries."""

from __future__ import annotations

from fundamentals.tasks import fail_twice

from orchestrator import Client, RetryPolicy, Workflow


def test_a_failed_job_is_tried_again(client: Client, path: str) -> None:
    """A retry policy says how often and how long after a failure a job is tried again; each try is an attempt."""
    flaky = Workflow("flaky")
    flaky.job("call", fail_twice.s(path), retry=RetryPolicy(max=3, delay=0.1))

    run = client.submit(flaky).wait(timeout=20)

    assert run.output("call") == "done at try 3"
    assert run.jobs()[0].attempt == 3


def test_a_job_without_retries_fails_its_run_and_what_follows(client: Client, path: str) -> None:
    """A job that has failed for good fails the run; jobs that wait for it do not run."""
    flaky = Workflow("flaky-once")
    call = flaky.job("call", fail_twice.s(path))
    flaky.job("use", fail_twice.s(call.output))

    run = client.submit(flaky).wait(timeout=20)

    assert run.state.name == "failed"
    assert [job.state.name for job in run.jobs()] == ["failed", "upstream_failed"]
    assert "ConnectionError: try 1" in run.failure()
