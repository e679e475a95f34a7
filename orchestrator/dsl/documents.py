"""Workflows as YAML or JSON documents, to definitions and back.

    name: nightly
    params: {type: object, properties: {day: {type: string, format: date}}, required: [day]}
    jobs:
      extract: {task: shop.extract, kwargs: {day: {$param: day}}, retry: 3}
      load:    {task: shop.load, args: [{$output: [extract, rows]}], timeout: 600}

Fields are those of `WorkflowDefinition` and `JobDefinition`, but `jobs` is a mapping from names; so are `schedules` and
`triggers`. Every complaint says file, line and column.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path as File
from types import NoneType
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from orchestrator.dsl.yaml12 import MAX_BYTES, Yaml, dump_yaml, split_documents
from orchestrator.model.complaints import Complaint, did_you_mean, explain, listing
from orchestrator.model.errors import DocumentError
from orchestrator.model.templates import LITERAL, OUTPUT, PARAM
from orchestrator.model.workflow import JobDefinition, WorkflowDefinition
from orchestrator.plan.params import check_schema
from orchestrator.plan.validate import check

_WORKFLOW: TypeAdapter[WorkflowDefinition] = TypeAdapter(WorkflowDefinition)
_WORKFLOW_FIELDS = [field.name for field in fields(WorkflowDefinition)]
_JOB_FIELDS = [field.name for field in fields(JobDefinition) if field.name != "name"]
_HINTS = {"depends_on": "after", "needs": "after", "queue": "route", "retries": "retry", "arguments": "args"}


def load(text: str | bytes, source: str = "document") -> WorkflowDefinition:
    """Read a definition, and check it whole; a `DocumentError` tells everything that is wrong, each by its place."""
    return _load(_parse(_text(text, source), source))


def load_all(text: str | bytes, source: str = "document") -> list[WorkflowDefinition]:
    """Read the definitions of a file that may hold several YAML documents, with `---` between them; see `load`."""
    return [_load(parsed) for parsed in parse(text, source)]


@dataclass(frozen=True, slots=True)
class Parsed:
    """A document as plain data, and what the places of its parts are found by."""

    value: Any
    source: str
    text: str
    yaml: Yaml | None
    """None for JSON, which is read as YAML where a place is asked for."""


class Placed(NamedTuple):
    """Something that is wrong, by its place in a text."""

    mark: tuple[int, int]
    where: str
    what: str


def parse(text: str | bytes, source: str) -> list[Parsed]:
    """Read the documents of a text as plain data: one of JSON, or those of YAML with `---` between them."""
    text = _text(text, source)
    if text.lstrip()[:1] == "{":
        return [_parse(text, source)]
    return [_parse(part, source, above) for above, part in split_documents(text)]


def define(value: Any, complaints: list[Complaint]) -> WorkflowDefinition | None:
    """Make a definition of plain data, checked whole; None if there are complaints, which are added."""
    found: list[Complaint] = []
    definition = _define(value, found)
    if definition is not None:
        found += check(definition)[1]
    complaints += found
    return None if found else definition


def _text(text: str | bytes, source: str) -> str:
    if len(text) > MAX_BYTES:
        raise DocumentError(f"it has {len(text):,} bytes, more than {MAX_BYTES:,}", where=source)
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise DocumentError("it is not UTF-8", where=f"{source}, byte {error.start}") from None
    return text.removeprefix("\ufeff")


def _parse(text: str, source: str, above: int = 0) -> Parsed:
    """Read one document, above which so many lines of the file stand."""
    if text.lstrip()[:1] == "{":
        return Parsed(_read_json(text, source), source, text, None)
    document = Yaml(text, source, above)
    return Parsed(document.value, source, text, document)


def _load(parsed: Parsed) -> WorkflowDefinition:
    complaints: list[Complaint] = []
    definition = define(parsed.value, complaints)
    if definition is None:
        raise refusal(placed(complaints, parsed), parsed.source)
    return definition


def load_file(path: str | File) -> WorkflowDefinition:
    """Read a definition from a file; see `load`."""
    return load(read_bytes(path), str(path))


def read_bytes(path: str | File) -> bytes:
    """Read a file; a `DocumentError` if it cannot be read."""
    try:
        return File(path).read_bytes()
    except OSError as error:
        raise DocumentError(f"cannot be read: {error.strerror}", where=str(path)) from None


def to_document(definition: WorkflowDefinition) -> dict[str, Any]:
    """Return a definition as plain data, without what has its default."""
    document = {"name": definition.name, **_settings(definition, WorkflowDefinition)}
    document["jobs"] = {
        job.name: {"task": job.task, **_settings(job, JobDefinition)} for job in definition.jobs
    }  # fmt: skip
    return document


def dump(definition: WorkflowDefinition, form: str = "yaml") -> str:
    """Write a definition as a document, `yaml` or `json`, which `load` reads back to the same plan."""
    document = to_document(definition)
    if form == "json":
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    return dump_yaml(document)


def schema() -> dict[str, Any]:
    """Return the JSON Schema of documents, for editors and other tools."""
    result = _WORKFLOW.json_schema()
    definitions = result["$defs"]
    job = definitions["JobDefinition"]
    name = job["properties"].pop("name")
    job["required"].remove("name")
    job["description"] = "One job: a task with its arguments, order and policies."
    job["properties"]["retry"]["anyOf"].insert(0, {"type": "integer", "minimum": 0, "maximum": 1000})
    pattern = {"pattern": "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}$"}
    name.update(pattern)
    result["properties"]["name"].update(pattern)
    result["properties"]["jobs"] = {
        "type": "object",
        "description": "The jobs by name, in order. References: "
        f'{{"{OUTPUT}": [job, steps…]}}, {{"{PARAM}": [name, steps…]}}; '
        f'a plain dict with a key that begins with "$" is wrapped as {{"{LITERAL}": {{…}}}}.',
        "propertyNames": pattern,
        "additionalProperties": {"$ref": "#/$defs/JobDefinition"},
        "minProperties": 1,
    }
    for kind, (item, described) in _start_schemas().items():
        definitions.update(item.pop("$defs", {}))
        result["properties"][kind] = {
            "type": "object",
            "description": described,
            "propertyNames": pattern,
            "additionalProperties": item,
        }
    result["required"] = ["name", "jobs"]
    result["description"] = "A workflow document."
    return {**result, "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Workflow document"}


def _start_schemas() -> dict[str, tuple[dict[str, Any], str]]:
    """Return the JSON Schemas of one schedule and one trigger, and what is said of the mappings that hold them."""
    from orchestrator.starters.schedule import KINDS, ScheduleFields
    from orchestrator.starters.trigger import SOURCES, TriggerFields

    schedule, trigger = ScheduleFields.model_json_schema(), TriggerFields.model_json_schema()
    schedule["oneOf"] = [{"required": [kind]} for kind in KINDS]
    trigger["oneOf"] = [{"required": [kind]} for kind in SOURCES]
    cron = {"type": "string", "description": "A cron expression."}
    definitions = schedule.pop("$defs", {})
    return {
        "schedules": ({"anyOf": [cron, schedule], "$defs": definitions}, "When it runs by itself: schedules by name."),
        "triggers": (trigger, "What else starts it: triggers by name."),
    }


def _settings(item: WorkflowDefinition | JobDefinition, kind: type) -> dict[str, Any]:
    """Return what an item says beyond its defaults, as plain data."""
    settings: dict[str, Any] = {}
    for field in fields(kind):
        value = getattr(item, field.name)
        if field.name in ("name", "task", "jobs") or value is None or value in ((), {}, "") or value == field.default:
            continue
        if field.name == "retry":
            value = value.model_dump(mode="json", exclude_defaults=True) or 0
            if isinstance(value, dict) and list(value) == ["max"]:
                value = value["max"]
        elif field.name in ("schedules", "triggers"):
            value = {name: starter.document() for name, starter in value.items()}
        elif isinstance(value, tuple):
            value = list(value)
        elif isinstance(value, float) and value.is_integer():
            value = int(value)
        settings[field.name] = value
    return settings


def _define(value: Any, complaints: list[Complaint]) -> WorkflowDefinition | None:
    """Make a definition of plain data, or add complaints."""
    if not isinstance(value, dict):
        complaints.append(Complaint((), f"a workflow is a mapping with name and jobs, not a {type(value).__name__}"))
        return None
    names: list[str] = []
    given = value.get("jobs")
    jobs: list[Any] = []
    if isinstance(given, dict):
        names = list(given)
        for name, job in given.items():
            if not isinstance(job, dict):
                complaints.append(Complaint(("jobs", name), f"a job is a mapping with a task, not {_kind(job)}"))
            elif "name" in job:
                complaints.append(Complaint(("jobs", name, "name"), "there is no such field: its key names the job"))
            else:
                jobs.append({**job, "name": name})
                continue
            jobs.append({"name": "unknown", "task": "unknown"})
    else:
        complaints.append(
            Complaint(("jobs",), f"should be a mapping from names to jobs, not {_kind(given)}")
            if "jobs" in value
            else Complaint(("jobs",), "is required")
        )
    starts = _starts(value, complaints)
    whole = not complaints
    definition = None
    try:
        definition = _WORKFLOW.validate_python({**value, **starts, "jobs": jobs})
    except ValidationError as error:
        for path, what in explain(error):
            if path[:1] == ("jobs",) and len(path) > 1:
                path = ("jobs", names[int(path[1])], *path[2:])
                path = path[:-1] if len(path) == 3 and path[2] == "name" else path
                what = _hinted(path[2:], what, _JOB_FIELDS)
            else:
                what = _hinted(path, what, _WORKFLOW_FIELDS)
            complaints.append(Complaint(path, what))
    return definition if whole else None


def _starts(value: dict[str, Any], complaints: list[Complaint]) -> dict[str, Any]:
    """Read schedules and triggers, after the schema that their parameters must fit."""
    params = value.get("params")
    wrong = check_schema(params) if isinstance(params, dict) else None
    if wrong:
        complaints.append(Complaint(("params",), wrong))
    starts: dict[str, Any] = {}
    for kind in ("schedules", "triggers"):
        given = value.get(kind)
        if isinstance(given, dict):
            from orchestrator.starters.fitting import read_starts

            # While the schema is wrong, nothing can be said about the values.
            fits = params if isinstance(params, dict | NoneType) and not wrong else {"additionalProperties": True}
            starts[kind] = read_starts(kind, given, str(value.get("name")), fits, complaints)
    twice = sorted(starts.get("schedules", {}).keys() & starts.get("triggers", {}).keys())
    complaints += [Complaint(("triggers", name), "there is already a schedule of that name") for name in twice]
    return starts


def _hinted(path: tuple[str | int, ...], what: str, known: list[str]) -> str:
    """Add the right field's name to a complaint about a field that there is not."""
    if len(path) == 1 and what.startswith("there is no such field"):
        name = str(path[0])
        hint = f" (did you mean {_HINTS[name]!r}?)" if _HINTS.get(name) in known else did_you_mean(name, known)
        return f"there is no such field{hint}"
    return what


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}".replace("a int", "a number")


def placed(complaints: Iterable[Complaint], parsed: Parsed) -> list[Placed]:
    """Give complaints their places in the text, in its order."""
    document = parsed.yaml or _yaml_of_json(parsed.text, parsed.source)
    found = []
    for complaint in complaints:
        where, mark = parsed.source, None
        if document is not None:
            mark = document.mark(complaint.path, key="no such field" in complaint.what)
            where = f"{parsed.source}:{mark}"
        found.append(Placed(mark or (0, 0), where, str(complaint)))
    return sorted(found)


def refusal(wrong: Sequence[Placed], source: str) -> DocumentError:
    """Make one error of all that is wrong."""
    if len(wrong) == 1:
        return DocumentError(wrong[0].what, where=wrong[0].where)
    return DocumentError(listing(f"{each.where}: {each.what}" for each in wrong), where=source)


def _read_json(text: str, source: str) -> Any:
    def no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            Yaml(text, source)  # says where
            raise DocumentError("a key is there twice in one object", where=source)
        return found

    def no_constant(name: str) -> Any:
        raise DocumentError(f"{name} is not a number that JSON has", where=source)

    try:
        return json.loads(text, object_pairs_hook=no_duplicates, parse_constant=no_constant)
    except json.JSONDecodeError as error:
        yaml = _yaml_of_json(text, source)  # YAML may begin with a brace too
        if yaml is None:
            where = f"{source}:{error.lineno}:{error.colno}"
            raise DocumentError(f"not JSON: {error.msg}", where=where) from None
        return yaml.value
    except RecursionError:
        raise DocumentError("it nests too deep", where=source) from None
    except ValueError:
        raise DocumentError("a number is too long", where=source) from None


def _yaml_of_json(text: str, source: str) -> Yaml | None:
    """Read JSON as YAML, for the places; None where it is not, such as for an escape that only JSON has."""
    try:
        return Yaml(text, source)
    except DocumentError:
        return None
