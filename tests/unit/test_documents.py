"""YAML and JSON documents: what they say, and what is said about wrong ones."""

# ruff: noqa: E501 — a case a line

from __future__ import annotations

import json
import time

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import Workflow
from orchestrator.definitions.values import fill
from orchestrator.dsl.documents import define, dump, load, load_all, load_file, schema, to_document
from orchestrator.dsl.parsing import parse_one
from orchestrator.dsl.yaml12 import Yaml, dump_yaml
from orchestrator.model.complaints import Complaint
from orchestrator.model.errors import DocumentError
from orchestrator.model.policies import RetryPolicy
from orchestrator.plan.compile import compile_plan
from support.examples import examples

NIGHTLY = """\
name: nightly
description: Load the day.
priority: high
deadline: 3600
params:
  type: object
  properties: {day: {type: string, format: date}}
  required: [day]
jobs:
  extract:
    task: shop.extract
    kwargs: {day: {$param: day}}
    retry: 3
  clean:
    task: shop.clean
    args: [{$output: [extract]}, {$literal: {$x: no}}]
    retry: {max: 2, backoff: fixed, retry_on: [OSError]}
    number: 7
  load:
    task: shop.load
    args: [{$output: [clean, rows, 0]}]
    after: [extract]
    priority: low
    timeout: 600
    soft_timeout: 590.5
    route: warehouse
    headers: {tenant: x}
"""


def test_a_document_says_everything_that_a_definition_holds() -> None:
    definition = load(NIGHTLY)
    extract, clean, last = definition.jobs
    assert (definition.name, definition.priority, definition.deadline) == ("nightly", "high", 3600.0)
    assert extract.retry == RetryPolicy(max=3)
    assert clean.args == ({"$output": ["extract"]}, {"$literal": {"$x": "no"}})
    assert clean.number == 7
    assert (last.timeout, last.soft_timeout, last.route, last.headers) == (600.0, 590.5, "warehouse", {"tenant": "x"})


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_it_round_trips_to_the_same_digest(form: str) -> None:
    definition = load(NIGHTLY)
    again = load(dump(definition, form))
    assert again == definition
    assert compile_plan(again).digest == compile_plan(definition).digest


@pytest.mark.parametrize("form", ["yaml", "json"])
@pytest.mark.parametrize("text", ["${A}", "$${A}", "$$${A} $A", "a ${A:-b} ${", "$", "$$", "${${A}}"])
def test_what_is_dumped_means_the_same_with_values_and_without(text: str, form: str) -> None:
    workflow = Workflow("w", description=text)
    workflow.job("j", {"task": "t", "args": [text, [text]], "kwargs": {"x": {"${k}": text}}})
    written = dump(workflow.definition(), form)
    assert load(written).jobs[0].args == (text, [text])
    complaints: list[Complaint] = []
    filled = define(fill(parse_one(written, "f").value, {"A": "value"}, complaints), complaints)
    assert not complaints
    assert filled == load(written)
    assert compile_plan(load(written)).digest == workflow.compile().digest
    assert dump(load(written), form) == written


D = "name: a\njobs: {j: {task: t}}\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"%YAML 1.2\n---\n{D}", 1),
        (f"# of us\n\n%YAML 1.2\n--- # first\n{D}...\n%YAML 1.2\n---\n{D}", 2),
        (f"\ufeff%YAML 1.1\r\n---\r\n{D}", 1),
        (f"%TAG ! tag:example.org,2027:\n---\n{D}...\n", 1),
        (f"{D}...\n{D}", 2),
        (f"{D}...\n# the end\n", 1),
    ],
)
def test_documents_may_have_directives_and_ends(text: str, found: int) -> None:
    assert [definition.name for definition in load_all(text)] == ["a"] * found
    line = text[: text.index("name:")].count("\n") + 1
    with pytest.raises(DocumentError, match=rf"^f\.yaml:{line}:1: nome: there is no such field"):
        load_all(text.replace("name:", "nome: b\nname:", 1), "f.yaml")


def test_a_workflow_in_python_and_its_document_have_the_same_digest(tmp_path) -> None:
    workflow = Workflow("same", description="d")
    a = workflow.job("a", {"task": "t.a", "args": [1.5, "é\n"], "kwargs": {"z": 1, "a": None}}, retry=2)
    workflow.job("b", {"task": "t.b", "args": (a.output["x"],)}, after=a, timeout=3)
    path = tmp_path / "same.yaml"
    path.write_text(dump(workflow.definition()))
    assert Workflow.load(path).compile().digest == workflow.compile().digest


def test_the_order_of_fields_and_keywords_is_no_content_but_that_of_jobs_and_data_is() -> None:
    def digest(text: str) -> str:
        return compile_plan(load(text)).digest

    base = digest("name: x\njobs: {a: {task: t, kwargs: {p: 1, q: {r: 1, s: 2}}}, b: {task: u, after: [a]}}")
    assert base == digest("jobs: {a: {kwargs: {q: {r: 1, s: 2}, p: 1}, task: t}, b: {after: [a], task: u}}\nname: x")
    assert base != digest("name: x\njobs: {a: {task: t, kwargs: {p: 1, q: {s: 2, r: 1}}}, b: {task: u, after: [a]}}")
    assert base != digest("name: x\njobs: {b: {task: u, after: [a]}, a: {task: t, kwargs: {p: 1, q: {r: 1, s: 2}}}}")


def test_scalars_mean_what_yaml_1_2_says() -> None:
    text = "[no, yes, on, y, true, 1e3, .5, 0o14, 0x1F, 014, ~, null, '1', 2027-03-01, 1:30, -7, 1_000, =, <<]"
    assert Yaml(text, "x").value == [
        "no", "yes", "on", "y", True, 1000.0, 0.5, 12, 31, 14, None, None, "1", "2027-03-01", "1:30", -7, "1_000", "=", "<<",
    ]  # fmt: skip


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs", "Cc"]))
    | st.sampled_from(["no", "1e3", "0o7", "~", "", "2027-03-01", "1:30", "- a", "a: b", "#x", "\n", " x ", "\t", "=", "<<", "é", "😀"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs", "Cc"])), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@examples(100)
@given(JSON)
def test_what_is_dumped_is_read_back(value: object) -> None:
    text = dump_yaml({"it": value})
    assert Yaml(text, "x").value == {"it": value}


WRONG = [
    ("", "f.yaml: the document is empty"),
    ("- a", "f.yaml:1:1: a workflow is a mapping with name and jobs, not a list"),
    ("name: x\nname: y", "f.yaml:2:1: the key 'name' is here twice"),
    ('{"name": "x",\n "name": "y"}', "f.yaml:2:2: the key 'name' is here twice"),
    ("name: x\njobs:\n  a: {task: t}\n  a: {task: u}", "f.yaml:4:3: the key 'a' is here twice"),
    ("name: x\njobs:\n\ta: 1", "f.yaml:3:1: a tab cannot indent (use spaces)"),
    ("name: x\n---\nname: y", "f.yaml:2:1: there is a second document (one workflow a file)"),
    ("name: 'x\njobs:", "f.yaml:2:6: not YAML: found unexpected end of stream"),
    ("name: !!python/name:os.system x", "f.yaml:1:7: the tag !!python/name:os.system is not allowed here (write plain data)"),
    ("name: x\njobs: {a: {task: t, args: [.inf]}}", "f.yaml:2:28: .inf is not a number that JSON has"),
    ('{"name": "x", "jobs": {"a": {"task": "t", "args": [NaN]}}}', "f.yaml: NaN is not a number that JSON has"),
    ('{"name": "x" "jobs": 1}', "f.yaml:1:14: not JSON: Expecting ',' delimiter"),
    ('{"name": "x",\n "jobs": {"a": {"task": 1}}}', "f.yaml:2:25: jobs.a.task: should be a valid string, not 1"),
    ("name: x\njobs: {a: {task: t, 1: 2}}", "f.yaml:2:21: a key must be a text, and 1 is none (put it in quotes)"),
    ("jobs: {a: {task: t}}", "f.yaml:1:1: name: is required"),
    ("name: x", "f.yaml:1:1: jobs: is required"),
    ("name: x\njobs: {}", "f.yaml:2:7: jobs: a workflow needs at least one job"),
    ("name: x\njobs: [a]", "f.yaml:2:7: jobs: should be a mapping from names to jobs, not a list"),
    ("name: x\njobs: {a: t}", "f.yaml:2:11: jobs.a: a job is a mapping with a task, not a str"),
    ("name: x\njobs: {a: {}}", "f.yaml:2:11: jobs.a.task: is required"),
    ("name: x\njobs: {a: {task: t, after: b}}", "f.yaml:2:28: jobs.a.after: should be a list, not 'b'"),
    ("name: x\njobs: {a: {task: t, name: b}}", "f.yaml:2:21: jobs.a.name: there is no such field: its key names the job"),
    ("name: x\njobs: {a: {task: t, tiemout: 1}}", "f.yaml:2:21: jobs.a.tiemout: there is no such field (did you mean 'timeout'?)"),
    ("name: x\njobs: {a: {task: t, depends_on: [b]}}", "f.yaml:2:21: jobs.a.depends_on: there is no such field (did you mean 'after'?)"),
    ("name: x\njobs: {a: {task: t, retry: {max: 1, jiter: no}}}", "f.yaml:2:37: jobs.a.retry.jiter: there is no such field"),
    ("name: x\njobs: {a: {task: t, timeout: 5, soft_timeout: 5}}", "f.yaml:2:47: jobs.a.soft_timeout: it must be shorter than timeout (5 s)"),
    ("name: x\njobs: {a: {task: t, after: [a]}}", "f.yaml:2:29: jobs.a.after[0]: a job cannot wait for itself"),
    ("name: x\njobs: {clean: {task: t}, b: {task: t, after: [claen]}}", "f.yaml:2:47: jobs.b.after[0]: there is no job 'claen' (did you mean 'clean'?)"),
    ("name: x\njobs: {a: {task: t, args: [{$param: day}]}}", "f.yaml:2:37: jobs.a.args[0].$param: the workflow has no parameters, so there is no 'day'"),
    ("name: x\njobs: {a: {task: t, args: [{$foo: day}]}}", "f.yaml:2:35: jobs.a.args[0].$foo: a key that begins with '$' must be $output, $param, $run or $literal alone (wrap a plain dict in $literal)"),
    ("name: x\njobs: {a: {task: t, args: [{$output: []}]}}", 'f.yaml:2:38: jobs.a.args[0].$output: $output must be a list of a job and the steps into it: ["name", "key", 0]'),
    ("name: x\nparams: {type: strin}\njobs: {a: {task: t}}", "f.yaml:2:9: params: not a JSON Schema: $.type: 'strin' is not valid under any of the given schemas"),
    ("name: x\nparams: {$ref: 'http://x/y'}\njobs: {a: {task: t}}", "f.yaml:2:9: params: $ref 'http://x/y' leads nowhere (only '#/…', to a place in this schema, is followed)"),
    (b"\xff", "f.yaml, byte 0: it is not UTF-8"),
    ("na\x00me: x", "f.yaml:1: the character 0 is not allowed"),
    ("name: x\njobs:\n  a: {task: t, after: [b]}\n  b: {task: t, args: [{$output: c}]}\n  c: {task: t, after: [a]}", "f.yaml:3:6: jobs.a: jobs wait for each other: a -> c -> b -> a"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_one_mistake_is_one_line_with_its_place(text: str | bytes, message: str) -> None:
    with pytest.raises(DocumentError) as caught:
        load(text, "f.yaml")
    assert str(caught.value) == message


def test_all_mistakes_are_told_at_once_in_their_order() -> None:
    with pytest.raises(DocumentError) as caught:
        load(
            "prority: high\njobs:\n  a: {task: t, timeout: -1, args: [{$output: b}]}\n  c: {task: '', after: [c]}", "f"
        )
    lines = str(caught.value).splitlines()
    assert lines[0] == "f: 4 things are wrong:"
    assert [line.split()[0] for line in lines[1:]] == ["f:1:1:", "f:1:1:", "f:3:25:", "f:4:13:"]


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        "a: " + "[" * 200 + "]" * 200,
        "a: &a [*a]",
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"b{i}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)),
        "a: " + "9" * 10_000,
    ],
)
def test_bombs_are_refused_at_once(text: str) -> None:
    start = time.perf_counter()
    with pytest.raises(DocumentError) as caught:
        load(text, "bomb")
    assert len(str(caught.value)) < 200
    assert time.perf_counter() - start < 2


def test_aliases_within_reason_are_fine() -> None:
    definition = load("name: x\njobs:\n  a: &a {task: t, retry: 3}\n  b: *a\n")
    assert definition.jobs[0].retry == definition.jobs[1].retry


def test_a_file_that_is_not_there(tmp_path) -> None:
    with pytest.raises(DocumentError, match=r"none.yaml: cannot be read: No such file"):
        load_file(tmp_path / "none.yaml")


def test_the_schema_accepts_what_load_accepts() -> None:
    printed = schema()
    assert "Raises" not in str(printed), "it is read by those who write documents"
    jsonschema.Draft202012Validator.check_schema(printed)
    validator = jsonschema.Draft202012Validator(printed)
    validator.validate(yaml.safe_load(NIGHTLY.replace("no}", "'no'}")))
    validator.validate(json.loads(json.dumps(to_document(load(NIGHTLY)))))
    for wrong in (
        {"name": "x"},
        {"name": "x", "jobs": {}},
        {"name": "a b", "jobs": {"a": {"task": "t"}}},
        {"name": "x", "jobs": {"a b": {"task": "t"}}},
        {"name": "x", "jobs": {"a": {"task": "t", "tiemout": 1}}},
        {"name": "x", "jobs": {"a": {"task": "t", "timeout": -1}}},
        {"name": "x", "jobs": {"a": {"task": "t", "retry": "x"}}},
    ):
        assert list(validator.iter_errors(wrong)), wrong
        with pytest.raises(DocumentError):
            load(json.dumps(wrong))


@pytest.mark.parametrize("text", ["name: x\njobs:\n  a: {task: t\n", "name: x\njobs: [", "name: 'x\n"])
def test_a_document_that_breaks_off_is_told_with_its_place(text: str) -> None:
    with pytest.raises(DocumentError, match=r"^w\.yaml:\d+:\d+: not YAML"):
        load(text, "w.yaml")
