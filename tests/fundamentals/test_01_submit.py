"""Submit a workflow."""

from __future__ import annotations

from fundamentals.tasks import add

from orchestrator import Client, Workflow


def test_a_workflow_is_jobs_and_a_run_is_one_execution_of_it(client: Client) -> None:
    """A job is a Celery signature; `submit` starts a run on the workers, and `wait` returns when it has ended."""
    sums = Workflow("sums")
    sums.job("add", add.s(1, 2))

    run = client.submit(sums)
    run.wait(timeout=20)

    assert run.state.name == "succeeded"
    assert run.output("add") == 3
