"""Idempotency."""

from __future__ import annotations

from fundamentals.tasks import add

from orchestrator import Client, Workflow


def test_one_key_makes_one_run(client: Client) -> None:
    """A submit that is repeated with its idempotency key, as after a timeout, finds the run of the first."""
    sums = Workflow("sums-once")
    sums.job("add", add.s(1, 2))

    first = client.submit(sums, idempotency_key="order-7")
    second = client.submit(sums, idempotency_key="order-7")

    assert first.id == second.id
    assert first.wait(timeout=20).output("add") == 3
