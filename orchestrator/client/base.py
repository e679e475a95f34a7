"""What both forms of the client share: the settings, the store's keys, and how a task's route is found."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from orchestrator.client import flows
from orchestrator.model.errors import ParameterError
from orchestrator.model.states import RunState
from orchestrator.servers.addresses import broker_url
from orchestrator.settings import Settings, get_settings
from orchestrator.state.keys import Keys

if TYPE_CHECKING:
    from celery import Celery

    from orchestrator.client.events import Ears
    from orchestrator.dispatch.permits import Publisher
    from orchestrator.dsl.builder import Workflow
    from orchestrator.model.workflow import WorkflowDefinition
    from orchestrator.plan.compile import RouteOf

    AnyWorkflow = Workflow | WorkflowDefinition | str
    """A workflow, a definition, or the name of a stored one."""


class ClientBase:
    """What a client is made of, whichever form it has."""

    def __init__(self, settings: Settings | None, app: Celery | None) -> None:
        self.settings = settings or get_settings()
        self.app = app
        self.keys = Keys(self.settings.namespace)
        self.route_of: RouteOf | None = None if app is None else _router(app)

    @cached_property
    def publisher(self) -> Publisher:
        """Who publishes permits; made when the first are due, since most clients only ask."""
        from orchestrator.dispatch.permits import Publisher

        return Publisher.for_url(self._broker_url(), self.settings.namespace)

    @cached_property
    def _ears(self) -> Ears:
        from orchestrator.client.events import Ears

        return Ears()

    def _close_publisher(self) -> None:
        if "publisher" in self.__dict__:
            self.publisher.close()

    def _broker_url(self) -> str:
        """Return the broker that the app's workers listen to, without an app the one that the settings name."""
        if self.app is not None and self.settings.broker_url is None:
            url: str | None = self.app.conf.broker_write_url or self.app.conf.broker_url
            if url:
                return url
        return broker_url(self.settings)

    def _order(
        self,
        workflow: AnyWorkflow,
        params: Mapping[str, Any] | None,
        more: Mapping[str, Any],
        priority: str | None,
        key: str | None,
    ) -> flows.Flow[flows.Order]:
        values = {**(params or {}), **more}
        if isinstance(workflow, str):
            return (yield from flows.order_by_name(self.keys, workflow, values, priority, key))
        return flows.order(flows.as_workflow(workflow), values, priority, key, self.route_of)

    def _submit(self, *args: Any) -> flows.Flow[str]:
        return (yield from flows.submit((yield from self._order(*args))))


def _router(app: Celery) -> RouteOf:
    """Return what a Celery app's own router says of a task: its queue, else the app's default."""

    def route_of(task: str) -> str:
        queue = app.amqp.router.route({}, task)["queue"]
        return str(getattr(queue, "name", queue))

    return route_of


def run_state(state: RunState | str | None) -> RunState | None:
    """Read a state by name."""
    if state is None or isinstance(state, RunState):
        return state
    if state not in RunState.__members__:
        raise ParameterError(
            f"{state!r} is not the state of a run", remedy=f"it is one of {', '.join(RunState.__members__)}"
        )
    return RunState[state]
