"""`orchestrator.python`: calls a function by its name, in the modules that the worker's operator allowed.

It is for code that is importable on the worker and is no Celery task. Nothing is allowed by default: otherwise a
workflow document could run anything (`subprocess:run`).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import Field

from orchestrator.model.errors import TaskInputError
from orchestrator_tasks.errors import Refused
from orchestrator_tasks.settings import task_settings
from orchestrator_tasks.stock import stock

NAME = "orchestrator.python"
_CALL = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z]\w*$"


@stock(NAME)
def python(
    call: Annotated[str, Field(pattern=_CALL, max_length=300)],
    args: list[Any] | None = None,
    kwargs: dict[str, Any] | None = None,
) -> Any:
    """Call `module:function` with `args` and `kwargs`, and return its result, which must be JSON.

    Raises:
        Refused: the worker does not allow the module, or the module that defines the function.
        TaskInputError: there is no such module or function.
    """
    return _function(call)(*(args or ()), **(kwargs or {}))


def _function(call: str) -> Callable[..., Any]:
    module_name, _, name = call.partition(":")
    _check_allowed(module_name, call)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise TaskInputError(f"call: no module {error.name!r} on this worker", where=NAME) from error
    function = getattr(module, name, None)
    if not callable(function):
        raise TaskInputError(f"call: module {module_name!r} has no function {name!r}", where=NAME)
    # `from subprocess import run` makes `run` a name of an allowed module: the module that defines it is checked too.
    _check_allowed(getattr(function, "__module__", None) or "?", call)
    return function  # type: ignore[no-any-return]


def _check_allowed(module: str, call: str) -> None:
    allowed = task_settings().python_modules
    if not any(_matches(module, pattern) for pattern in allowed):
        raise Refused(
            f"{call!r}: module {module!r} is not allowed here",
            where=NAME,
            remedy="the worker's ORCHESTRATOR_PYTHON_MODULES lists what is, such as shop.jobs,reports.*",
        )


def _matches(module: str, pattern: str) -> bool:
    if pattern.endswith(".*"):
        return module == pattern[:-2] or module.startswith(pattern[:-1])
    return module == pattern
