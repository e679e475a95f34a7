"""The tables of django-celery-beat, as `manage.py dumpdata django_celery_beat` writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from orchestrator.importers.beat import Entry, Setup, add_entry, anchor_of, moment_of
from orchestrator.importers.beat_times import FIELDS, cron_times, interval_times
from orchestrator.importers.report import Imported
from orchestrator.model.errors import DefinitionError
from orchestrator.timing.once import At

APP = "django_celery_beat."
KINDS = ("crontab", "interval", "clocked", "solar")
PERIODS = ("days", "hours", "minutes", "seconds", "microseconds")
JSON_FIELDS = {"args": list, "kwargs": dict, "headers": dict}
OPTIONS = ("queue", "exchange", "routing_key", "priority")

Fields = Mapping[str, Any]


def read_records(records: list[dict[str, Any]], setup: Setup, imported: Imported) -> None:
    """Convert the periodic tasks of a dump. Each refers to a schedule in another table of the dump."""
    tables: dict[str, dict[str, Fields]] = {}
    tasks: list[tuple[Any, Fields]] = []
    others: dict[str, int] = {}
    for record in records:
        model = str(record["model"]).lower()
        if model == f"{APP}periodictask" and isinstance(record.get("fields"), Mapping):
            tasks.append((record.get("pk"), record["fields"]))
        elif model.startswith(APP) and isinstance(record.get("fields"), Mapping):
            tables.setdefault(model.removeprefix(APP), {})[str(record.get("pk"))] = record["fields"]
        else:
            others[model] = others.get(model, 0) + 1
    for pk, fields in tasks:
        name = str(fields.get("name") or f"periodictask {pk}")
        try:
            entry = _entry(name, fields, tables, setup)
        except DefinitionError as error:
            imported.leave(name, str(fields.get("task")), str(error))
        else:
            add_entry(entry, setup, imported)
    for model, count in others.items():
        imported.note(model, f"{count} records", "no tables of django-celery-beat")


def _entry(name: str, fields: Fields, tables: dict[str, dict[str, Fields]], setup: Setup) -> Entry:
    tz = setup.tz
    kinds = [kind for kind in KINDS if fields.get(kind) is not None]
    if len(kinds) != 1:
        raise DefinitionError(f"it has {len(kinds)} schedules, not one")
    kind = kinds[0]
    row = tables.get(f"{kind}schedule", {}).get(str(fields[kind]))
    if row is None:
        raise DefinitionError(f"its {kind} schedule {fields[kind]!r} is not in the file")
    args, kwargs, headers = (_json(fields, field, form) for field, form in JSON_FIELDS.items())
    note: tuple[str, str] | None = None
    match kind:
        case "crontab":
            timing = cron_times({field: row.get(field) for field in FIELDS}, row.get("timezone") or tz)
        case "interval":
            timing, lacks = interval_times(_step(row), tz, relative=False, anchor=anchor_of(fields, tz))
            if lacks:
                note = (f"every {row.get('every')} {row.get('period')}", lacks)
        case "clocked":
            moment = moment_of(row.get("clocked_time"), tz)
            if moment is None:
                raise DefinitionError("its clocked schedule has no time")
            timing = At(moment, tz=tz).document()
        case _:
            raise DefinitionError("the sun's times cannot be converted: they differ from day to day")
    entry = Entry(name, fields.get("task"), timing, args, kwargs, note=note)
    entry.take(fields, tz)
    options = {option: fields.get(option) for option in OPTIONS}
    entry.options = {**options, "headers": headers, "expires": fields.get("expire_seconds")}
    return entry


def _step(row: Fields) -> timedelta:
    every, period = row.get("every"), row.get("period")
    if not isinstance(every, int) or period not in PERIODS:
        raise DefinitionError(f"an interval of {every!r} {period!r} cannot be read")
    try:
        return timedelta(**{period: every})
    except OverflowError:
        raise DefinitionError(f"an interval of {every} {period} is too long") from None


def _json(fields: Fields, name: str, form: type) -> Any:
    """Read a field that holds JSON as text."""
    text = fields.get(name) or ("[]" if form is list else "{}")
    try:
        value = json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        raise DefinitionError(f"its {name} are not JSON: {text[:40]!r}") from None
    if not isinstance(value, form):
        raise DefinitionError(f"its {name} are no {form.__name__}: {str(text)[:40]!r}")
    return value
