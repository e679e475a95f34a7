"""Files and folders of definitions, read into one value. One error names everything that is wrong in them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path as File
from typing import Literal

from orchestrator.definitions.bundles import read_items
from orchestrator.definitions.contents import Definitions, Kind
from orchestrator.definitions.desired import DesiredState
from orchestrator.definitions.values import Values, fill
from orchestrator.dsl.parsing import Parsed, parse, placed, read_bytes
from orchestrator.model.complaints import Complaint, Path, listing
from orchestrator.model.errors import DefinitionError, DocumentError, NotFound
from orchestrator.model.ids import starter_id, workflow_of
from orchestrator.model.workflow import WorkflowDefinition
from orchestrator.plan.compile import RouteOf, compile_plan
from orchestrator.plan.plan import Plan
from orchestrator.starters.schedule import Schedule
from orchestrator.starters.trigger import Trigger
from orchestrator.timing.calendars import Calendar

SUFFIXES = (".yaml", ".yml", ".json")
Where = Callable[[], str]
"""Gives the place where a definition is written. It is called for errors only."""


@dataclass(slots=True)
class Written:
    """The definitions of files by name; of schedules and triggers by id; and the plans of workflows by digest."""

    calendars: dict[str, Calendar] = field(default_factory=dict)
    workflows: dict[str, WorkflowDefinition] = field(default_factory=dict)
    schedules: dict[str, Schedule] = field(default_factory=dict)
    triggers: dict[str, Trigger] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)
    places: dict[tuple[Kind, str], Where] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)

    def definitions(self) -> Definitions:
        """Return them as documents, which can be compared with those of a namespace."""
        return Definitions(
            {name: calendar.document() for name, calendar in self.calendars.items()},
            dict(self.digests),
            {name: schedule.document() for name, schedule in self.schedules.items()},
            {name: trigger.document() for name, trigger in self.triggers.items()},
        )

    def desired_state(self, prune: Literal["nothing", "defined", "all"] = "nothing") -> DesiredState:
        """Return the state of a namespace with these definitions; see `DesiredState` for `prune`."""
        return DesiredState(self.definitions(), self.schedules, self.triggers, self.plans, prune, where=self.where)

    def where(self, kind: Kind, name: str) -> str:
        """Return where a definition is written; of a schedule or trigger that is where its workflow is."""
        found = self.places.get((kind, name)) or self.places.get(("workflow", workflow_of(name)))
        return found() if found else f"{kind} {name}"

    def add_workflow(self, workflow: WorkflowDefinition, where: Where, route_of: RouteOf | None = None) -> None:
        """Add a workflow with its schedules and triggers.

        Raises:
            DefinitionError: there is one of that name already, or the workflow does not compile.
        """
        self._place("workflow", workflow.name, where)
        plan = compile_plan(workflow, route_of)
        self.workflows[workflow.name] = workflow
        self.plans[plan.digest] = plan
        self.digests[workflow.name] = plan.digest
        for name, starter in (*workflow.schedules.items(), *workflow.triggers.items()):
            if isinstance(starter, Schedule):
                self.schedules[starter_id(workflow.name, name)] = starter
            elif isinstance(starter, Trigger):
                self.triggers[starter_id(workflow.name, name)] = starter

    def add_calendar(self, name: str, calendar: Calendar, where: Where) -> None:
        """Add a calendar.

        Raises:
            DefinitionError: there is one of that name already.
        """
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
    leave_out: Iterable[str] = (),
    route_of: RouteOf | None = None,
) -> Written:
    """Read files, and all documents below folders, but for hidden files and the files in `leave_out`.

    Raises:
        DocumentError: something is wrong. The error names everything that is, by file, line and column.
        NotFound: there is no such file, or no document in a folder.
    """
    written = Written()
    wrong = [
        error
        for file in files(paths, leave_out)
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
    """Add the definitions of a file; return its mistakes."""
    try:
        documents = parse(read_bytes(file), file)
    except DocumentError as error:
        return [error]
    return [error for parsed in documents for error in _take(parsed, written, namespace, values, route_of)]


def _take(
    parsed: Parsed, written: Written, namespace: str, values: Values, route_of: RouteOf | None
) -> Iterator[DefinitionError]:
    """Add the definitions of a document; yield its mistakes."""
    complaints: list[Complaint] = []
    try:
        value = fill(parsed.value, values, complaints)
    except DefinitionError as error:
        yield DocumentError(error.what, where=parsed.source)
        return
    # A place that is not filled in would be refused a second time, as a value that does not fit.
    items = [] if complaints else list(read_items(value, namespace, complaints))
    yield from (DocumentError(each.what, where=each.where) for each in placed(complaints, parsed))
    for item in items:
        where = _Where(parsed, item.path)
        try:
            if isinstance(item.what, WorkflowDefinition):
                written.add_workflow(item.what, where, route_of)
            else:
                written.add_calendar(item.name, item.what, where)
        except DefinitionError as error:
            yield error


class _Where:
    """The place of a part of a document, worked out when it is called."""

    def __init__(self, parsed: Parsed, path: Path) -> None:
        self._parsed = parsed
        self._path = path

    def __call__(self) -> str:
        return placed([Complaint(self._path, "")], self._parsed)[0].where


def files(paths: Iterable[str], leave_out: Iterable[str] = ()) -> Iterator[str]:
    """Yield the files of paths in their order, each once.

    Raises:
        NotFound: there is no such file, or no document in a folder.
    """
    left_out = {os.path.realpath(path) for path in leave_out}
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
