"""The parts of the faces that are written by hand: how a client is made, closed and handed to another actor; a run."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from orchestrator.client.ports import AsyncPort, SyncPort
from orchestrator.client.session import Actor, Session
from orchestrator.settings import Settings, get_settings
from orchestrator.state.keys import Keys

if TYPE_CHECKING:
    from typing import Self

    from celery import Celery

    from orchestrator.client.run import RunSteps
    from orchestrator.model.run import RunInfo
    from orchestrator.model.states import RunState
    from orchestrator.plan.compile import RouteOf


class AnyClient:
    """The settings, the app and the session of a client."""

    def __init__(self, settings: Settings | None = None, *, app: Celery | None = None) -> None:
        self.settings = settings or get_settings()
        self.app = app
        self.route_of: RouteOf | None = None if app is None else _router_of(app)
        self._session = Session(Keys(self.settings.namespace), self.route_of)

    def acting(self, *, who: str = "", why: str = "", via: str = "") -> Self:
        """Return a client for the actions of `who`, for the reason `why`, by the way `via` (`cli`, `api` …).

        Each action writes down as much of this as its record has room for. Both clients share their connections:
        closing one closes the other.
        """
        made = copy.copy(self)
        for name in ("_steps", *NOUNS):
            made.__dict__.pop(name, None)  # it stands for the other actor
        made._session = self._session.acting(Actor(who, why, via))
        return made


def _router_of(app: Celery) -> RouteOf:
    from orchestrator.dsl.routing import router_of  # takes 50 ms, and most clients have no app

    return router_of(app)


NOUNS: dict[str, tuple[str, str]] = {
    "runs": ("orchestrator.client.runs", "RunsSteps"),
    "workflows": ("orchestrator.client.workflows", "WorkflowsSteps"),
    "schedules": ("orchestrator.client.schedules", "SchedulesSteps"),
    "backfills": ("orchestrator.client.backfills", "BackfillsSteps"),
    "triggers": ("orchestrator.client.triggers", "TriggersSteps"),
    "calendars": ("orchestrator.client.calendars", "CalendarsSteps"),
    "events": ("orchestrator.client.events", "EventsSteps"),
    "hooks": ("orchestrator.client.hooks", "HooksSteps"),
    "definitions": ("orchestrator.client.definitions", "DefinitionsSteps"),
    "queues": ("orchestrator.client.queues", "QueuesSteps"),
    "nodes": ("orchestrator.client.nodes", "NodesSteps"),
    "transitions": ("orchestrator.client.transitions", "TransitionsSteps"),
}
"""Where the steps of each noun stand; `docs/faces.py` generates the faces from this table."""


class ClientBase(AnyClient):
    """A client for programs and threads. Threads may share it; a context manager."""

    def __init__(self, settings: Settings | None = None, *, app: Celery | None = None) -> None:
        super().__init__(settings, app=app)
        self._port = SyncPort(self.settings, app)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._port.close()


class AsyncClientBase(AnyClient):
    """A client for one event loop; an async context manager."""

    def __init__(self, settings: Settings | None = None, *, app: Celery | None = None) -> None:
        super().__init__(settings, app=app)
        self._port = AsyncPort(self.settings, app)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._port.close()


class Face:
    """One noun of a client for programs and threads."""

    def __init__(self, port: SyncPort, steps: Any) -> None:
        self._port = port
        self._steps = steps


class AsyncFace:
    """One noun of a client for an event loop."""

    def __init__(self, port: AsyncPort, steps: Any) -> None:
        self._port = port
        self._steps = steps


class RunBase(Face):
    """A run of `Client`. A property that is not known yet is read when somebody asks for it."""

    _steps: RunSteps

    @property
    def id(self) -> str:
        """The run's id."""
        return self._steps.id

    @property
    def info(self) -> RunInfo:
        """All that is known of the run, as last read."""
        if self._steps.info is None:
            self._port.drive(self._steps.refresh())
        assert self._steps.info is not None
        return self._steps.info

    @property
    def state(self) -> RunState:
        """Its state, as last read."""
        return self.info.state

    def __repr__(self) -> str:
        info = self._steps.info
        return f"<Run {self.id}>" if info is None else f"<Run {self.id} of {info.workflow}: {info.state.name}>"


class AsyncRunBase(AsyncFace):
    """A run of `AsyncClient`. A property cannot wait for a read, so it is None before `refresh` or `wait`."""

    _steps: RunSteps

    @property
    def id(self) -> str:
        """The run's id."""
        return self._steps.id

    @property
    def info(self) -> RunInfo | None:
        """All that is known of the run, as last read; None before the first `refresh` or `wait`."""
        return self._steps.info

    @property
    def state(self) -> RunState | None:
        """Its state, as last read."""
        return None if self._steps.info is None else self._steps.info.state

    def __repr__(self) -> str:
        return f"<AsyncRun {self.id}>"
