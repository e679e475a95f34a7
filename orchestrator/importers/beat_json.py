"""Celery beat's schedule as JSON: an export of django-celery-beat, of RedBeat, or a `beat_schedule` written out.

Nothing in the file is executed or imported.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestrator.importers.beat import KNOWN, Entry, Setup, add_entry, anchor_of
from orchestrator.importers.beat_django import read_records
from orchestrator.importers.beat_times import FIELDS, cron_times, interval_times, rule_times
from orchestrator.importers.report import Imported
from orchestrator.model.errors import DefinitionError, DocumentError
from orchestrator.timing.zones import zone

RESERVED = "redbeat::"
"""RedBeat's own keys: its lock, its order, the names from the configuration."""


def read_json(data: bytes, source: str, setup: Setup) -> Imported:
    """Convert a JSON file.

    It holds what `manage.py dumpdata django_celery_beat` writes; or definitions of RedBeat, as a list or by their keys,
    each as text or decoded, alone or beside its `meta`; or a `beat_schedule`, in which `schedule` is a number of
    seconds or a crontab, in RedBeat's form, as its fields, or as text. Raises DocumentError.
    """
    found = _load(data, source)
    imported = Imported()
    if isinstance(found, list) and found and all(isinstance(item, dict) and "model" in item for item in found):
        read_records(found, setup, imported)
        return imported
    if isinstance(found, list):
        entries = [(f"[{at}]", item) for at, item in enumerate(found)]
    elif isinstance(found, dict):
        entries = [(name, item) for name, item in found.items() if not name.startswith(RESERVED)]
    else:
        remedy = "it is a list or an object of entries"
        raise DocumentError(f"a {type(found).__name__} is no beat schedule", where=source, remedy=remedy)
    for place, item in entries:
        _read(place, item, setup, imported)
    return imported


def _load(data: bytes, source: str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys: set[str] = set()
        for key, _ in pairs:
            if key in keys:
                raise DocumentError(f"the key {key!r} is there twice in one object", where=source)
            keys.add(key)
        return dict(pairs)

    try:
        return json.loads(data.decode("utf-8-sig"), object_pairs_hook=once)
    except UnicodeDecodeError as error:
        raise DocumentError("it is not UTF-8", where=f"{source}, byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise DocumentError(f"not JSON: {error.msg}", where=f"{source}:{error.lineno}:{error.colno}") from None
    except RecursionError:
        raise DocumentError("it nests too deep", where=source) from None
    except ValueError:
        raise DocumentError("a number is too long", where=source) from None


def _read(place: str, item: Any, setup: Setup, imported: Imported) -> None:
    """Convert one entry. An entry that cannot be read is left."""
    try:
        meta: Any = None
        if isinstance(item, Mapping) and "definition" in item:
            item, meta = item["definition"], _decoded(item.get("meta"))
        item = _decoded(item)
        if not isinstance(item, Mapping) or "task" not in item:
            raise DefinitionError("it is no entry: it names no task")
        name = str(item.get("name") or place)
        fields = {field: _moment(value, setup.tz) or value for field, value in item.items()}
        last = _moment(meta.get("last_run_at"), setup.tz) if isinstance(meta, Mapping) else None
        last = last or anchor_of(fields, setup.tz)
        timing, lacks = _timing(item.get("schedule"), bool(item.get("relative")), last, setup.tz)
        args, kwargs, options = (_plain(item.get(field)) for field in ("args", "kwargs", "options"))
        if options is not None and not isinstance(options, Mapping):
            raise DefinitionError(f"its options are no object: {json.dumps(options)[:40]}")
        entry = Entry(name, item["task"], timing, args, kwargs, options or {})
        entry.take(fields, setup.tz)
    except DefinitionError as error:
        imported.leave(place, "entry", str(error))
        return
    except RecursionError:
        imported.leave(place, "entry", "it nests too deep")
        return
    for unknown in sorted(set(item) - KNOWN):
        imported.leave(name, f"{unknown}={item[unknown]!r}", "beat knows no such field of an entry")
    entry.note = (json.dumps(item["schedule"]), lacks) if lacks else None
    add_entry(entry, setup, imported)


def _decoded(item: Any) -> Any:
    if not isinstance(item, str):
        return item
    try:
        return json.loads(item)
    except (ValueError, RecursionError):
        raise DefinitionError(f"it is not JSON: {item[:40]!r}") from None


def _timing(schedule: Any, relative: bool, last: datetime | None, tz: str) -> tuple[dict[str, Any], str]:
    if isinstance(schedule, int | float) and not isinstance(schedule, bool):
        return interval_times(_seconds(schedule), tz, relative=relative, anchor=last)
    if isinstance(schedule, str):
        fields = schedule.split()
        if len(fields) != len(FIELDS):
            raise DefinitionError(f"{schedule[:40]!r} has not the five fields of a crontab")
        return cron_times(dict(zip(FIELDS, fields, strict=True)), tz), ""
    if not isinstance(schedule, Mapping):
        raise DefinitionError(f"its schedule is no number, text or object: {json.dumps(schedule)[:40]}")
    rest = {key: value for key, value in schedule.items() if key != "__type__"}
    match schedule.get("__type__", "crontab"):
        case "crontab":
            return cron_times(rest, tz), ""
        case "interval":
            step = _seconds(rest.get("every"))
            return interval_times(step, tz, relative=bool(rest.get("relative")), anchor=last)
        case "rrule":
            return rule_times(rest), ""
        case other:
            raise DefinitionError(f"there is no way to convert a schedule of the type {other!r}")


def _seconds(number: Any) -> timedelta:
    if not isinstance(number, int | float) or isinstance(number, bool) or not 0 < number < 1e10:
        raise DefinitionError(f"{number!r} is no number of seconds")
    return timedelta(seconds=number)


def _moment(value: Any, tz: str) -> datetime | None:
    """Read a time as RedBeat writes it; None for any other value."""
    if not isinstance(value, Mapping) or value.get("__type__") != "datetime":
        return None
    parts = {key: part for key, part in value.items() if key not in ("__type__", "timezone")}
    where = value.get("timezone", "UTC")
    try:
        if isinstance(where, int | float):
            return datetime(**parts, tzinfo=UTC) - timedelta(seconds=where)
        return datetime(**parts, tzinfo=zone(where))
    except (TypeError, ValueError):
        return None


def _plain(value: Any) -> Any:
    """Decode the times in arguments. RedBeat writes them as mappings."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    return _moment(value, "UTC") or {key: _plain(item) for key, item in value.items()}
