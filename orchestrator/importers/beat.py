"""An entry of Celery beat, wherever it was stored, as a workflow with one job and one schedule."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from orchestrator.dsl.signatures import refuse_options
from orchestrator.importers.report import Imported, fit_name
from orchestrator.model.errors import DefinitionError
from orchestrator.model.workflow import MAX_SECONDS, check_route
from orchestrator.plan.plan import DEFAULT_RANK
from orchestrator.plan.specs import encode
from orchestrator.timing.base import MILLISECOND, iso
from orchestrator.timing.intervals import length_code
from orchestrator.timing.zones import zone


@dataclass(frozen=True)
class Setup:
    """The settings of the Celery app to which the beat schedule belongs."""

    tz: str = "UTC"
    """The name of the zone that its crontabs follow."""
    route_of: Callable[[str, Sequence[Any], Mapping[str, Any]], str] | None = None
    """Gives the queue to which it sends a call, by the name of the task, its arguments and its keyword arguments."""
    urgent: Literal["low", "high"] | None = None
    """Which numbers its broker takes for urgent: low ones (Redis) or high ones (RabbitMQ). None if that is unknown."""
    deadline_s: float | None = None
    """How many seconds late a missed time of a crontab still runs (`beat_cron_starting_deadline`)."""


KNOWN = frozenset({
    "name", "task", "schedule", "args", "kwargs", "options", "relative", "app", "last_run_at", "total_run_count",
    "enabled", "description", "one_off", "start_time", "expires", "no_changes", "date_changed",
})  # fmt: skip
"""The fields of an entry of beat, and those that django-celery-beat and RedBeat take besides."""


@dataclass
class Entry:
    """An entry: its task, the timing that its schedule was converted to, and its other fields."""

    name: str
    task: Any
    timing: dict[str, Any]
    args: Any = ()
    kwargs: Any = None
    options: Mapping[str, Any] = field(default_factory=dict)
    enabled: bool = True
    disabled_because: str = ""
    description: str = ""
    start: datetime | None = None
    end: datetime | None = None
    note: tuple[str, str] | None = None
    """The schedule as beat has it, and how the converted one differs; None if it does not."""

    def take(self, fields: Mapping[str, Any], tz: str) -> None:
        """Take the fields that tell when the entry is on, and what it is for.

        Raises:
            DefinitionError: a time cannot be read.
        """
        self.enabled = fields.get("enabled") in (None, True)
        self.description = str(fields.get("description") or "")
        self.start = moment_of(fields.get("start_time"), tz)
        self.end = moment_of(fields.get("expires"), tz)
        if fields.get("one_off") and "at" not in self.timing:
            self.disabled_because = "it was to run once, and this schedule goes on"
            self.enabled = False


def anchor_of(fields: Mapping[str, Any], tz: str) -> datetime | None:
    """Return the moment from which an interval counts: when it ran last, or is to start.

    Raises:
        DefinitionError: a time cannot be read.
    """
    return moment_of(fields.get("last_run_at"), tz) or moment_of(fields.get("start_time"), tz)


def moment_of(value: Any, tz: str) -> datetime | None:
    """Read a time, or its text. A time without an offset is in the app's zone, as in Django without USE_TZ.

    Raises:
        DefinitionError: it is no time.
    """
    if value is None:
        return None
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise DefinitionError(f"{value!r} is no ISO 8601 time") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone(tz))


def add_entry(entry: Entry, setup: Setup, imported: Imported) -> None:
    """Convert an entry. The parts that a workflow cannot express are left."""
    where = entry.name
    try:
        job = _job(entry)
    except (DefinitionError, TypeError, ValueError) as error:
        imported.leave(where, str(entry.task), str(error))
        return
    schedule = _schedule(entry, setup)
    _Options(where, schedule, job, setup, imported).apply(entry.options)
    if "route" not in job and setup.route_of is not None:
        try:
            job["route"] = setup.route_of(entry.task, entry.args, entry.kwargs or {})
        except DefinitionError as error:
            imported.leave(where, entry.task, str(error))
    if not entry.enabled:
        schedule["enabled"] = False
        if entry.disabled_because:
            schedule["description"] = f"Disabled by the import: {entry.disabled_because}."
    if not imported.add(_document(entry, schedule, job), where, entry.task):
        return
    if entry.note is not None:
        imported.note(where, *entry.note)
    if entry.disabled_because:
        imported.leave(where, entry.task, f"{entry.disabled_because}: the schedule is left disabled")


def _job(entry: Entry) -> dict[str, Any]:
    """Return the job of an entry, without the options.

    Raises:
        DefinitionError, TypeError, ValueError: the task or an argument cannot be converted.
    """
    if not isinstance(entry.args or (), list | tuple):
        raise DefinitionError("its arguments are no list")
    args = encode(list(entry.args or ()), _no_reference, ("args",))
    kwargs = {key: encode(value, _no_reference, ("kwargs", key)) for key, value in dict(entry.kwargs or {}).items()}
    if not isinstance(entry.task, str) or not entry.task:
        raise DefinitionError("it names no task")
    job: dict[str, Any] = {"task": entry.task}
    if args:
        job["args"] = args
    if kwargs:
        job["kwargs"] = kwargs
    return job


def _schedule(entry: Entry, setup: Setup) -> dict[str, Any]:
    """Return the schedule of an entry without its options."""
    schedule = dict(entry.timing)
    if setup.deadline_s is not None and "cron" in schedule:
        schedule["grace"] = length_code(round(setup.deadline_s * 1000))
    for name, moment in (("start", entry.start), ("end", entry.end)):
        if moment is not None:
            schedule[name] = iso(moment, schedule.get("tz") or setup.tz)
    return schedule


def _document(entry: Entry, schedule: dict[str, Any], job: dict[str, Any]) -> dict[str, Any]:
    name = fit_name(entry.name, fit_name(entry.task, "beat"))
    document: dict[str, Any] = {"name": name}
    description = entry.description.strip() or (f"Celery beat's {entry.name!r}." if name != entry.name else "")
    if description:
        document["description"] = description
    document["schedules"] = {"beat": schedule}
    document["jobs"] = {fit_name(entry.task.rpartition(".")[2], "run"): job}
    return document


def _no_reference(_: Any) -> None:
    """Tell `encode` that no argument is a reference to another job."""


@dataclass
class _Options:
    """The options with which beat sends a message, put into the job and the schedule."""

    where: str
    schedule: dict[str, Any]
    job: dict[str, Any]
    setup: Setup
    imported: Imported

    def apply(self, options: Mapping[str, Any]) -> None:
        for name, value in options.items():
            if value is None or value == "":
                continue
            match name:
                case "queue":
                    self._queue(str(getattr(value, "name", value)))
                case "priority":
                    self._priority(value)
                case "expires" | "expire_seconds":
                    self._expires(value)
                case "time_limit" | "soft_time_limit" if _is_number(value):
                    self.job["timeout" if name == "time_limit" else "soft_timeout"] = value
                case "headers" if isinstance(value, Mapping):
                    self._headers(value)
                case _:
                    try:
                        refuse_options({name: value}, self.where)
                    except DefinitionError as error:
                        why = "a job has no such option" + (f" ({error.remedy})" if error.remedy else "")
                        self._leave(name, value, why)

    def _queue(self, queue: str) -> None:
        try:
            self.job["route"] = check_route(queue)
        except ValueError as error:
            self._leave("queue", queue, str(error))

    def _priority(self, value: Any) -> None:
        if not isinstance(value, int) or not 0 <= value <= 255:
            self._leave("priority", value, "it is no number from 0 to 255")
        elif self.setup.urgent is None:
            self._leave("priority", value, "brokers disagree on its direction; give the job priority: or number:")
        else:
            sign = 1 if self.setup.urgent == "low" else -1
            self.job["number"] = max(0, min(255, DEFAULT_RANK + sign * value))

    def _expires(self, value: Any) -> None:
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                self._leave("expires", value, "it is no time and no number of seconds")
                return
        if isinstance(value, datetime):
            tz = self.schedule.get("tz") or self.setup.tz
            self.schedule["end"] = iso(value if value.tzinfo else value.replace(tzinfo=zone(tz)), tz)
            return
        seconds = value.total_seconds() if isinstance(value, timedelta) else value
        if not _is_number(seconds) or not 0 < seconds <= MAX_SECONDS:
            self._leave("expires", value, "it is no time and no number of seconds")
            return
        length = length_code(max(1, timedelta(seconds=seconds) // MILLISECOND))
        self.schedule["grace"] = length
        why = (
            f"a missed time is made up within this grace ({length}), but a run that waits in its queue does not expire"
        )
        self._leave("expires", value, why)

    def _headers(self, headers: Mapping[str, Any]) -> None:
        try:
            kept = {
                str(name): encode(value, _no_reference)
                for name, value in headers.items()
                if name != "periodic_task_name"  # beat's own
            }
        except DefinitionError as error:
            self._leave("headers", headers, str(error))
            return
        if kept:
            self.job["headers"] = kept

    def _leave(self, name: str, value: Any, why: str) -> None:
        self.imported.leave(self.where, f"{name}={value!r}", why)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
