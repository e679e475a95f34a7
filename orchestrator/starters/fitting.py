"""Schedules and triggers together with their workflow: their parameters must fit the workflow's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from orchestrator.model.complaints import Complain, Complaint, Path, listing
from orchestrator.model.errors import DefinitionError
from orchestrator.plan.params import Schema, check_given
from orchestrator.starters.fields import known_params
from orchestrator.starters.schedule import Schedule, read_schedule
from orchestrator.starters.trigger import Trigger, read_trigger

S = TypeVar("S", Schedule, Trigger)
READERS: dict[str, Callable[[str, Any, Complain, Path], Schedule | Trigger | None]] = {
    "schedules": read_schedule,
    "triggers": read_trigger,
}


def read_starters(
    kind: str, given: Mapping[str, Any], workflow: str, schema: Schema | None, complaints: list[Complaint]
) -> dict[str, Schedule | Trigger]:
    """Read the `schedules` or `triggers` of a workflow from its document; return those that can be read, by name.

    `schema` is the JSON Schema of the workflow's parameters. Mistakes are added to the complaints, with their paths.
    """

    def complain(path: Path, what: str) -> None:
        complaints.append(Complaint(path, what))

    found: dict[str, Schedule | Trigger] = {}
    for name, value in given.items():
        starter = READERS[kind](name, value, complain, (kind, name))
        params = value.get("params", {}) if isinstance(value, dict) else {}
        wrong = _misfits(params, schema) if isinstance(params, dict) else []
        if starter is not None:
            wrong += _never(starter, workflow)
            found[name] = starter
        complaints += [Complaint((kind, name, *path), what) for path, what in wrong]
    return found


def fitting(starter: S, there: Mapping[str, Schedule | Trigger], workflow: str, schema: Schema | None) -> S:
    """Return a schedule or trigger, checked for a workflow and the starters that this has already.

    Raises:
        DefinitionError: its name is taken, its parameters do not fit, or its cron expression never matches.
    """
    kind = type(starter).__name__.lower()
    where = f"workflow {workflow!r}"
    if starter.name in there:
        what = f"there is already a {type(there[starter.name]).__name__.lower()} {starter.name!r}"
        raise DefinitionError(what, where=where, remedy="give it another name, as in name='hourly'")
    wrong = [*_misfits(starter.params, schema), *_never(starter, workflow)]
    if wrong:
        raise DefinitionError(listing(wrong), where=f"{where}, {kind} {starter.name!r}")
    return starter


def misfits(params: Mapping[str, Any], schema: Schema | None) -> list[Complaint]:
    """Return complaints about the parameters that the workflow would refuse, as far as they are known before a run."""
    later: list[Path] = []
    known = known_params(dict(params), later)
    return check_given(schema, known, later)


def _misfits(params: Mapping[str, Any], schema: Schema | None) -> list[Complaint]:
    return [Complaint(("params", *path), what) for path, what in misfits(params, schema)]


def _never(starter: Schedule | Trigger, workflow: str) -> list[Complaint]:
    """Return a complaint if a cron expression never matches with the `H` that is drawn in this workflow."""
    try:
        if isinstance(starter, Schedule):
            starter.describe(f"{workflow}/{starter.name}")
    except DefinitionError as error:
        return [Complaint(("cron",), str(error))]
    return []
