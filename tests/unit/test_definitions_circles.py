"""Workflows that start themselves: which circles are told of, and which links make none."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator import Trigger
from orchestrator.definitions.circles import circles


def found(produces: dict[str, str] | None = None, **triggers: dict[str, Any]) -> list[str]:
    """Return circles as text; a trigger stands under its workflow's name, with a number behind it for a second one."""
    made = {f"{name.rstrip('0123456789')}/{name}": Trigger(**fields) for name, fields in triggers.items()}
    datasets = {name: names.split() for name, names in (produces or {}).items()}
    among = dict.fromkeys(own.partition("/")[0] for own in made)
    return [" ".join(each) for each in circles(made, datasets, among)]


def run(*workflows: str, **fields: Any) -> dict[str, Any]:
    return {"run": {"workflow": list(workflows)}, **fields}


@pytest.mark.parametrize(
    ("triggers", "told"),
    [
        ({"a": run("a")}, ["a a"]),
        ({"a": run("b"), "b": run("a")}, ["a b a"]),
        ({"a": run("c"), "b": run("a"), "c": run("b")}, ["a b c a"]),
        ({"a": run("b", "c"), "b": run("a"), "c": run("a")}, ["a b a", "c a c"]),
        ({"a": run("b"), "b": run("a"), "c": run("b"), "d": run("c", "d")}, ["a b a", "d d"]),
        ({"a": run("a", enabled=False)}, []),
        ({"b": run("a"), "c": run("a", "b"), "d": run("b", "c")}, []),
        ({"a": {"event": "x"}, "b": run("gone")}, []),
    ],
)
def test_the_ends_of_runs_make_circles(triggers: dict[str, Any], told: list[str]) -> None:
    assert found(**triggers) == told


def test_datasets_make_circles_too() -> None:
    assert found({"a": "x y"}, a={"datasets": {"any": ["y"]}}) == ["a a"]
    assert found({"a": "x", "b": "y"}, a=run("b"), b={"datasets": {"any": ["x", "z"]}}) == ["a b a"]
    assert found({"a": "x", "b": "y"}, a=run("b"), b={"datasets": {"all": ["x", "y"]}}) == ["a b a"]
    assert found({"a": "x"}, a={"datasets": {"all": ["x", "given"]}}) == [], "each run waits for somebody else"
    assert found({"a": "x"}, b={"datasets": {"any": ["x"]}}) == []


def test_a_long_row_of_workflows_is_looked_through_at_once() -> None:
    row = {f"w{chr(97 + at // 26 // 26)}{chr(97 + at // 26 % 26)}{chr(97 + at % 26)}": at for at in range(2000)}
    names = list(row)
    chain = {name: run(names[at - 1]) for name, at in row.items() if at}
    assert found(**chain) == []
    (whole,) = found(**chain, **{names[0]: run(names[-1])})
    assert len(whole.split()) == 2001
