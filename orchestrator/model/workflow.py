"""The definition of a workflow: named jobs with templates for arguments, dependencies and policies.

A *template* is JSON in which a dict with one key stands for a value that is known later:

    {"$output": ["clean", "rows", 0]}   the output of the job `clean`, and steps into it
    {"$param": ["day"]}                 a parameter of the run, and steps into it
    {"$literal": {"$output": "mine"}}   a plain dict which has a key that begins with `$`

`plan.specs` reads and writes templates; here they are opaque.
"""

from __future__ import annotations

import re
from dataclasses import field as plain
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol, runtime_checkable

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    JsonValue,
    WithJsonSchema,
)
from pydantic.dataclasses import dataclass as checked

from orchestrator.model.policies import RetryPolicy
from orchestrator.model.states import PriorityClass

MAX_NAME = 200
"""The most characters of the name of a workflow, job or route."""
MAX_SECONDS = 31_536_000.0
"""The longest timeout or deadline: a year."""

PriorityName = Literal["critical", "high", "normal", "low"]

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}", re.ASCII)
_ROUTE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@/-]{0,199}", re.ASCII)


def check_name(name: str) -> str:
    """Return the name of a workflow or job.

    Raises:
        ValueError: the name is not allowed. The error says which names are.
    """
    if _NAME.fullmatch(name) is None:
        raise ValueError(
            f"{_shown(name)} is not a good name: use letters, digits, '_', '.' and '-', "
            f"not '.' or '-' first, at most {MAX_NAME} characters"
        )
    return name


def check_route(route: str) -> str:
    """Return the name of a route.

    Raises:
        ValueError: no broker queue can have that name. The error says which names are allowed.
    """
    if _ROUTE.fullmatch(route) is None:
        raise ValueError(
            f"{_shown(route)} is not a good route: use letters, digits and '_.@/-', "
            f"a letter, digit or '_' first, at most {MAX_NAME} characters"
        )
    if route.rpartition(".")[2] in PriorityClass.__members__ and "." in route:
        raise ValueError(
            f"{_shown(route)} is not a good route: that names one queue of a route: give the route, and priority="
        )
    return route


def _shown(text: str) -> str:
    return repr(text) if len(text) <= 60 else f"{text[:57]!r}…"


def _policy(retry: object) -> object:
    """Read a number as that many retries by the default policy."""
    if isinstance(retry, int) and not isinstance(retry, bool):
        return {"max": retry}
    return retry


Name = Annotated[str, AfterValidator(check_name)]
RouteName = Annotated[str, AfterValidator(check_route)]
Seconds = Annotated[float, Field(strict=True, gt=0, le=MAX_SECONDS, allow_inf_nan=False)]
if TYPE_CHECKING:
    Retry = RetryPolicy | None
else:
    Retry = Annotated[RetryPolicy | None, BeforeValidator(_policy)]

_CONFIG = ConfigDict(extra="forbid")


@runtime_checkable
class Starter(Protocol):
    """A schedule or trigger: a value that starts runs of its workflow. The room `starters` has both classes."""

    @property
    def name(self) -> str:
        """Return its name, unique in the workflow."""

    def document(self) -> dict[str, Any]:
        """Return it as plain data without its name."""


Starters = Annotated[dict[str, InstanceOf[Starter]], WithJsonSchema({"type": "object"})]


@checked(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class JobDefinition:
    """One job: a task with the templates of its arguments, its order, and its policies."""

    name: Name
    task: Annotated[str, Field(min_length=1, max_length=500, description="The name of a Celery task.")]
    args: Annotated[tuple[Any, ...], Field(description="Positional arguments: templates.")] = ()
    kwargs: Annotated[dict[str, Any], Field(description="Keyword arguments: templates.")] = plain(default_factory=dict)
    after: Annotated[
        tuple[Name, ...],
        Field(description="Jobs that must succeed first; those whose output an argument uses need not be named."),
    ] = ()
    priority: Annotated[
        PriorityName | None, Field(description="Its class of urgency; without one it takes its run's.")
    ] = None
    number: Annotated[
        int | None,
        Field(strict=True, ge=0, le=255, description="Its place inside the class, lower first; 128 without one."),
    ] = None
    retry: Annotated[
        Retry, Field(description="When a failed attempt is tried again: a policy, or the number of retries.")
    ] = None
    timeout: Annotated[Seconds | None, Field(description="Seconds after which an attempt is killed.")] = None
    soft_timeout: Annotated[
        Seconds | None, Field(description="Seconds after which SoftTimeLimitExceeded is raised in an attempt.")
    ] = None
    route: Annotated[RouteName | None, Field(description="Where it may run: the name of a queue of the workers.")] = (
        None
    )
    headers: Annotated[dict[str, JsonValue], Field(description="Headers that the task finds in its request.")] = plain(
        default_factory=dict
    )


@checked(frozen=True, slots=True, kw_only=True, config=_CONFIG)
class WorkflowDefinition:
    """A workflow: its parameters, its jobs in order, its policies, and the schedules and triggers that start it."""

    name: Name
    description: Annotated[str, Field(max_length=10_000, description="What it is for.")] = ""
    priority: Annotated[PriorityName, Field(description="The class of its runs and jobs.")] = "normal"
    deadline: Annotated[Seconds | None, Field(description="Seconds that a run may take, from its creation.")] = None
    params: Annotated[dict[str, JsonValue] | None, Field(description="JSON Schema of its parameters: an object.")] = (
        None
    )
    produces: Annotated[tuple[Name, ...], Field(description="Datasets that a successful run has updated.")] = ()
    schedules: Annotated[
        Starters, Field(description="When it runs by itself: schedules by name. They are not part of the plan.")
    ] = plain(default_factory=dict)
    triggers: Annotated[
        Starters, Field(description="What else starts it: triggers by name. They are not part of the plan.")
    ] = plain(default_factory=dict)
    jobs: tuple[JobDefinition, ...] = ()
