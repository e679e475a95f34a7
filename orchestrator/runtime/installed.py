"""What `install` was told of an app, and what came up in its worker since."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from celery import Celery

    from orchestrator.runtime.node import Node
    from orchestrator.runtime.queues import ClassQueues
    from orchestrator.settings import Settings


@dataclass(slots=True)
class Installed:
    """What `install` was told, and what came up since."""

    namespace: str | None
    settings: Settings | None
    excluded: tuple[str, ...] = ()
    """The queues that `-X` excludes."""
    node: Node | None = field(default=None, repr=False)
    queues: ClassQueues | None = field(default=None, repr=False)

    def get_settings(self) -> Settings:
        """Return the settings that were given, else those of the environment."""
        from orchestrator.settings import get_settings

        return self.settings or get_settings()

    def get_namespace(self) -> str:
        """Return the namespace that was given, else that of the settings."""
        return self.namespace or self.get_settings().namespace


def installed_in(app: Celery) -> Installed | None:
    """Return what `install` was told of an app; None for an app that it was not called with."""
    return getattr(app, "_orchestrator", None)
