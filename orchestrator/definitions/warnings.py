"""What may well be a mistake in definitions, and is none for certain: it is told, and nothing is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from orchestrator.definitions.circles import circles
from orchestrator.definitions.contents import Definitions, workflow_of
from orchestrator.model.complaints import Path
from orchestrator.model.errors import DefinitionError
from orchestrator.plan.params import check_given
from orchestrator.starters.fields import known_part
from orchestrator.starters.schedule import Schedule
from orchestrator.starters.trigger import Trigger

MOST_CIRCLES = 20


@dataclass(slots=True)
class Surroundings:
    """What the definitions to be looked at may refer to: all names that there will be."""

    place: str
    """Where these are, as it stands in a sentence: `in these files`, `in this namespace`."""
    calendars: set[str] = field(default_factory=set)
    workflows: set[str] = field(default_factory=set)
    produces: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The datasets that workflows produce, by workflow."""
    triggers: Mapping[str, Trigger] = field(default_factory=dict)
    """Those by which workflows start others, beside the triggers to be looked at."""


def warnings(schedules: Mapping[str, Schedule], triggers: Mapping[str, Trigger], there: Surroundings) -> Iterator[str]:
    """Yield what schedules and triggers refer to that is not there, and which workflows start themselves."""
    produced = {name for names in there.produces.values() for name in names}
    for own, schedule in schedules.items():
        for name in sorted(schedule.calendars() - there.calendars):
            yield f"schedule {own}: there is no calendar {name!r} {there.place}"
    for own, trigger in triggers.items():
        for name in trigger.run.workflow if trigger.run else ():
            if name not in there.workflows:
                yield f"trigger {own}: there is no workflow {name!r} {there.place}, so that none of its runs ends"
        if trigger.datasets:
            for name in (*(trigger.datasets.any or ()), *(trigger.datasets.all or ())):
                if name not in produced:
                    yield f"trigger {own}: nothing {there.place} produces the dataset {name!r}"
    own_workflows = dict.fromkeys(map(workflow_of, triggers))
    for circle in islice(circles({**there.triggers, **triggers}, there.produces, own_workflows), MOST_CIRCLES):
        yield f"{' → '.join(circle)}: each run starts the next, without end if no `when` stops it"


def misfits(beside: Definitions, schemas: Mapping[str, Any]) -> Iterator[str]:
    """Yield which schedules and triggers, that stay as they are, do not fit their workflow's new parameters."""
    for kind in ("schedule", "trigger"):
        for own, document in (beside.schedules if kind == "schedule" else beside.triggers).items():
            workflow = own.partition("/")[0]
            params = document.get("params", {}) if isinstance(document, dict) else {}
            if workflow in schemas:
                later: list[Path] = []
                known = known_part(dict(params), later)
                for path, what in check_given(schemas[workflow], known, later):
                    yield f"{kind} {own} stays, but does not fit: {'.'.join(map(str, path)) or 'params'}: {what}"


def read_starts(definitions: Definitions) -> tuple[dict[str, Schedule], dict[str, Trigger]]:
    """Read documents of schedules and triggers; one that cannot be read is left out."""
    schedules: dict[str, Schedule] = {}
    triggers: dict[str, Trigger] = {}
    for own, document in definitions.schedules.items():
        try:
            schedules[own] = Schedule.read(own.partition("/")[2], document)
        except DefinitionError:
            continue
    for own, document in definitions.triggers.items():
        try:
            triggers[own] = Trigger.read(own.partition("/")[2], document)
        except DefinitionError:
            continue
    return schedules, triggers
