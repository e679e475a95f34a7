"""A job's spec as the worker reads it, and its arguments with all values put in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from orchestrator.model.errors import OutputError
from orchestrator.model.policies import RetryPolicy
from orchestrator.model.templates import LITERAL, OUTPUT, RUN
from orchestrator.plan import values
from orchestrator.plan.specs import render, uses_run


@dataclass(frozen=True, slots=True)
class JobSpec:
    """One entry of `Plan.specs`, read once in a process."""

    task: str
    args: list[Any]
    kwargs: dict[str, Any]
    retry: RetryPolicy
    timeout: float | None
    soft_timeout: float | None
    headers: dict[str, Any]
    inputs: tuple[int, ...]
    """The jobs whose outputs the arguments use."""
    uses_run: bool = False
    """Whether the arguments use facts of the run."""


@lru_cache(maxsize=4096)
def read_spec(encoded: bytes) -> JobSpec:
    """Read a spec."""
    spec = values.decode(encoded)
    args, kwargs = spec.get("args", []), spec.get("kwargs", {})
    return JobSpec(
        task=spec["task"],
        args=args,
        kwargs=kwargs,
        retry=RetryPolicy(**spec.get("retry", {})),
        timeout=spec.get("timeout"),
        soft_timeout=spec.get("soft_timeout"),
        headers=spec.get("headers", {}),
        inputs=tuple(sorted({*_references(args), *_references(kwargs)})),
        uses_run=uses_run(args) or uses_run(kwargs),
    )


def arguments(
    spec: JobSpec,
    params: Mapping[str, Any],
    inputs: Mapping[int, bytes],
    limit: int,
    facts: Mapping[str, Any] | None = None,
) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments of one attempt, as objects of its own.

    `limit` counts the bytes of all inputs together; `facts` are those of the run, for a spec that uses them.
    """
    size = sum(map(len, inputs.values()))
    if size > limit:
        raise OutputError(
            f"the outputs that this job takes have {size:,} bytes together, and {limit:,} are allowed",
            remedy="store them elsewhere and pass where, or raise ORCHESTRATOR_INPUT_LIMIT",
        )
    outputs = {index: values.decode(inputs.get(index, b"")) for index in spec.inputs}
    given = dict(params) if facts is None else {**params, RUN: facts}
    return render(spec.args, given, outputs), render(spec.kwargs, given, outputs)


def _references(template: Any) -> Iterator[int]:
    if isinstance(template, list):
        for item in template:
            yield from _references(item)
    elif isinstance(template, dict):
        if template.keys() == {OUTPUT}:
            yield template[OUTPUT][0]
        elif template.keys() == {LITERAL}:
            yield from _references_in(template[LITERAL])
        else:
            yield from _references_in(template)


def _references_in(mapping: dict[str, Any]) -> Iterator[int]:
    for item in mapping.values():
        yield from _references(item)
