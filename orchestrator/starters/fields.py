"""The types of the fields of schedules and triggers, and the complaints about them."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, PydanticSerializationError, core_schema, to_jsonable_python

from orchestrator.model.complaints import Complain, Complaint, Path, did_you_mean, explain, listing
from orchestrator.model.errors import DefinitionError
from orchestrator.model.templates import LITERAL, MAX_DEPTH
from orchestrator.timing.base import MILLISECOND, read_moment
from orchestrator.timing.calendars import Calendar, holidays_of, named
from orchestrator.timing.intervals import length_code, length_ms
from orchestrator.timing.windows import Hours
from orchestrator.timing.zones import zone

EXPR = "$expr"
"""The single key of a dict that stands for the value of an expression (see `expressions.language`)."""

Overlap = Literal["allow", "skip", "queue_one", "queue_all", "cancel_old"]
"""What happens to a run that would start while another of the same schedule or trigger goes on."""
_T = TypeVar("_T")
_M = TypeVar("_M", bound=BaseModel)


class Plain(BaseModel):
    """A model of plain data. It refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def validator(read: Callable[[Any], _T]) -> Callable[[Any], _T]:
    """Make a pydantic validator of a function: a DefinitionError becomes a complaint about the field."""

    def reading(value: Any) -> _T:
        try:
            return read(value)
        except DefinitionError as error:
            raise ValueError(str(error)) from None

    return reading


def read_length(value: Any, least_ms: int = 1) -> timedelta:
    """Read a length of time: `90s`, `1h30m`, a number of seconds or a timedelta.

    Raises:
        ValueError: it is none of these.
        DefinitionError: the text is malformed, or the length is less than `least_ms` milliseconds.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float | timedelta):
        raise ValueError("should be a length of time such as 90s, 15m or 1h30m, or a number of seconds")
    return timedelta(milliseconds=length_ms(value, least_ms))


def _interval(value: Any) -> timedelta:
    return read_length(value, least_ms=1000)


def _length_or_nothing(value: Any) -> timedelta:
    return timedelta() if value in (0, timedelta()) and value is not False else read_length(value)


def _in_utc(moment: datetime) -> datetime:
    """Return a moment in UTC, so that equal moments are equal values. A moment without an offset stays as it is."""
    return moment if moment.tzinfo is None else moment.astimezone(UTC)


def _zone(name: str) -> str:
    zone(name)
    return name


def _calendar(value: Any) -> Any:
    found = named(Calendar(**value) if isinstance(value, dict) else value)
    if not isinstance(found, Calendar):
        raise ValueError("should be a calendar, or the name of one")
    _check_holidays(found)
    return found


def _hours(value: Any) -> Any:
    found = Hours(**value) if isinstance(value, dict) else value
    if not isinstance(found, Hours):
        raise ValueError("should be a mapping with windows, blackouts or both")
    for span in (*found.windows, *found.blackouts):
        days = getattr(span, "days", None)
        if days is not None:
            _check_holidays(days)
    return found


def _check_holidays(calendar: Calendar) -> None:
    for part in calendar.parts():
        if part.holidays is not None:
            holidays_of(part.holidays, 2027)


def _params(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError("should be a mapping from names of parameters to values")
    try:
        plain = to_jsonable_python(value)
        json.dumps(plain, allow_nan=False)
    except (PydanticSerializationError, ValueError) as error:
        raise ValueError(f"not JSON: {error}") from None
    return plain


def check_params(params: dict[str, Any], known: Collection[str]) -> list[Complaint]:
    """Return the mistakes in the expressions of params, which may use the variables `known`."""
    from orchestrator.expressions.language import check_template

    return check_template(params, known, ("params",)) if params else []


def known_params(params: Any, later: list[Path], path: Path = ()) -> Any:
    """Return params as a run will get them, with expressions left in place; add the paths of these to `later`."""
    if isinstance(params, dict) and len(path) < MAX_DEPTH:
        if EXPR in params:
            later.append(path)
            return params
        if LITERAL in params:
            return params[LITERAL]
        return {key: known_params(value, later, (*path, key)) for key, value in params.items()}
    if isinstance(params, list | tuple) and len(path) < MAX_DEPTH:
        return [known_params(value, later, (*path, index)) for index, value in enumerate(params)]
    return params


def checked_expression(*known: str) -> AfterValidator:
    """Return the validator of a text field that is an expression, which may use the variables `known`."""

    def check(text: str) -> str:
        from orchestrator.expressions.language import Expression

        Expression(text).check(known)
        return text

    return AfterValidator(validator(check))


class _OrName:
    """Adds to the JSON Schema of a field that it may be a name instead."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"type": "string", "minLength": 1}, handler(core)]}


def _write_length(length: timedelta) -> str | float:
    return length_code(length // MILLISECOND)


class _OneOrMore:
    """Accepts a single item for a list, which must not be empty; the JSON Schema says so too."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def listed(value: Any) -> Any:
            if isinstance(value, list | tuple) and not value:
                raise ValueError("it needs at least one")
            return [value] if isinstance(value, str | datetime) else value

        return core_schema.no_info_before_validator_function(listed, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        several = handler(core)
        return {"anyOf": [several["items"], {**several, "minItems": 1}]}


one_or_more = _OneOrMore()
_LENGTH_SCHEMA = WithJsonSchema({
    "anyOf": [
        {"type": "string", "pattern": r"^(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?$", "minLength": 2},
        {"type": "number", "minimum": 0},
    ],
    "description": "A length of time such as 90s, 15m or 1h30m, or a number of seconds.",
})  # fmt: skip
_MOMENT_SCHEMA = WithJsonSchema({"type": "string", "description": "ISO 8601; without an offset it is local time."})

Length = Annotated[timedelta, BeforeValidator(validator(read_length)), PlainSerializer(_write_length), _LENGTH_SCHEMA]
Interval = Annotated[timedelta, BeforeValidator(validator(_interval)), PlainSerializer(_write_length), _LENGTH_SCHEMA]
LengthOrNothing = Annotated[
    timedelta, BeforeValidator(validator(_length_or_nothing)), PlainSerializer(_write_length), _LENGTH_SCHEMA
]
Moment = Annotated[datetime, BeforeValidator(read_moment), AfterValidator(_in_utc), _MOMENT_SCHEMA]
Moments = Annotated[tuple[Moment, ...], one_or_more]
ZoneName = Annotated[str, AfterValidator(validator(_zone))]
Days = Annotated[Calendar, BeforeValidator(validator(_calendar)), PlainSerializer(Calendar.short), _OrName()]
RunHours = Annotated[Hours, BeforeValidator(validator(_hours))]
Params = Annotated[dict[str, Any], BeforeValidator(_params)]
Flag = Annotated[bool, Field(strict=True)]
Description = Annotated[str, Field(max_length=10_000)]


def read_or_raise(read: Callable[[str, Any, Complain], _T | None], name: str, document: Any, where: str) -> _T:
    """Read a document by a reader that complains.

    Raises:
        DefinitionError: the reader complains. The error has the place `where`, and names every complaint.
    """
    complaints: list[Complaint] = []
    found = read(name, document, lambda path, what: complaints.append(Complaint(path, what)))
    if found is None:
        raise DefinitionError(listing(complaints), where=where)
    return found


def validate(model: type[_M], value: dict[str, Any], complaints: list[Complaint]) -> _M | None:
    """Make a model of plain data; or add its mistakes to the complaints, and return None."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        complaints += complaints_of(error, model)
        return None


def complaints_of(error: ValidationError, model: type[BaseModel]) -> list[Complaint]:
    """Put pydantic's complaints into our words. For an unknown field, at any depth, the known ones are named."""
    complaints = []
    for path, what in explain(error):
        if what == "there is no such field":
            what += did_you_mean(str(path[-1]), _fields(model, path[:-1]))
        complaints.append(Complaint(path, what))
    return complaints


def _fields(model: type[BaseModel] | None, path: Path) -> list[str]:
    for step in path:
        field = model.model_fields.get(str(step)) if model else None
        inner = () if field is None else (field.annotation, *get_args(field.annotation))
        model = next((kind for kind in inner if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
    return list(model.model_fields) if model else []
