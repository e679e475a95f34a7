"""Workflows as YAML or JSON documents, to definitions and back.

    name: nightly
    params: {type: object, properties: {day: {type: string, format: date}}, required: [day]}
    jobs:
      extract: {task: shop.extract, kwargs: {day: {$param: day}}, retry: 3}
      load:    {task: shop.load, args: [{$output: [extract, rows]}], timeout: 600}

The fields are those of `WorkflowDefinition` and `JobDefinition`, but `jobs`, `schedules` and `triggers` are mappings
from names. Every complaint names its file, line and column. `$${` in a text stands for `${`, as it does in files with
values (`definitions.values`); here `${` is text too.
"""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path as File
from types import NoneType
from typing import Any

from pydantic import TypeAdapter, ValidationError

from orchestrator.dsl.dollars import escape, unescape
from orchestrator.dsl.parsing import Parsed, parse, parse_one, placed, read_bytes, refusal
from orchestrator.dsl.yaml12 import dump_yaml
from orchestrator.model.complaints import Complaint, did_you_mean, explain, kind_of
from orchestrator.model.templates import LITERAL, OUTPUT, PARAM
from orchestrator.model.workflow import JobDefinition, WorkflowDefinition
from orchestrator.plan.params import check_schema
from orchestrator.plan.validate import check

_WORKFLOW: TypeAdapter[WorkflowDefinition] = TypeAdapter(WorkflowDefinition)
_WORKFLOW_FIELDS = [field.name for field in fields(WorkflowDefinition)]
_JOB_FIELDS = [field.name for field in fields(JobDefinition) if field.name != "name"]
_HINTS = {"depends_on": "after", "needs": "after", "queue": "route", "retries": "retry", "arguments": "args"}


def load(text: str | bytes, source: str = "document") -> WorkflowDefinition:
    """Read a workflow from a document, and check it.

    Raises:
        DocumentError: something is wrong. The error names every mistake with its place.
    """
    return _load(parse_one(text, source))


def load_all(text: str | bytes, source: str = "document") -> list[WorkflowDefinition]:
    """Read the workflows of a text that may hold several YAML documents, with `---` between them. See `load`."""
    return [_load(parsed) for parsed in parse(text, source)]


def define(value: Any, complaints: list[Complaint]) -> WorkflowDefinition | None:
    """Make a definition of plain data, and check it; or add its mistakes to the complaints, and return None."""
    found: list[Complaint] = []
    definition = _define(value, found)
    if definition is not None:
        found += check(definition)[1]
    complaints += found
    return None if found else definition


def _load(parsed: Parsed) -> WorkflowDefinition:
    complaints: list[Complaint] = []
    definition = define(unescape(parsed.value), complaints)
    if definition is None:
        raise refusal(placed(complaints, parsed), parsed.source)
    return definition


def load_file(path: str | File) -> WorkflowDefinition:
    """Read a workflow from a file. See `load`."""
    return load(read_bytes(path), str(path))


def to_document(definition: WorkflowDefinition) -> dict[str, Any]:
    """Return a definition as plain data, without the fields that have their defaults. See `dump`."""
    document = {"name": definition.name, **_settings(definition, WorkflowDefinition)}
    document["jobs"] = {
        job.name: {"task": job.task, **_settings(job, JobDefinition)} for job in definition.jobs
    }  # fmt: skip
    return document


def dump(definition: WorkflowDefinition, form: str = "yaml") -> str:
    """Write a definition as a document (`yaml` or `json`) that `load` and `apply` read back to the same plan."""
    document = escape(to_document(definition))
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
    for kind, (item, described) in _starter_schemas().items():
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


def _starter_schemas() -> dict[str, tuple[dict[str, Any], str]]:
    """Return the JSON Schemas of a schedule and of a trigger, each with the description of its mapping."""
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
    """Return the fields of an item that differ from their defaults, as plain data."""
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
    """Make a definition of plain data, but for the checks of the whole; or add complaints."""
    if not isinstance(value, dict):
        complaints.append(Complaint((), f"a workflow is a mapping with name and jobs, not a {type(value).__name__}"))
        return None
    jobs = _jobs(value, complaints)
    starters = _starters(value, complaints)
    good = not complaints
    try:
        definition = _WORKFLOW.validate_python({**value, **starters, "jobs": jobs})
    except ValidationError as error:
        complaints += [_of_document(complaint, list(value["jobs"]) if jobs else []) for complaint in explain(error)]
        return None
    return definition if good else None


def _jobs(value: dict[str, Any], complaints: list[Complaint]) -> list[dict[str, Any]]:
    """Return the jobs of a document as a list, each with its name; a job that is not a mapping is replaced."""
    given = value.get("jobs")
    if not isinstance(given, dict):
        what = f"should be a mapping from names to jobs, not {kind_of(given)}" if "jobs" in value else "is required"
        complaints.append(Complaint(("jobs",), what))
        return []
    jobs: list[dict[str, Any]] = []
    for name, job in given.items():
        if not isinstance(job, dict):
            complaints.append(Complaint(("jobs", name), f"a job is a mapping with a task, not {kind_of(job)}"))
        elif "name" in job:
            complaints.append(Complaint(("jobs", name, "name"), "there is no such field: its key names the job"))
        else:
            jobs.append({**job, "name": name})
            continue
        jobs.append({"name": "unknown", "task": "unknown"})
    return jobs


def _of_document(complaint: Complaint, names: list[str]) -> Complaint:
    """Turn a complaint about a definition, whose jobs are a list, into one about its document."""
    path, what = complaint
    if path[:1] != ("jobs",) or len(path) == 1:
        return Complaint(path, _hinted(path, what, _WORKFLOW_FIELDS))
    job, field = names[int(path[1])], path[2:]
    return Complaint(("jobs", job, *(() if field == ("name",) else field)), _hinted(field, what, _JOB_FIELDS))


def _starters(value: dict[str, Any], complaints: list[Complaint]) -> dict[str, Any]:
    """Read the schedules and triggers, and the schema that their parameters must fit."""
    params = value.get("params")
    wrong = check_schema(params) if isinstance(params, dict) else None
    if wrong:
        complaints.append(Complaint(("params",), wrong))
    starters: dict[str, Any] = {}
    for kind in ("schedules", "triggers"):
        given = value.get(kind)
        if isinstance(given, dict):
            from orchestrator.starters.fitting import read_starters  # takes 0.1 s, and most documents have none

            # A wrong schema says nothing about the values.
            schema = params if isinstance(params, dict | NoneType) and not wrong else {"additionalProperties": True}
            starters[kind] = read_starters(kind, given, str(value.get("name")), schema, complaints)
    twice = sorted(starters.get("schedules", {}).keys() & starters.get("triggers", {}).keys())
    complaints += [Complaint(("triggers", name), "there is already a schedule of that name") for name in twice]
    return starters


def _hinted(path: tuple[str | int, ...], what: str, known: list[str]) -> str:
    """Add the name of a likely field to a complaint about an unknown one."""
    if len(path) == 1 and what.startswith("there is no such field"):
        name = str(path[0])
        hint = f" (did you mean {_HINTS[name]!r}?)" if _HINTS.get(name) in known else did_you_mean(name, known)
        return f"there is no such field{hint}"
    return what
