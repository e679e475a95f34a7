"""Templates: written, rewritten, rendered."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from orchestrator.model.errors import DefinitionError, ParameterError
from orchestrator.plan import values
from orchestrator.plan.specs import encode, render, rewrite, uses_run
from support.examples import examples

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["a", "b", "$output", "$param", "$literal"]), inner, max_size=3)
    ),
    max_leaves=15,
)


@examples(100)
@given(JSON)
def test_what_is_written_literally_is_rendered_as_it_was(value: Any) -> None:
    assert render(encode(value, lambda _: None), {}, {}) == value


def test_references_give_way_to_their_values() -> None:
    template = {
        "row": {"$output": [3, "rows", -1, "x"]},
        "all": [{"$output": [0]}, {"$param": ["day"]}, {"$param": ["window", "start"]}],
        "mine": {"$literal": {"$output": [3], "deep": {"$output": [0]}}},
    }
    outputs = {0: [1, 2], 3: {"rows": [{"x": 5}, {"x": 7}]}}
    assert render(template, {"day": "mon", "window": {"start": 1}}, outputs) == {
        "row": 7,
        "all": [[1, 2], "mon", 1],
        "mine": {"$output": [3], "deep": [1, 2]},
    }


def test_facts_of_the_run_are_put_in() -> None:
    facts = {"logical_date": "2027-03-28T01:00:00+00:00", "schedule": None}
    template = {"day": {"$run": "logical_date"}, "by": [{"$run": "schedule"}], "mine": {"$literal": {"$run": "id"}}}
    assert uses_run(template)
    assert not uses_run([encode({"$run": "id"}, lambda _: None)])
    rendered = render(template, {"$run": facts}, {})
    assert rendered == {"day": facts["logical_date"], "by": [None], "mine": {"$run": "id"}}


@pytest.mark.parametrize("marker", ["day", ["id", "x"], 3, []])
def test_a_fact_that_no_run_has_is_told(marker: Any) -> None:
    told: list[str] = []
    rewrite({"$run": marker}, lambda steps, _: steps, lambda *_: None, lambda _, what: told.append(what), ())
    (what,) = told
    assert what.startswith("$run must be one of id, logical_date,")


def test_what_an_output_holds_is_never_read_as_a_reference() -> None:
    assert render([{"$output": [0]}], {}, {0: {"$param": ["secret"]}}) == [{"$param": ["secret"]}]


@pytest.mark.parametrize(
    ("template", "error", "message"),
    [
        ({"$output": [0, "rows", 9]}, DefinitionError, r"the output of job 0\['rows'\] has no 9: there is a list of 2"),
        (
            {"$output": [0, "row"]},
            DefinitionError,
            r"the output of job 0 has no 'row': there is a dict with the keys 'rows'",
        ),
        ({"$output": [0, "rows", "x"]}, DefinitionError, r"has no 'x': there is a list of 2"),
        ({"$output": [0, 0]}, DefinitionError, r"has no 0: there is a dict"),
        ({"$output": [1, "x"]}, DefinitionError, "the output of job 1 has no 'x': there is null"),
        ({"$output": [2]}, DefinitionError, "job 2 has no output to take"),
        ({"$param": ["day"]}, ParameterError, "the run has no parameter 'day'"),
        ({"$param": ["n", "x"]}, ParameterError, "parameter n has no 'x': there is a int"),
    ],
)
def test_a_step_that_leads_nowhere_is_named(template: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        render([template], {"n": 1}, {0: {"rows": [1, 2]}, 1: None})


def test_arguments_that_nest_without_end_are_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(DefinitionError, match="nest deeper than 64 levels"):
        encode(loop, lambda _: None)


class Shade(StrEnum):
    red = "red"


class Login(BaseModel):
    password: SecretStr


class Blob(BaseModel):
    data: bytes = b"\xff"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("\ud800", "half a character"),
        (10**5000, "more than 4,300 digits"),
        (Login(password=SecretStr("hunter2")), "password: it is a secret"),
        (Blob(), "no text in UTF-8"),
        ({1: 2}, "the key 1 is a int"),
        (float("inf"), "not a JSON number"),
    ],
    ids=range(6),
)
def test_an_argument_that_json_cannot_hold_is_refused(value: object, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        encode([value], lambda _: None)


def test_a_key_of_a_str_enum_is_its_text_and_a_dict_that_looks_typed_is_data() -> None:
    assert encode({Shade.red: 1}, lambda _: None) == {"red": 1}
    looks = {"__type__": "Order", "__value__": [1]}
    written = encode(looks, lambda _: None)
    assert values.decode(json.dumps(written).encode()) == looks
