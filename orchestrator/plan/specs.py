"""Templates: arguments in which some values are known only when the job starts (see `model.workflow` for their form).

A template has three forms. In a definition a reference names a job: `{"$output": ["clean", "rows"]}`. In a plan it has
the index of the job: `{"$output": [3, "rows"]}`. In the worker `render` replaces references by values. A literal value
keeps its order of keys, since a task can see it.

A *job spec* is one entry of `Plan.specs`: JSON with the keys `task`, `args`, `kwargs`, `retry`, `timeout`,
`soft_timeout` and `headers`, without those that have their defaults.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import Enum
from typing import Any

from pydantic import BaseModel

from orchestrator.model.complaints import Complain, Path, show_path
from orchestrator.model.errors import DefinitionError, ParameterError
from orchestrator.model.templates import LITERAL, MAX_DEPTH, OUTPUT, PARAM, RUN
from orchestrator.plan.exact import inexact, is_long, is_text
from orchestrator.plan.typed import as_data, looks_typed

FACTS = ("id", "logical_date", "interval_start", "interval_end", "schedule", "trigger")
"""The facts of a run that `$run` may name: see `model.run.RunInfo.known`."""
_PLAIN = frozenset({str, int, bool, type(None)})


def dumps(value: Any) -> str:
    """Write JSON in its shortest form, keys in their given order.

    Raises:
        DefinitionError: JSON cannot express the value.
    """
    try:
        return _encoder.encode(value)
    except (ValueError, TypeError) as error:
        raise DefinitionError(f"not JSON: {error}") from None


_encoder = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


def encode(value: Any, marker_of: Callable[[Any], dict[str, Any] | None], path: Path = ()) -> Any:
    """Turn a Python argument into a template with names of jobs.

    `marker_of` gives the marker for a reference, and None for any other object.

    Raises:
        DefinitionError: JSON cannot express the argument.
    """
    kind = type(value)
    if kind in _PLAIN:
        if (kind is str and not is_text(value)) or (kind is int and is_long(value)):
            _refuse_inexact(value, path)
        return value
    if kind is float:
        if value - value != 0.0:
            raise DefinitionError(f"{value} is not a JSON number", where=show_path(path))
        return value
    if len(path) > MAX_DEPTH:
        raise DefinitionError(f"arguments nest deeper than {MAX_DEPTH} levels", where=show_path(path[:6]) + "…")
    if isinstance(value, list | tuple):
        return [encode(item, marker_of, (*path, i)) for i, item in enumerate(value)]
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise DefinitionError(
                    f"the key {key!r} is a {type(key).__name__}, and JSON has text only", where=show_path(path)
                )
        encoded = {str.__str__(key): encode(item, marker_of, (*path, key)) for key, item in value.items()}
        if looks_typed(encoded):
            return as_data(encoded)
        return {LITERAL: encoded} if any(key.startswith("$") for key in value) else encoded
    marker = marker_of(value)
    if marker is not None:
        return marker
    if isinstance(value, Enum):
        return encode(value.value, marker_of, path)
    if isinstance(value, BaseModel):
        _refuse_inexact(value, path)
        return encode(value.model_dump(mode="json"), marker_of, path)
    for base in (str, int, float):
        if isinstance(value, base):
            return encode(base(value), marker_of, path)
    return _as_celery_writes(value, path)


def _refuse_inexact(value: Any, path: Path) -> None:
    for complaint in inexact(value):
        raise DefinitionError(complaint.what, where=show_path((*path, *complaint.path)))


def _as_celery_writes(value: Any, path: Path) -> Any:
    """Write a date, time, `Decimal`, `UUID` or bytes in Celery's dialect of JSON, which the worker can read."""
    from kombu.utils.json import dumps as celery_dumps

    try:
        return json.loads(celery_dumps(value))
    except (TypeError, ValueError):
        name = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
        raise DefinitionError(
            f"a {name} is not JSON",
            where=show_path(path),
            remedy="give the task text, numbers, lists and dicts, or a path to the data",
        ) from None


def _marker_key(template: dict[str, Any]) -> str | None:
    """Return the key that makes a dict of a template a marker, or None for a plain dict."""
    for key in template:
        if key.startswith("$"):
            return key
    return None


def rewrite(
    template: Any,
    on_output: Callable[[list[Any], Path], list[Any]],
    on_param: Callable[[list[Any], Path], None],
    complain: Complain,
    path: Path,
) -> Any:
    """Copy a template: `on_output` rewrites each `$output`, `on_param` gets each `$param`.

    `complain` gets the path of each malformed marker, which stays as it is.
    """
    if isinstance(template, list | tuple):
        if len(path) > MAX_DEPTH:
            complain(path[:6], f"arguments nest deeper than {MAX_DEPTH} levels")
            return template
        return [
            item if type(item) in _PLAIN else rewrite(item, on_output, on_param, complain, (*path, i))
            for i, item in enumerate(template)
        ]
    if not isinstance(template, dict):
        return template
    if len(path) > MAX_DEPTH:
        complain(path[:6], f"arguments nest deeper than {MAX_DEPTH} levels")
        return template
    marker = _marker_key(template)
    if marker is None:
        return {
            key: item if type(item) in _PLAIN else rewrite(item, on_output, on_param, complain, (*path, key))
            for key, item in template.items()
        }
    return _rewrite_marker(template, marker, on_output, on_param, complain, path)


def _rewrite_marker(
    template: dict[str, Any],
    marker: str,
    on_output: Callable[[list[Any], Path], list[Any]],
    on_param: Callable[[list[Any], Path], None],
    complain: Complain,
    path: Path,
) -> Any:
    """Rewrite a dict with a key that begins with `$`. Complain unless it is a known marker, alone and well-formed."""
    steps = template[marker]
    if isinstance(steps, str) and marker != LITERAL:
        steps = [steps]  # a reference without steps may be written as its name alone
    path = (*path, marker)
    if len(template) > 1 or marker not in (OUTPUT, PARAM, RUN, LITERAL):
        known = f"{OUTPUT}, {PARAM}, {RUN} or {LITERAL} alone"
        complain(path, f"a key that begins with '$' must be {known} (wrap a plain dict in {LITERAL})")
    elif marker == LITERAL and not isinstance(steps, dict):
        complain(path, f"{LITERAL} must hold a dict")
    elif marker == LITERAL:
        return {LITERAL: {k: rewrite(item, on_output, on_param, complain, (*path, k)) for k, item in steps.items()}}
    elif marker == RUN and steps not in ([fact] for fact in FACTS):
        complain(path, f"{RUN} must be one of {', '.join(FACTS)}")
    elif marker == RUN:
        return {RUN: steps[0]}
    elif not isinstance(steps, list) or not steps or not all(type(step) in (str, int) for step in steps):
        noun = "job" if marker == OUTPUT else "parameter"
        complain(path, f'{marker} must be a list of a {noun} and the steps into it: ["name", "key", 0]')
    elif marker == OUTPUT:
        return {OUTPUT: on_output(steps, path)}
    else:
        on_param(steps, path)
        return {PARAM: steps}
    return template


def render(template: Any, params: dict[str, Any], outputs: dict[int, Any]) -> Any:
    """Replace references by their values: `params` by name, `outputs` by the index of the job.

    The facts that `$run` may name are in `params` under the name `$run`.

    Raises:
        ParameterError: a parameter is missing, or a step into it leads nowhere.
        DefinitionError: an output is missing, or a step into it leads nowhere.
    """
    if isinstance(template, list):
        return [item if type(item) in _PLAIN else render(item, params, outputs) for item in template]
    if not isinstance(template, dict):
        return template
    if len(template) == 1:
        ((marker, steps),) = template.items()
        if marker == OUTPUT:
            if steps[0] not in outputs:
                raise DefinitionError(f"job {steps[0]} has no output to take")
            return _follow(outputs[steps[0]], steps, f"the output of job {steps[0]}", DefinitionError)
        if marker == PARAM:
            if steps[0] not in params:
                raise ParameterError(f"the run has no parameter {steps[0]!r}")
            return _follow(params[steps[0]], steps, f"parameter {steps[0]}", ParameterError)
        if marker == RUN:
            return params[RUN][steps]
        if marker == LITERAL:
            template = steps
    return {key: item if type(item) in _PLAIN else render(item, params, outputs) for key, item in template.items()}


def _follow(value: Any, steps: list[Any], what: str, error: type[DefinitionError | ParameterError]) -> Any:
    for step in steps[1:]:
        try:
            if not isinstance(value, dict if isinstance(step, str) else list):
                raise TypeError
            value = value[step]
        except (LookupError, TypeError):
            raise error(f"{what} has no {step!r}: there is {_glimpse(value)}") from None
        what += f"[{step!r}]"
    return value


def uses_run(template: Any) -> bool:
    """Tell whether the template of a plan uses facts of the run."""
    if isinstance(template, list):
        return any(map(uses_run, template))
    if not isinstance(template, dict):
        return False
    inner = template[LITERAL] if template.keys() == {LITERAL} else template
    return template.keys() == {RUN} or any(map(uses_run, inner.values()))


def _glimpse(value: Any) -> str:
    if isinstance(value, dict):
        keys = ", ".join(map(repr, list(value)[:8]))
        return f"a dict with the keys {keys}{' …' if len(value) > 8 else ''}" if value else "an empty dict"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return f"a {type(value).__name__}" if value is not None else "null"
