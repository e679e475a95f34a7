"""The definitions of a document: one workflow, or a bundle of workflows and calendars.

namespace: default                       # optional: the document is refused in any other
calendars:
  office: {weekdays: mon-fri, without: [{holidays: FR}]}
workflows:
  nightly: {jobs: {…}, schedules: {night: {cron: "0 2 * * *", days: office}}}
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from orchestrator.dsl.documents import define
from orchestrator.model.complaints import Complaint, Path, did_you_mean, kind_of
from orchestrator.model.errors import DefinitionError
from orchestrator.model.workflow import WorkflowDefinition, check_name
from orchestrator.timing.calendars import Calendar, holidays_of

SECTIONS = ("calendars", "workflows")
_FIELDS = ("namespace", *SECTIONS)
_PARTS = ("any_of", "all_of", "without", "also")


@dataclass(frozen=True, slots=True)
class Item:
    """A workflow or calendar, and the path of its name in the document."""

    name: str
    what: WorkflowDefinition | Calendar
    path: Path


def read_items(value: Any, namespace: str, complaints: list[Complaint]) -> Iterator[Item]:
    """Yield the definitions of a document for a namespace; add mistakes to the complaints, with their paths."""
    if isinstance(value, dict) and "namespace" in value:
        if value["namespace"] != namespace:
            what = f"this is for the namespace {value['namespace']!r}, and {namespace!r} is the one in the settings"
            complaints.append(Complaint(("namespace",), what))
        value = {key: item for key, item in value.items() if key != "namespace"}
    if isinstance(value, dict) and "jobs" not in value and any(key in value for key in (*SECTIONS, "pools")):
        yield from _bundle(value, complaints)
        return
    definition = define(value, complaints)
    if definition is not None:
        yield Item(definition.name, definition, ("name",))


def _bundle(value: dict[str, Any], complaints: list[Complaint]) -> Iterator[Item]:
    for key in value:
        if key == "pools":
            complaints.append(Complaint((key,), "there are no pools yet: leave this section out"))
        elif key not in _FIELDS:
            complaints.append(Complaint((key,), f"there is no such field{did_you_mean(key, _FIELDS)}"))
    for section in SECTIONS:
        given = value.get(section, {})
        if not isinstance(given, dict):
            what = f"should be a mapping from names to {section}, not {kind_of(given)}"
            complaints.append(Complaint((section,), what))
            continue
        for name, body in given.items():
            read = _calendar if section == "calendars" else _workflow
            yield from read(name, body, complaints)


def _workflow(name: str, body: Any, complaints: list[Complaint]) -> Iterator[Item]:
    path: Path = ("workflows", name)
    if not _good(name, path, complaints):
        return
    if not isinstance(body, dict):
        complaints.append(Complaint(path, f"a workflow is a mapping with jobs, not {kind_of(body)}"))
        return
    if "name" in body:
        complaints.append(Complaint((*path, "name"), "there is no such field: its key names the workflow"))
        return
    found: list[Complaint] = []
    definition = define({**body, "name": name}, found)
    complaints += [Complaint((*path, *inner), what) for inner, what in found]
    if definition is not None:
        yield Item(name, definition, path)


def _calendar(name: str, body: Any, complaints: list[Complaint]) -> Iterator[Item]:
    path: Path = ("calendars", name)
    if not _good(name, path, complaints):
        return
    calendar = read_calendar(body, path, complaints)
    if calendar is not None:
        yield Item(name, calendar, path)


def _good(name: str, path: Path, complaints: list[Complaint]) -> bool:
    try:
        check_name(name)
    except ValueError as error:
        complaints.append(Complaint(path, str(error)))
        return False
    return True


def read_calendar(value: Any, path: Path, complaints: list[Complaint]) -> Calendar | None:
    """Make a calendar of plain data; or add the mistakes of its innermost wrong parts, and return None."""
    if not isinstance(value, dict):
        complaints.append(
            Complaint(path, f"a calendar is a mapping such as {{weekdays: mon-fri}}, not {kind_of(value)}")
        )
        return None
    before = len(complaints)
    for key in value:
        if key not in Calendar.model_fields:
            hint = did_you_mean(key, list(Calendar.model_fields))
            complaints.append(Complaint((*path, key), f"there is no such field{hint}"))
    for part in _PARTS:
        for at, inner in enumerate(value[part]) if isinstance(value.get(part), list) else ():
            read_calendar(inner, (*path, part, at), complaints)
    if len(complaints) > before:
        return None
    try:
        calendar = Calendar(**value)
        if calendar.holidays is not None:
            holidays_of(calendar.holidays, 2027)
    except DefinitionError as error:
        steps = [int(step) if step.isdigit() else step for step in error.where.split(".")] if error.where else []
        what = error.what.removeprefix("the calendar is not valid: ").replace("Input should", "should")
        what = what.replace("a valid tuple", "a list") + (f" ({error.remedy})" if error.remedy else "")
        complaints.append(Complaint((*path, *steps), what))
        return None
    return calendar
