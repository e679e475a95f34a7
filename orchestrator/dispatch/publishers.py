"""The publishers of one process: that of the given app, or else those of the settings and of the workflows' apps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from orchestrator.dispatch.broker import Broker
from orchestrator.dispatch.eager import tell_of_eager
from orchestrator.dispatch.permits import Publisher
from orchestrator.settings import Settings
from orchestrator.state.transitions.values import Permits

if TYPE_CHECKING:
    from celery import Celery

Apps = Mapping[str, "Celery"]
"""By route the Celery app whose signatures a workflow is made of."""


class Publishers:
    """Each is made when the first permits for its broker are due: most clients only ask. Threads may share it."""

    def __init__(self, settings: Settings, app: Celery | None) -> None:
        self._settings = settings
        self._app = app
        self._made: dict[int, Publisher] = {}

    @property
    def own(self) -> Publisher:
        """The publisher of the given app, without one that of the settings.

        Raises:
            StoreUnavailable: no broker is set, and no embedded Redis runs.
            SettingsError: the store is a Redis Cluster, and no broker is set.
        """
        return self._of(self._app)

    def shares(self, permits: Sequence[Permits], apps: Apps) -> list[tuple[Publisher, list[Permits]]]:
        """Return the permits by publisher. A given app publishes all of them, whatever `apps` says.

        Raises:
            StoreUnavailable: as `own`.
            SettingsError: as `own`.
        """
        found: dict[int, tuple[Publisher, list[Permits]]] = {}
        for each in permits:
            publisher = self._of(self._app or apps.get(each.route))
            found.setdefault(id(publisher), (publisher, []))[1].append(each)
        return list(found.values())

    def close(self) -> None:
        """Close the connections."""
        for publisher in self._made.values():
            publisher.close()

    def _of(self, app: Celery | None) -> Publisher:
        if id(app) not in self._made:
            if app is not None:
                tell_of_eager(app)
            broker = Broker.of(self._settings, app)
            same = next((each for each in self._made.values() if each.broker.ids == broker.ids), None)
            self._made[id(app)] = same or Publisher(broker, self._settings.namespace)
        return self._made[id(app)]
