"""Definitions to plans and back, on random graphs too."""

from __future__ import annotations

import dataclasses
import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.dsl.documents import dump, load
from orchestrator.model.errors import DefinitionError
from orchestrator.model.policies import RetryPolicy
from orchestrator.model.workflow import JobDefinition, WorkflowDefinition
from orchestrator.plan import validate
from orchestrator.plan.compile import compile_plan
from orchestrator.plan.decompile import decompile
from orchestrator.plan.graph import draw, levels
from orchestrator.plan.validate import find_cycle
from support.examples import examples


def define(*jobs: JobDefinition, **head: Any) -> WorkflowDefinition:
    return WorkflowDefinition(name="flow", jobs=jobs, **head)


def job(name: str, *after: str, **fields: Any) -> JobDefinition:
    return JobDefinition(name=name, task="t", after=after, **fields)


ROWS = st.lists(st.lists(st.integers(0, 30), max_size=4), min_size=1, max_size=12)


@st.composite
def definitions(draw_: st.DrawFn) -> WorkflowDefinition:
    """Draw an acyclic workflow, its jobs in any order."""
    rows = draw_(ROWS)
    order = draw_(st.permutations(range(len(rows))))
    names = [f"j{i}" for i in range(len(rows))]
    jobs = []
    for number, row in enumerate(rows):
        parents = sorted({pick % number for pick in row}) if number else []
        data = [p for p in parents if draw_(st.booleans())]
        steps = draw_(st.lists(st.sampled_from(["rows", "$x", 0, -1]), max_size=2))
        literal = draw_(st.sampled_from([1, "x", {"a": [None, {"$literal": {"$b": True}}]}, 1.5]))
        jobs.append(
            JobDefinition(
                name=names[number],
                task=draw_(st.sampled_from(["shop.a", "shop.b"])),
                args=(*({"$output": [names[p], *steps]} for p in data[:1]), literal),
                kwargs={f"k{p}": [{"$output": [names[p]]}, {"$param": ["day", *steps]}] for p in data[1:]},
                after=tuple(names[p] for p in parents),
                priority=draw_(st.sampled_from([None, "critical", "low"])),
                number=draw_(st.sampled_from([None, 0, 128, 255])),
                retry=draw_(st.sampled_from([None, RetryPolicy(), RetryPolicy(max=2, give_up_on=("E",))])),
                timeout=draw_(st.sampled_from([None, 1.5, 60])),
                route=draw_(st.sampled_from([None, "slow"])),
                headers=draw_(st.sampled_from([{}, {"h": [1]}])),
            )
        )
    return define(
        *[jobs[i] for i in order],
        params={"type": "object", "properties": {"day": {"type": "string"}}},
        priority=draw_(st.sampled_from(["normal", "high"])),
        deadline=draw_(st.sampled_from([None, 0.5])),
        description=draw_(st.sampled_from(["", "what: it\ndoes"])),
    )


@examples(100)
@given(definitions())
def test_document_definition_plan_and_back_keep_the_digest(definition: WorkflowDefinition) -> None:
    plan = compile_plan(definition)
    back = decompile(plan)
    assert compile_plan(back) == plan
    assert decompile(compile_plan(back)) == back, "what comes back is a fixed point"
    for form in ("yaml", "json"):
        assert load(dump(definition, form)) == definition
        assert compile_plan(load(dump(back, form))) == plan
    for picture in ("text", "mermaid", "dot"):
        assert all(name in draw(plan, picture) for name in plan.names)


@examples(100)
@given(definitions())
def test_the_plan_is_the_graph(definition: WorkflowDefinition) -> None:
    plan = compile_plan(definition)
    by_name = {j.name: j for j in definition.jobs}
    parents: dict[str, set[str]] = {name: set() for name in plan.names}
    for number, planned in enumerate(plan.jobs):
        assert list(planned.successors) == sorted(set(planned.successors))
        assert list(planned.inputs) == sorted(set(planned.inputs))
        for child in planned.successors:
            parents[plan.names[child]].add(plan.names[number])
    for number, (name, planned) in enumerate(zip(plan.names, plan.jobs, strict=True)):
        assert parents[name] == set(by_name[name].after), "in these graphs `after` names all parents"
        assert planned.in_degree == len(parents[name])
        assert {plan.names[i] for i in planned.inputs} <= parents[name]
        assert (number in plan.roots) == (planned.in_degree == 0)
    place = {number: level for level, row in enumerate(levels(plan)) for number in row}
    assert all(place[n] < place[c] for n, planned in enumerate(plan.jobs) for c in planned.successors)


@given(st.lists(st.lists(st.integers(0, 14), max_size=3), min_size=1, max_size=15))
def test_a_cycle_is_found_if_and_only_if_there_is_one(rows: list[list[int]]) -> None:
    parents = [[pick % len(rows) for pick in row] for row in rows]
    parents = [sorted(set(row)) for row in parents]
    cycle = find_cycle(parents)
    if cycle:
        assert cycle[0] == cycle[-1]
        assert len(set(cycle)) == len(cycle) - 1
        assert all(before in parents[after] for before, after in pairwise(cycle))
    else:
        reach: set[int] = set()
        while len(reach) < len(parents):
            more = {n for n, row in enumerate(parents) if n not in reach and set(row) <= reach}
            assert more, "no cycle was told, but there is one"
            reach |= more


def test_a_cycle_is_shown_as_its_path() -> None:
    with pytest.raises(DefinitionError) as caught:
        compile_plan(define(job("z"), job("a", "c"), job("b", "a"), job("c", "b", "z")))
    assert str(caught.value) == "workflow 'flow': jobs.a: jobs wait for each other: a -> b -> c -> a"


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(DefinitionError) as caught:
        compile_plan(
            define(
                job("a", "a", "nobody"),
                job("a", args=({"$param": ["day"]},)),
                job("b", timeout=5, soft_timeout=6),
                job("c", kwargs={"x": [{"$output": ["bb"], "more": 1}], "$y": 1}),
            )
        )
    assert str(caught.value).splitlines() == [
        "workflow 'flow': 7 things are wrong:",
        "  jobs.a: there are two jobs of this name",
        "  jobs.a.after[0]: a job cannot wait for itself",
        "  jobs.a.after[1]: there is no job 'nobody' (there are: a, b, c)",
        "  jobs.a.args[0].$param: the workflow has no parameters, so there is no 'day'",
        "  jobs.b.soft_timeout: it must be shorter than timeout (5 s)",
        "  jobs.c.kwargs.$y: a keyword cannot begin with '$'",
        "  jobs.c.kwargs.x[0].$output: a key that begins with '$' must be $output, $param, $run or $literal alone "
        "(wrap a plain dict in $literal)",
    ]


def test_limits_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DefinitionError, match="a workflow needs at least one job"):
        compile_plan(define())
    monkeypatch.setattr(validate, "MAX_IN_DEGREE", 2)
    with pytest.raises(DefinitionError, match=r"jobs\.d: it waits for 3 jobs; 2 are the most"):
        compile_plan(define(job("a"), job("b"), job("c"), job("d", "a", "b", "c")))
    monkeypatch.setattr(validate, "MAX_JOBS", 2)
    with pytest.raises(DefinitionError, match="jobs: there are 3 jobs; 2 are the most"):
        compile_plan(define(job("a"), job("b"), job("c")))


def test_many_complaints_are_cut() -> None:
    with pytest.raises(DefinitionError, match="… and 10 more"):
        compile_plan(define(*[job(f"j{i}", "nobody") for i in range(60)]))


def test_specs_and_routes_are_interned() -> None:
    plan = compile_plan(define(*[job(f"j{i}") for i in range(1000)]), lambda job: f"for-{job.task}")
    assert plan.specs == (b'{"task":"t"}',)
    assert plan.routes == ("for-t",)


def test_the_head_is_all_but_the_jobs() -> None:
    plan = compile_plan(define(job("a"), description="d", priority="low", deadline=1.5, params={"type": "object"}))
    assert json.loads(plan.head) == {
        "name": "flow", "description": "d", "priority": "low", "deadline": 1.5, "params": {"type": "object"},
    }  # fmt: skip
    assert (plan.deadline_ms, plan.priority) == (1500, 3)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"}, {"description": "x"}, {"priority": "low"}, {"deadline": 5.0}, {"params": {"type": "object"}},
        {"jobs": (job("a"), job("c", "a"))}, {"jobs": (job("b"), job("a", "b"))}, {"jobs": (job("a"), job("b"))},
        {"jobs": (job("a"), job("b", "a", timeout=1))}, {"jobs": (job("a"), job("b", "a", number=1))},
        {"jobs": (job("a"), job("b", "a", priority="normal"))}, {"jobs": (job("a"), job("b", "a", route="r"))},
        {"jobs": (job("a"), job("b", args=({"$output": ["a"]},)))},
    ],
)  # fmt: skip
def test_each_part_counts_in_the_digest(change: dict[str, Any]) -> None:
    base = define(job("a"), job("b", "a"))
    changed = dataclasses.replace(base, **change)
    assert compile_plan(changed).digest != compile_plan(base).digest


def test_what_changes_nothing_in_a_run_keeps_the_digest() -> None:
    base = define(job("a"), job("b"), job("c", "b", args=({"$output": ["a"]},)))
    same = define(job("a", retry=0), job("b", number=128), job("c", "b", "a", "b", args=({"$output": ["a"]},)))
    assert compile_plan(same).digest == compile_plan(base).digest
    assert compile_plan(base).digest == "8ed904faf332a66d31dca920454f4a8a", (
        "digests are stable: stored plans depend on it"
    )


def test_pictures() -> None:
    plan = compile_plan(define(job("a"), job("b", args=({"$output": ["a"]},)), job("c", "a"), job("d", "b", "c")))
    assert draw(plan) == "  1  a\n  2  b  <- a\n     c  <- (a)\n  3  d  <- (b), (c)\n"
    assert draw(plan, "mermaid").splitlines()[5:] == ["  j0 --> j1", "  j0 -.-> j2", "  j1 -.-> j3", "  j2 -.-> j3"]
    assert '  "a" -> "c" [style=dashed];' in draw(plan, "dot").splitlines()
    with pytest.raises(DefinitionError, match="there is no graph form 'svg'"):
        draw(plan, "svg")
