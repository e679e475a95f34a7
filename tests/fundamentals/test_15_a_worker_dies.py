"""When a worker dies."""

from __future__ import annotations

from fundamentals.tasks import die_once

from orchestrator import Client, Workflow


def test_the_job_of_a_dead_process_is_run_again(client: Client, path: str) -> None:
    """A lost attempt is no failure: the job runs again, without a retry policy.

    The worker sees the death of one of its processes at once. A worker that is gone with its machine is missed when its
    lease of 10 s is over.
    """
    risky = Workflow("risky")
    risky.job("die", die_once.s(path))

    run = client.submit(risky).wait(timeout=20)

    (job,) = run.jobs()
    assert run.output("die") == "survived"
    assert (job.attempt, job.losses, job.retries) == (2, 1, 0)
