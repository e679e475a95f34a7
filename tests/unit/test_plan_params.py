"""Parameters: checked and filled in, by the model or by its schema, with the same end."""

from __future__ import annotations

import datetime
import json
import math
from enum import StrEnum
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from orchestrator.model.errors import DefinitionError, ParameterError
from orchestrator.plan.params import bind_model, bind_schema, check_schema, coerce, schema_of


class Region(StrEnum):
    north = "north"
    south = "south"


class Window(BaseModel):
    start: datetime.date = datetime.date(2027, 1, 1)
    days: int = 7


class Params(BaseModel):
    day: datetime.date
    limit: int = Field(10, ge=1)
    ratio: float = 0.5
    dry: bool = False
    region: Region = Region.north
    mode: Literal["full", "quick"] = "full"
    window: Window = Window()
    other: Window | None = None
    names: list[str] = []
    nested: list[Window] = []
    maybe: int | None = None


SCHEMA = schema_of(Params, "here")


@pytest.mark.parametrize(
    "given",
    [
        {"day": "2027-03-01"},
        {"day": datetime.date(2027, 3, 1), "region": Region.south, "maybe": 4},
        {"day": "2027-03-01", "window": {"days": 1}, "other": {"days": 2}, "nested": [{}, {"days": 3}], "names": ["a"]},
    ],
)
def test_model_and_schema_agree(given: dict[str, Any]) -> None:
    by_model = json.loads(bind_model(Params, given, "w"))
    assert json.loads(bind_schema(SCHEMA, given, "w")) == by_model
    assert set(by_model) == set(Params.model_fields)


@pytest.mark.parametrize("bind", [lambda p: bind_model(Params, p, "w"), lambda p: bind_schema(SCHEMA, p, "w")])
def test_each_wrong_field_is_one_line(bind: Any) -> None:
    with pytest.raises(ParameterError) as caught:
        bind({"limit": 0, "limmit": "2027-03-01", "region": "west"})
    first, *lines = str(caught.value).splitlines()
    assert first == "workflow 'w': 4 things are wrong:"
    assert len(lines) == 4
    for word in ("did you mean 'limit'", "limit: ", "region: ", "day"):
        assert any(word in line for line in lines), (word, lines)


def test_a_wrong_date_is_refused_by_the_schema_too() -> None:
    with pytest.raises(ParameterError, match="day: 'soon' is not a 'date'"):
        bind_schema(SCHEMA, {"day": "soon"}, "w")


def test_a_default_that_only_python_knows_must_be_given_to_the_schema() -> None:
    class Fresh(BaseModel):
        when: str = Field(default_factory=lambda: "now")

    assert json.loads(bind_model(Fresh, {}, "w")) == {"when": "now"}
    with pytest.raises(ParameterError, match="when: is missing"):
        bind_schema(schema_of(Fresh, "x"), {}, "w")


def test_a_model_may_allow_more() -> None:
    class Open(BaseModel, extra="allow"):
        a: int = 1

    assert json.loads(bind_model(Open, {"b": 2}, "w")) == {"a": 1, "b": 2}
    assert json.loads(bind_schema(schema_of(Open, "x"), {"b": 2}, "w")) == {"a": 1, "b": 2}


def test_what_is_not_json_is_refused() -> None:
    with pytest.raises(ParameterError):
        bind_schema(SCHEMA, {"day": object()}, "w")


def test_text_is_read_as_what_the_schema_says() -> None:
    texts = {
        "day": "2027-03-01", "limit": "5", "ratio": "2", "dry": "yes", "region": "south", "maybe": "null",
        "names": '["a"]', "window": '{"days": 1}', "unknown": "x",
    }  # fmt: skip
    assert coerce(SCHEMA, texts) == {
        "day": "2027-03-01", "limit": 5, "ratio": 2, "dry": True, "region": "south", "maybe": None,
        "names": ["a"], "window": {"days": 1}, "unknown": "x",
    }  # fmt: skip
    assert coerce(None, {"x": "1"}) == {"x": "1"}
    assert coerce({"properties": {"s": {"type": ["string", "null"]}, "n": {"enum": [1, 2]}}}, {"s": "7", "n": "2"}) == {
        "s": "7",
        "n": 2,
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("limit", "many"), ("limit", "1.5"), ("ratio", "nan"), ("dry", "perhaps"), ("names", "[1"), ("names", "{}"),
        ("window", "[]"),
    ],
)  # fmt: skip
def test_text_that_cannot_be_read_so_is_told(name: str, text: str) -> None:
    with pytest.raises(ParameterError, match=f"^{name}: .* is no "):
        coerce(SCHEMA, {name: text})


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "objct"}, "not a JSON Schema"),
        ({"type": "array"}, "must be of type object"),
        ({"properties": {"a": {"$ref": "https://example.com/x.json"}}}, "leads nowhere"),
        ({"properties": {"a": {"$ref": "#/$defs/b"}}}, "leads nowhere"),
        (SCHEMA, None),
    ],
)
def test_schemas_are_checked(schema: dict[str, Any], message: str | None) -> None:
    told = check_schema(schema)
    assert told is None if message is None else message in (told or "")


class Colour(StrEnum):
    red = "red"


class Inner(BaseModel):
    token: SecretStr


class Anything(BaseModel):
    number: float = 0.0
    raw: bytes = b""
    whole: int = 0
    text: str = ""
    named: dict[int | str, int] = {}
    rest: Any = None


INEXACT = [
    ("number", math.inf, "inf is not a JSON number"),
    ("number", math.nan, "nan is not a JSON number"),
    ("raw", b"\xff", "no text in UTF-8"),
    ("whole", 10**5000, "more than 4,300 digits"),
    ("text", "\ud800", "half a character"),
    ("named", {1: 2}, "the key 1 is a int"),
    ("rest", [{"deep": [-math.inf]}], r"rest\[0\].deep\[0\]: -inf"),
    ("rest", SecretStr("hunter2"), "is a secret"),
    ("rest", {"a": 10**5000}, "rest.a: it has more than"),
]


@pytest.mark.parametrize(("name", "value", "message"), INEXACT, ids=range(len(INEXACT)))
def test_what_json_cannot_hold_is_refused_once(name: str, value: Any, message: str) -> None:
    schema = schema_of(Anything, "here")
    for bind in (lambda: bind_model(Anything, {name: value}, "w"), lambda: bind_schema(schema, {name: value}, "w")):
        with pytest.raises(ParameterError, match=message):
            bind()


def test_what_json_can_hold_arrives_as_it_is() -> None:
    given = {"number": 1e308, "raw": b"text", "whole": 10**4000, "text": "ä\U0001f600", "named": {Colour.red: 1}}
    for bound in (bind_model(Anything, given, "w"), bind_schema(schema_of(Anything, "here"), given, "w")):
        read = json.loads(bound)
        assert read == {**given, "raw": "text", "named": {"red": 1}, "rest": None}


def test_a_model_that_writes_infinity_as_text_may() -> None:
    class Told(BaseModel):
        model_config = ConfigDict(ser_json_inf_nan="strings", ser_json_bytes="base64")
        number: float
        raw: bytes

    bound = bind_model(Told, {"number": math.inf, "raw": b"\xff"}, "w")
    assert json.loads(bound)["number"] == "Infinity"


def test_a_default_that_its_own_schema_refuses() -> None:
    schema = {"properties": {"a": {"type": "object", "properties": {"b": {"type": "integer", "default": "x"}}}}}
    assert check_schema(schema) == "the default of a.b is not what its own schema allows: 'x' is not of type 'integer'"
    assert check_schema({"properties": {"day": {"format": "date", "default": "soon"}}}) is not None
    referred = {"properties": {"day": {"$ref": "#/$defs/d", "default": 1}}, "$defs": {"d": {"type": "string"}}}
    assert check_schema(referred) is not None

    class Wrong(BaseModel):
        few: int = Field(0, gt=0)

    with pytest.raises(DefinitionError, match="Wrong: the default of few is not what its own schema allows"):
        schema_of(Wrong, "here")


def test_a_secret_inside_a_model_is_refused_as_one_at_the_top() -> None:
    class Login(BaseModel):
        account: Inner

    with pytest.raises(DefinitionError, match="account is a secret"):
        schema_of(Login, "here")
