"""Triggers: the events that start runs of a workflow, and the parameters of these runs.

    Trigger(name="paid", event="order.paid", when="event.payload.total > 100",
            params={"order": {"$expr": "event.payload.id"}})

In a document it is the same, under its name:

    triggers:
      paid: {event: order.paid, when: event.payload.total > 100, params: {order: {$expr: event.payload.id}}}
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError

from orchestrator.model.complaints import Complain, Complaint, Path, listing
from orchestrator.model.errors import DefinitionError, ExpressionError
from orchestrator.model.workflow import Name, PriorityName, check_name
from orchestrator.starters.fields import (
    Description,
    Flag,
    Length,
    Overlap,
    Params,
    Plain,
    check_params,
    checked_expression,
    complaints_of,
    read_or_raise,
    validate,
)
from orchestrator.starters.sources import (
    Datasets,
    EventPatterns,
    Files,
    Http,
    Kafka,
    RabbitMQ,
    RedisStream,
    RunEnds,
    Sql,
    Webhook,
)
from orchestrator.timing.base import MILLISECOND

SOURCES = ("event", "webhook", "run", "datasets", "files", "http", "sql", "redis_stream", "rabbitmq", "kafka")
"""The fields for the source of events. A trigger has exactly one of them."""


def _condition(text: str) -> str:
    """Check an expression that is to be true or false. One without variables has the same value now as later."""
    from orchestrator.expressions.language import Expression

    expression = Expression(text)
    if not expression.names:
        try:
            expression.test()
        except ExpressionError as error:
            raise ValueError(str(error)) from None
    return text


Cel = Annotated[str, checked_expression("event"), Field(min_length=1)]
Condition = Annotated[Cel, AfterValidator(_condition)]


class Batch(Plain):
    """How many events start one run, and how long after the first event it starts even with fewer."""

    size: Annotated[int, Field(strict=True, ge=1, le=1_000)]
    within: Length


class TriggerFields(Plain):
    """A trigger as plain data."""

    event: Annotated[
        EventPatterns | None, Field(description="Emitted events: a name, a pattern with * for a part, or several.")
    ] = None
    webhook: Webhook | None = None
    run: RunEnds | None = None
    datasets: Datasets | None = None
    files: Files | None = None
    http: Http | None = None
    sql: Sql | None = None
    redis_stream: RedisStream | None = None
    rabbitmq: RabbitMQ | None = None
    kafka: Kafka | None = None
    when: Annotated[
        Condition | None, Field(description="An expression: events for which it is not true start nothing.")
    ] = None
    id: Annotated[Cel | None, Field(description="An expression that tells two deliveries of one event apart.")] = None
    params: Annotated[
        Params, Field(description='Parameters of its runs; {"$expr": "CEL"} is worked out when a run starts.')
    ] = {}  # noqa: RUF012 — pydantic copies it
    debounce: Annotated[
        Length | None, Field(description="One run for events that follow each other within this length.")
    ] = None
    batch: Annotated[Batch | None, Field(description="One run for several events.")] = None
    overlap: Annotated[Overlap, Field(description="What a run does while `limit` earlier ones go on.")] = "allow"
    limit: Annotated[int, Field(strict=True, ge=1, le=100_000, description="Runs that may go on at once.")] = 1
    priority: Annotated[PriorityName | None, Field(description="The class of its runs, else the workflow's.")] = None
    enabled: Flag = True
    description: Description = ""


class Trigger(TriggerFields):
    """Starts runs of a workflow by events from one source.

    `name` is unique in its workflow. Exactly one of these fields names the source of events: event, webhook, run,
    datasets, files, http, sql, redis_stream, rabbitmq, kafka. `event` is a name or several; the others are mappings,
    with the fields of the models in `starters.sources`.

    `when` (an expression) selects the events that start runs. `id` (an expression) tells two deliveries apart if the
    source gives them no id. `params` are the parameters of the runs. `{"$expr": "CEL"}` in them stands for a value that
    is evaluated from `event` (id, name, time, payload, source), or from the list `events` if one run is for several
    events: with `debounce` (a length), `batch` (size and within), or datasets `all`. `overlap` (allow, skip, queue_one,
    queue_all, cancel_old) decides about a run that would start while `limit` earlier ones are running. `priority` is
    the class of the runs.

    Lengths are seconds, a timedelta, or text such as `5m`. Raises DefinitionError.
    """

    name: Name

    def __init__(self, *, name: str = "default", **fields: Any) -> None:
        try:
            super().__init__(**{"name": name, **fields})
        except ValidationError as error:
            complaints = [*_source(fields), *complaints_of(error, type(self))]
        else:
            complaints = [*_source(fields), *_conflicts(self)]
        if complaints:
            raise DefinitionError(listing(complaints), where=f"trigger {name!r}")

    @classmethod
    def read(cls, name: str, document: Any) -> Trigger:
        """Make a trigger of plain data.

        Raises:
            DefinitionError: something is wrong. The error names every mistake.
        """
        return read_or_raise(read_trigger, name, document, f"trigger {name!r}")

    def document(self) -> dict[str, Any]:
        """Return it as plain data without its name and defaults."""
        document = self.model_dump(mode="json", exclude_defaults=True, exclude={"name"})
        for names in (document, document.get("run", {})):
            for field in ("event", "workflow"):
                if len(names.get(field, ())) == 1:
                    names[field] = names[field][0]
        return document

    @property
    def source_kind(self) -> str:
        """Return the field of its source: one of `SOURCES`."""
        return next(kind for kind in SOURCES if getattr(self, kind) is not None)

    @property
    def gathers(self) -> bool:
        """Tell whether one run may be for several events. Its expressions then use `events`."""
        return self.debounce is not None or self.batch is not None or bool(self.datasets and self.datasets.all)

    @property
    def gather_ms(self) -> int | None:
        """Return how many milliseconds events are gathered: since the last one for debounce, else since the first.

        None if events are not gathered, or if datasets `all` wait for each other without a limit.
        """
        length: timedelta | None = self.debounce
        if self.batch is not None:
            length = self.batch.within
        elif self.datasets is not None and self.debounce is None:
            length = self.datasets.within
        return None if length is None else length // MILLISECOND


def read_trigger(name: str, value: Any, complain: Complain, path: Path = ()) -> Trigger | None:
    """Make a trigger of plain data; or call `complain` with each mistake and its path, which begins with `path`."""
    complaints: list[Complaint] = []
    fields = None
    if isinstance(value, dict):
        try:
            check_name(name)
        except ValueError as error:
            complaints.append(Complaint((), str(error)))
        complaints += _source(value)
        fields = validate(TriggerFields, value, complaints)
        if fields is not None:
            complaints += _conflicts(fields)
    else:
        complaints.append(Complaint((), f"a trigger is a mapping with a source, not a {type(value).__name__}"))
    for step, what in complaints:
        complain((*path, *step), what)
    if fields is None or complaints:
        return None
    given: dict[str, Any] = {field: getattr(fields, field) for field in TriggerFields.model_fields}
    return Trigger.model_construct(name=name, **given)  # each field was read already


def _source(value: dict[str, Any]) -> list[Complaint]:
    """Return the complaints about a trigger that has no source or several."""
    kinds = [kind for kind in SOURCES if value.get(kind) is not None]
    if not kinds:
        return [Complaint((), f"it has no source: give one of {', '.join(SOURCES)}")]
    what = f"it has {kinds[0]} already: a trigger has one source"
    return [Complaint((kind,), what) for kind in kinds[1:]]


def _conflicts(fields: TriggerFields) -> list[Complaint]:
    """Return the complaints about fields that are right alone, but not together."""
    gathers = fields.debounce or fields.batch or (fields.datasets and fields.datasets.all)
    complaints = check_params(fields.params, ("event", "events") if gathers else ("event",))
    if fields.debounce is not None and fields.batch is not None:
        complaints.append(Complaint(("batch",), "it has debounce already: events are gathered in one way"))
    if fields.datasets is not None and fields.datasets.all is not None:
        ways = [way for way in ("debounce", "batch") if getattr(fields, way) is not None]
        complaints += [Complaint((way,), "it gathers all of its datasets already") for way in ways]
    if fields.limit != 1 and fields.overlap == "allow":
        complaints.append(Complaint(("limit",), "it counts only with an overlap other than allow"))
    return complaints
