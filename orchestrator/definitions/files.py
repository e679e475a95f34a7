"""Files and folders of definitions, read into one value; everything that is wrong in them is told at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path as File

from orchestrator.definitions.bundles import read_items
from orchestrator.definitions.contents import Definitions, Kind
from orchestrator.definitions.values import Values, fill
from orchestrator.dsl.builder import Workflow
from orchestrator.dsl.documents import Parsed, Placed, parse, placed, read_bytes
from orchestrator.model.complaints import Complaint, Path, listing
from orchestrator.model.errors import DefinitionError, DocumentError, NotFound
from orchestrator.model.workflow import WorkflowDefinition
from orchestrator.plan.compile import RouteOf
from orchestrator.plan.plan import Plan
from orchestrator.starters.schedule import Schedule
from orchestrator.starters.trigger import Trigger
from orchestrator.timing.calendars import Calendar

SUFFIXES = (".yaml", ".yml", ".json")
Where = Callable[[], str]
"""Says where something is written; asked only when somebody has to be told."""


@dataclass(slots=True)
class Written:
    """What files define, each by its name, with the plans of workflows by their digest."""

    calendars: dict[str, Calendar] = field(default_factory=dict)
    workflows: dict[str, Workflow] = field(default_factory=dict)
    schedules: dict[str, Schedule] = field(default_factory=dict)
    triggers: dict[str, Trigger] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)
    places: dict[tuple[Kind, str], Where] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)

    def definitions(self) -> Definitions:
        """Return them as values that can be compared with those of a namespace."""
        return Definitions(
            {name: calendar.document() for name, calendar in self.calendars.items()},
            dict(self.digests),
            {name: schedule.document() for name, schedule in self.schedules.items()},
            {name: trigger.document() for name, trigger in self.triggers.items()},
        )

    def where(self, kind: Kind, name: str) -> str:
        """Return where a thing is written; of a schedule or trigger that is where its workflow is."""
        found = self.places.get((kind, name)) or self.places.get(("workflow", name.partition("/")[0]))
        return found() if found else f"{kind} {name}"

    def add_workflow(self, flow: Workflow, where: Where, route_of: RouteOf | None = None) -> None:
        """Take in a workflow with what starts it; a `DefinitionError` if it cannot stand beside what is here."""
        self._place("workflow", flow.name, where)
        plan = flow.compile(route_of)
        self.workflows[flow.name] = flow
        self.plans[plan.digest] = plan
        self.digests[flow.name] = plan.digest
        self.schedules |= {f"{flow.name}/{name}": schedule for name, schedule in flow.schedules.items()}
        for name, trigger in flow.triggers.items():
            if name in flow.schedules:
                what = f"workflow {flow.name!r} has a schedule {name!r} and a trigger {name!r}"
                raise DefinitionError(what, where=where(), remedy="give one of them another name")
            self.triggers[f"{flow.name}/{name}"] = trigger

    def add_calendar(self, name: str, calendar: Calendar, where: Where) -> None:
        """Take in a calendar; a `DefinitionError` if there is one of that name."""
        self._place("calendar", name, where)
        self.calendars[name] = calendar

    def _place(self, kind: Kind, name: str, where: Where) -> None:
        first = self.places.setdefault((kind, name), where)
        if first is not where:
            raise DefinitionError(f"{kind} {name!r} is defined already, at {first()}", where=where())


def read(
    paths: Iterable[str],
    namespace: str,
    values: Values,
    *,
    besides: Iterable[str] = (),
    route_of: RouteOf | None = None,
) -> Written:
    """Read files, and folders with all that is below them, but for hidden files and those in `besides`.

    Raises a `DocumentError` that tells everything that is wrong, each thing by file, line and column.
    """
    written = Written()
    wrong = [
        error
        for file in files(paths, besides)
        for error in read_file(file, written, namespace, values, route_of)
    ]  # fmt: skip
    if len(wrong) == 1:
        raise wrong[0]
    if wrong:
        raise DocumentError(listing(wrong))
    return written


def read_file(
    file: str, written: Written, namespace: str, values: Values, route_of: RouteOf | None = None
) -> list[DefinitionError]:
    """Take in what a file defines; return what is wrong with it."""
    try:
        documents = parse(read_bytes(file), file)
    except DocumentError as error:
        return [error]
    return [error for parsed in documents for error in _take(parsed, written, namespace, values, route_of)]


def _take(
    parsed: Parsed, written: Written, namespace: str, values: Values, route_of: RouteOf | None
) -> Iterator[DefinitionError]:
    """Take in what a document defines; yield what is wrong with it."""
    complaints: list[Complaint] = []
    try:
        value = fill(parsed.value, values, complaints)
    except DefinitionError as error:
        yield DocumentError(error.what, where=parsed.source)
        return
    # What is not filled in would only be told again, as what does not fit.
    items = [] if complaints else list(read_items(value, namespace, complaints))
    yield from (DocumentError(each.what, where=each.where) for each in placed(complaints, parsed))
    for item in items:
        where = _Where(parsed, item.path)
        try:
            if isinstance(item.what, WorkflowDefinition):
                written.add_workflow(Workflow.from_definition(item.what), where, route_of)
            else:
                written.add_calendar(item.name, item.what, where)
        except DefinitionError as error:
            yield error


class _Where:
    """Where a part of a document is, worked out when it is asked for."""

    def __init__(self, parsed: Parsed, path: Path) -> None:
        self._parsed = parsed
        self._path = path

    def __call__(self) -> str:
        found: list[Placed] = placed([Complaint(self._path, "")], self._parsed)
        return found[0].where


def files(paths: Iterable[str], besides: Iterable[str] = ()) -> Iterator[str]:
    """Yield the files of paths in their order, each once; `NotFound` for a path or a folder with nothing there."""
    left_out = {os.path.realpath(path) for path in besides}
    known: set[str] = set()
    for path in paths:
        if File(path).is_dir():
            found = [file for file in sorted(_below(path)) if os.path.realpath(file) not in left_out]
            if not found:
                raise NotFound(f"there is no file of {', '.join(SUFFIXES)} in this folder", where=path)
        elif File(path).exists():
            found = [path]
        else:
            raise NotFound("there is no such file or folder", where=path)
        for file in found:
            real = os.path.realpath(file)
            if real not in known:
                known.add(real)
                yield file


def _below(folder: str) -> Iterator[str]:
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (os.path.join(place, name) for name in files if name.endswith(SUFFIXES) and not name.startswith("."))
