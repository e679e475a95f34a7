"""What starts the runs of a workflow, seen together with it: its schedules and triggers fit its parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from orchestrator.model.complaints import Complain, Complaint, Path, listing
from orchestrator.model.errors import DefinitionError
from orchestrator.plan.params import Schema, check_given
from orchestrator.starters.fields import known_part
from orchestrator.starters.schedule import Schedule, read_schedule
from orchestrator.starters.trigger import Trigger, read_trigger

Start = TypeVar("Start", Schedule, Trigger)
READERS: dict[str, Callable[[str, Any, Complain, Path], Schedule | Trigger | None]] = {
    "schedules": read_schedule,
    "triggers": read_trigger,
}


def read_starts(
    kind: str, given: Mapping[str, Any], workflow: str, schema: Schema | None, complaints: list[Complaint]
) -> dict[str, Schedule | Trigger]:
    """Read a workflow's `schedules` or `triggers` from its document; return those in which nothing is wrong, by name.

    `schema` is that of the workflow's parameters. What is wrong is added to the complaints, with its path.
    """

    def complain(path: Path, what: str) -> None:
        complaints.append(Complaint(path, what))

    found: dict[str, Schedule | Trigger] = {}
    for name, value in given.items():
        start = READERS[kind](name, value, complain, (kind, name))
        params = value.get("params", {}) if isinstance(value, dict) else {}
        wrong = _misfits(params, schema) if isinstance(params, dict) else []
        if start is not None:
            wrong += _never(start, workflow)
            found[name] = start
        for path, what in wrong:
            complain((kind, name, *path), what)
    return found


def fitting(start: Start, there: Mapping[str, Schedule | Trigger], workflow: str, schema: Schema | None) -> Start:
    """Return a schedule or trigger that the workflow can have beside those there; if not, raise DefinitionError."""
    kind = type(start).__name__.lower()
    where = f"workflow {workflow!r}"
    if start.name in there:
        what = f"there is already a {type(there[start.name]).__name__.lower()} {start.name!r}"
        raise DefinitionError(what, where=where, remedy="give it another name, as in name='hourly'")
    wrong = [*_misfits(start.params, schema), *_never(start, workflow)]
    if wrong:
        raise DefinitionError(listing(wrong), where=f"{where}, {kind} {start.name!r}")
    return start


def _misfits(params: Mapping[str, Any], schema: Schema | None) -> list[Complaint]:
    """Find which parameters the workflow would refuse, as far as they are known before a run starts."""
    later: list[Path] = []
    known = known_part(dict(params), later)
    return [Complaint(("params", *path), what) for path, what in check_given(schema, known, later)]


def _never(start: Schedule | Trigger, workflow: str) -> list[Complaint]:
    """Find out whether a cron expression never matches with what its `H` draws in this workflow."""
    try:
        if isinstance(start, Schedule):
            start.describe(f"{workflow}/{start.name}")
    except DefinitionError as error:
        return [Complaint(("cron",), str(error))]
    return []
