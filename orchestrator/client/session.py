"""The session of a client, which all its nouns share: the namespace, the actor, and the routes of tasks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar, cast

from orchestrator.state.keys import Keys

if TYPE_CHECKING:
    from orchestrator.dsl.builder import Workflow
    from orchestrator.model.workflow import WorkflowDefinition
    from orchestrator.plan.compile import RouteOf
    from orchestrator.scheduling.catalogue import CatalogueCache
    from orchestrator.state.transitions.base import Transition

    AnyWorkflow = Workflow | WorkflowDefinition | str
    """A workflow, a definition, or the name of a stored one."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, why, and by which way (`cli`, `api`, the name of a program). A text is empty if it is not known."""

    who: str = ""
    why: str = ""
    via: str = ""

    def sign(self, transition: Transition[T]) -> Transition[T]:
        """Return the transition with this actor in it, if it keeps an actor and does not name one already."""
        from orchestrator.state.transitions.runs import Cancel

        if isinstance(transition, Cancel):
            signed = replace(transition, who=transition.who or self.who, why=transition.why or self.why)
            return cast("Transition[T]", signed)
        return transition


class Shared:
    """The memory that the sessions of one client share. A part is made when it is first needed."""

    @cached_property
    def catalogue(self) -> CatalogueCache:
        """The triggers and workflows as last read."""
        from orchestrator.scheduling.catalogue import CatalogueCache

        return CatalogueCache()


@dataclass(frozen=True, slots=True)
class Session:
    """The work of one actor in one namespace."""

    keys: Keys
    route_of: RouteOf | None = None
    """Returns the queue of a task that is known by its name only."""
    actor: Actor = Actor()
    shared: Shared = field(default_factory=Shared)

    def acting(self, actor: Actor) -> Session:
        """Return the session of another actor in the same namespace."""
        return replace(self, actor=actor)


class Noun:
    """The verbs of one noun, as steps. The two faces of the client are generated from the public methods."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.keys = session.keys
