"""Celery beat's schedule in Python: a `beat_schedule` dict, or an app that has one, imported as Celery imports it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from importlib import import_module
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from orchestrator.dsl.routing import route_by_app
from orchestrator.importers.beat import KNOWN, Entry, Setup, add_entry, anchor_of
from orchestrator.importers.beat_times import FIELDS, cron_times, interval_times
from orchestrator.importers.report import Imported
from orchestrator.model.errors import DefinitionError
from orchestrator.timing.once import At

SCHEDULES = ("beat_schedule", "CELERY_BEAT_SCHEDULE", "CELERYBEAT_SCHEDULE")
ZONES = ("timezone", "CELERY_TIMEZONE", "celery_timezone")
ZONED = {"django_celery_beat.tzcrontab.TzAwareCrontab"}
"""Classes of crontabs that differ from Celery's own in their zone alone, which is their `tz`."""
CLOCKED = "django_celery_beat.clockedschedule.clocked"


def load(name: str) -> tuple[Any, str | None]:
    """Import an object by its name, and return it with the time zone that its module sets, or None.

    The name is `module:attribute` or `file.py:attribute`. Without an attribute the object is the beat schedule of the
    module, or its `app`. The code of the module runs, as it does in Celery.

    Raises:
        DefinitionError: the module cannot be imported, or has no such object.
    """
    place, _, attribute = name.partition(":")
    with _users_code(name, "imported"):
        module = _file(place) if place.endswith(".py") else import_module(place)
        found: Any = module
        for part in filter(None, attribute.split(".")):
            found = getattr(found, part)
    if not attribute:
        names = [known for known in (*SCHEDULES, "app") if hasattr(module, known)]
        if not names:
            raise DefinitionError(
                f"has no {', '.join(SCHEDULES)} or app", where=name, remedy="name it: module:attribute"
            )
        found = getattr(module, names[0])
    zones = [getattr(module, zone) for zone in ZONES if isinstance(getattr(module, zone, None), str)]
    return found, zones[0] if zones else None


@contextmanager
def _users_code(name: str, done: str) -> Iterator[None]:
    """Turn any exception of the user's code, also SystemExit, into an error of one line. Ctrl-C goes through."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        what = " ".join(f"cannot be {done}: {type(error).__name__}: {error}".split())
        raise DefinitionError(what, where=name) from error


@contextmanager
def solar_without_ephem() -> Iterator[None]:
    """Allow `solar(…)` to be made where `ephem` is not installed.

    Its entry is left in any case. Without this the module, with all its other entries, could not be imported.
    """
    from celery.schedules import solar

    if find_spec("ephem") is not None:
        yield
        return
    made = solar.__init__
    ephem = ModuleType("ephem")
    vars(ephem)["Observer"] = SimpleNamespace  # solar stores the place in one

    def make(*args: Any, **kwargs: Any) -> None:
        sys.modules["ephem"] = ephem  # for this call only: other code must not find it installed
        try:
            made(*args, **kwargs)
        finally:
            del sys.modules["ephem"]

    solar.__init__ = make  # type: ignore[method-assign]
    try:
        yield
    finally:
        solar.__init__ = made  # type: ignore[method-assign]


def _file(path: str) -> Any:
    spec = spec_from_file_location(Path(path).stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def is_app(found: Any) -> bool:
    """Tell whether an object is a Celery app."""
    from celery import Celery

    return isinstance(found, Celery)


def read_app(app: Any, tz: str | None = None) -> Imported:
    """Convert the beat schedule of a Celery app, made ready as `celery beat` does; `tz` overrides its time zone.

    Raises:
        DefinitionError: the app cannot be made ready, or its beat schedule is not a mapping.
    """
    with _users_code(str(app.main or "app"), "made ready"):
        app.loader.init_worker()
        app.finalize()
        entries = app.conf.beat_schedule or {}
    return read_schedule(entries, setup_of(app, tz))


def setup_of(app: Any, tz: str | None = None) -> Setup:
    """Return the settings of an app that concern all entries."""
    broker = str(app.conf.broker_url or "")
    urgent = {"amqp": "high", "amqps": "high", "pyamqp": "high", "redis": "low", "rediss": "low", "sentinel": "low"}
    return Setup(
        tz=tz or zone_name(app.timezone) or "UTC",
        route_of=partial(route_by_app, app),
        urgent=urgent.get(broker.partition(":")[0]),  # type: ignore[arg-type]  # the words of the table
        deadline_s=app.conf.beat_cron_starting_deadline,
    )


def zone_name(tz: Any) -> str | None:
    """Return the name of a zone that zoneinfo, pytz or a text gives; None if it has none."""
    if isinstance(tz, str):
        return tz
    name = getattr(tz, "key", None) or getattr(tz, "zone", None)
    return str(name) if name else None


def read_schedule(entries: Any, setup: Setup, where: str | None = None) -> Imported:
    """Convert a `beat_schedule`: a mapping from names to entries, which are mappings or Celery's ScheduleEntry.

    `where` is the place that an error names.

    Raises:
        DefinitionError: `entries` is not a mapping.
    """
    if not isinstance(entries, Mapping):
        what = f"this is no beat schedule: it is of the type {type(entries).__name__}, and not a dict of entries"
        raise DefinitionError(what, where=where)
    imported = Imported()
    for key, given in entries.items():
        name = str(key)
        fields = given if isinstance(given, Mapping) else {k: v for k, v in vars(given).items() if k in KNOWN}
        for unknown in sorted(map(str, set(fields) - KNOWN)):
            imported.leave(name, f"{unknown}={fields[unknown]!r}", "beat knows no such field of an entry")
        try:
            # The last run of a ScheduleEntry is when the object was made.
            anchor = anchor_of(fields, setup.tz) if fields is given else None
            timing, note = _timing(name, fields, anchor, setup, imported)
            entry = Entry(name, fields.get("task"), timing, fields.get("args"), fields.get("kwargs"), note=note)
            entry.take(fields, setup.tz)
        except DefinitionError as error:
            imported.leave(name, repr(fields.get("schedule")), str(error))
            continue
        entry.options = fields.get("options") or {}
        add_entry(entry, setup, imported)
    return imported


def _timing(
    name: str, fields: Mapping[str, Any], anchor: datetime | None, setup: Setup, imported: Imported
) -> tuple[dict[str, Any], tuple[str, str] | None]:
    """Return the timing, and how it differs from beat's: see `Entry.note`."""
    from celery import schedules

    schedule, relative = fields.get("schedule"), bool(fields.get("relative"))
    if isinstance(schedule, int | float) and not isinstance(schedule, bool):
        try:
            schedule = timedelta(seconds=schedule)
        except (OverflowError, ValueError):
            raise DefinitionError(f"{schedule} is no number of seconds") from None
    if isinstance(schedule, timedelta):
        schedule = schedules.schedule(schedule, relative)
    kind = type(schedule)
    full_name = f"{kind.__module__}.{kind.__qualname__}"
    zoned = full_name in ZONED
    if full_name == CLOCKED:
        clocked: Any = schedule
        return At(clocked.clocked_time, tz=setup.tz).document(), None
    if isinstance(schedule, schedules.solar):
        raise DefinitionError("the sun's times cannot be converted: they differ from day to day")
    # A derived class may have another rule for when it is due.
    if (
        isinstance(schedule, schedules.BaseSchedule)
        and kind not in (schedules.crontab, schedules.schedule)
        and not zoned
    ):
        raise DefinitionError(f"a {full_name} says itself when it is due, so it cannot be converted")
    if getattr(schedule, "nowfun", None) is not None and not zoned:
        imported.leave(name, "nowfun", "a schedule has no clock of its own: its times follow the zone alone")
    if isinstance(schedule, schedules.crontab):
        own = zone_name(vars(schedule).get("tz")) if zoned else None
        texts = {field: getattr(schedule, f"_orig_{field}") for field in FIELDS}
        return cron_times(texts, own or setup.tz), None
    if isinstance(schedule, schedules.schedule):
        given: Any = schedule
        timing, lacks = interval_times(given.run_every, setup.tz, relative=given.relative, anchor=anchor)
        return timing, (repr(given), lacks) if lacks else None
    raise DefinitionError(f"a {kind.__name__} is no schedule that can be converted")
