"""A worker node without Celery, for tests that want runs to go on."""

from __future__ import annotations

from orchestrator.state.store import Store
from orchestrator.state.transitions.attempts import Claim, Finish, Took
from orchestrator.state.transitions.nodes import Register, Welcome
from orchestrator.state.transitions.values import Subscription


class Node:
    """A worker node without Celery: takes what is ready and ends it as it is told."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.subscriptions = (Subscription("default", (0, 1, 2, 3)),)
        welcome = self.store.run(Register("n1", self.subscriptions, 1))
        assert isinstance(welcome, Welcome), welcome
        self.incarnation = welcome.incarnation
        self.op = 0

    def work(self, outcome: str = "ok", payload: bytes = b'"done"') -> str | None:
        """Take one job and end it; return its name, None where nothing is ready."""
        self.op += 1
        took = self.store.run(Claim("n1", self.incarnation, "h", self.op, self.subscriptions))
        if not isinstance(took, Took):
            return None
        self.op += 1
        self.store.run(Finish("n1", self.incarnation, "h", self.op, took.claimed.ref, outcome, payload))
        return took.claimed.name

    def work_off(self) -> list[str]:
        names = []
        while name := self.work():
            names.append(name)
        return names
