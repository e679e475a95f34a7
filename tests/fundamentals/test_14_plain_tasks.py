"""Plain tasks."""

from __future__ import annotations

from fundamentals.tasks import add

from orchestrator import Client


def test_plain_calls_go_on_as_before(client: Client) -> None:
    """The same tasks on the same workers are called by `delay` as ever: the engine has no part in it."""
    assert add.delay(1, 2).get(timeout=20) == 3
