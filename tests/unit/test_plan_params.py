"""Parameters: checked and filled in, by the model or by its schema, with the same end."""

from __future__ import annotations

import datetime
import json
from enum import StrEnum
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from orchestrator.model.errors import ParameterError
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
