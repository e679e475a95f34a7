"""Makes stock tasks: a plain function with typed arguments becomes a Celery task that checks them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from celery import shared_task
from celery.app.task import Task
from pydantic import ConfigDict, ValidationError, validate_call

from orchestrator.model.errors import TaskInputError


def stock(name: str) -> Callable[[Callable[..., Any]], Task[..., Any]]:
    """Register a function as the Celery task `name`, its arguments checked by their annotations.

    Wrong arguments raise `TaskInputError`: one line that names each wrong one. Values are coerced as pydantic does it
    (`"5"` is taken as a number of seconds), since arguments come from documents, parameters and other jobs' outputs.
    """

    def decorate(function: Callable[..., Any]) -> Task[..., Any]:
        names = list(inspect.signature(function).parameters)
        check = validate_call(config=ConfigDict(defer_build=True))(_arguments_of(function))

        @functools.wraps(function)
        def task(*args: Any, **kwargs: Any) -> Any:
            try:
                args, kwargs = check(*args, **kwargs)
            except ValidationError as error:
                raise TaskInputError(_one_line(error, names), where=name) from None
            return function(*args, **kwargs)

        # Celery reads the signature of a task without following `__wrapped__`, so it is set here.
        task.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
        registered: Task[..., Any] = shared_task(name=name)(task)
        return registered

    return decorate


def _arguments_of(function: Callable[..., Any]) -> Callable[..., tuple[tuple[Any, ...], dict[str, Any]]]:
    """Return a function of the same signature that returns its arguments. Pydantic checks and coerces them."""

    @functools.wraps(function)
    def arguments(*args: Any, **kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return args, kwargs

    return arguments


def _one_line(error: ValidationError, names: list[str]) -> str:
    """Name each wrong argument and what is wrong with it, without the values: they may be secrets."""
    complaints = []
    for found in error.errors(include_input=False, include_url=False, include_context=False):
        first, *rest = found["loc"]
        if isinstance(first, int) and first < len(names):  # given by position
            first = names[first]
        place = ".".join(str(step) for step in (first, *rest))
        complaints.append(f"{place}: {found['msg'][:1].lower()}{found['msg'][1:]}")
    return "; ".join(complaints)
