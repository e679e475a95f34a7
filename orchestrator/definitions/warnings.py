"""Probable mistakes in definitions. Somebody may mean them, so they are shown, and nothing is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from orchestrator.definitions.circles import circles
from orchestrator.definitions.contents import Definitions
from orchestrator.model.ids import workflow_of
from orchestrator.starters.fitting import misfits
from orchestrator.starters.schedule import Schedule
from orchestrator.starters.trigger import Trigger

MOST_CIRCLES = 20


@dataclass(slots=True)
class Surroundings:
    """All names that the definitions to be checked may refer to."""

    place: str
    """Where these names are, for a sentence: `in these files`, `in this namespace`."""
    calendars: set[str] = field(default_factory=set)
    workflows: set[str] = field(default_factory=set)
    produces: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The datasets that workflows produce, by workflow."""
    triggers: Mapping[str, Trigger] = field(default_factory=dict)
    """The other triggers by which workflows start workflows, by id."""


def warnings(schedules: Mapping[str, Schedule], triggers: Mapping[str, Trigger], there: Surroundings) -> Iterator[str]:
    """Yield which names in schedules and triggers do not exist, and which workflows start themselves."""
    produced = {name for names in there.produces.values() for name in names}
    for starter_id, schedule in schedules.items():
        for name in sorted(schedule.calendars() - there.calendars):
            yield f"schedule {starter_id}: there is no calendar {name!r} {there.place}"
    for starter_id, trigger in triggers.items():
        for name in trigger.run.workflow if trigger.run else ():
            if name not in there.workflows:
                what = f"there is no workflow {name!r} {there.place}, so that none of its runs ends"
                yield f"trigger {starter_id}: {what}"
        if trigger.datasets:
            for name in (*(trigger.datasets.any or ()), *(trigger.datasets.all or ())):
                if name not in produced:
                    yield f"trigger {starter_id}: nothing {there.place} produces the dataset {name!r}"
    workflows = dict.fromkeys(map(workflow_of, triggers))
    for circle in islice(circles({**there.triggers, **triggers}, there.produces, workflows), MOST_CIRCLES):
        yield f"{' → '.join(circle)}: each run starts the next, without end if no `when` stops it"


def unfit_starters(unchanged: Definitions, schemas: Mapping[str, Any]) -> Iterator[str]:
    """Yield which unchanged schedules and triggers do not fit the new parameters of their workflow.

    `schemas` holds the JSON Schema of the new parameters by workflow.
    """
    for kind in ("schedule", "trigger"):
        for starter_id, document in unchanged.of(kind).items():
            workflow = workflow_of(starter_id)
            params = document.get("params", {}) if isinstance(document, dict) else {}
            if workflow in schemas:
                for path, what in misfits(params, schemas[workflow]):
                    where = ".".join(map(str, path)) or "params"
                    yield f"{kind} {starter_id} stays, but does not fit: {where}: {what}"
