"""Steps: the logic of a client without I/O. Each operation is a generator of steps, and a port drives it.

A step is a function of a port. The port calls it, awaits the result in asyncio, and sends the result back into the
generator. So the logic of a noun stands in one file, and serves both `Client` and `AsyncClient`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from orchestrator.state.reads.base import Command, Read

if TYPE_CHECKING:
    from orchestrator.client.session import Session
    from orchestrator.dispatch.publishers import Apps
    from orchestrator.model.run import NodeInfo, QueueInfo
    from orchestrator.plan.plan import Plan
    from orchestrator.state.transitions.base import Transition
    from orchestrator.state.transitions.values import Permits
    from orchestrator.state.transitions.workflows import Stored

T = TypeVar("T")


class StorePort(Protocol):
    """The store as a step sees it; in asyncio each call returns an awaitable."""

    def run(self, transition: Transition[T], /) -> T: ...  # noqa: D102
    def read(self, read: Read[T], /) -> T: ...  # noqa: D102
    def put_plan(self, plan: Plan, /) -> Stored: ...  # noqa: D102
    def pipeline(self, commands: Sequence[Command], /) -> list[Any]: ...  # noqa: D102


class Port(Protocol):
    """The connections on which steps act."""

    @property
    def store(self) -> StorePort:
        """The state's Redis."""
        ...

    def publish(self, permits: Sequence[Permits], apps: Apps, /) -> None:
        """Publish permits, those of a route in `apps` by the broker of that app."""

    def elsewhere(self, nodes: Sequence[NodeInfo], queues: Sequence[QueueInfo], /) -> str:
        """Say in one line that nodes listen to another broker than is published to; empty if all is well."""
        ...

    def sleep(self, seconds: float, /) -> None:
        """Wait."""


Step = Callable[[Any], Any]
Steps = Generator[Step, Any, T]


def ask(step: Callable[[Port], T]) -> Steps[T]:
    """Make one step, and return its result. The type is that of the synchronous port."""
    result: T = yield step
    return result


def no_step(result: T) -> Steps[T]:
    """Return a result without any step, for a caller that wants steps."""
    return result
    yield  # makes it a generator


def change(session: Session, transition: Transition[T]) -> Steps[T]:
    """Make a transition for the actor of the session. Every change that a client makes passes here."""
    signed = session.actor.sign(transition)
    return ask(lambda port: port.store.run(signed))


def read(request: Read[T]) -> Steps[T]:
    """Read from the store."""
    return ask(lambda port: port.store.read(request))


def publish(permits: Sequence[Permits], apps: Apps | None = None) -> Steps[None]:
    """Publish permits, those of a route in `apps` by the broker of that app."""
    return ask(lambda port: port.publish(permits, apps or {}))


def sleep(seconds: float) -> Steps[None]:
    """Wait."""
    return ask(lambda port: port.sleep(seconds))
