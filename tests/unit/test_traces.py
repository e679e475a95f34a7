"""Traces and WfCommons instances: read, refused with the place, turned into workflows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.importers.traces import read_trace, workflow_of
from orchestrator.model.errors import TraceError

TRACE = {
    "name": "made up/fork-join",
    "source": "a test",
    "licence": "BSD-3-Clause",
    "jobs": [
        {"id": "split", "name": "split", "runtime_s": 1.5, "after": []},
        {"id": "NF:LEFT (1)", "name": "left", "runtime_s": 2, "after": ["split"]},
        {"id": "right", "name": "right", "runtime_s": 0.25, "after": ["split"]},
        {"id": "join", "name": "join", "runtime_s": 0, "after": ["NF:LEFT (1)", "right"]},
    ],
}
INSTANCE = {
    "name": "tiny",
    "description": "made for a test",
    "createdAt": "2027-01-01T00:00:00Z",
    "schemaVersion": "1.5",
    "author": {"name": "nobody", "email": "nobody@example.org"},
    "workflow": {
        "specification": {
            "tasks": [
                {"name": "first", "id": "first_1", "parents": [], "children": ["second_2", "third_3"]},
                {"name": "second", "id": "second_2", "parents": ["first_1"], "children": ["third_3"]},
                {"name": "third", "id": "third_3", "parents": ["second_2"], "children": []},
            ],
            "files": [],
        },
        "execution": {
            "makespanInSeconds": 3.5,
            "tasks": [{"id": "first_1", "runtimeInSeconds": 3.0}, {"id": "second_2", "runtimeInSeconds": 0.5}],
        },
    },
}


def write(folder: Path, content: Any) -> Path:
    path = folder / "trace.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def changed(document: dict[str, Any], path: list[Any], value: Any) -> dict[str, Any]:
    """Return a copy of a document with the value at a path replaced, or removed where it is `...`."""
    copy = json.loads(json.dumps(document))
    at = copy
    for step in path[:-1]:
        at = at[step]
    if value is ...:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return copy


def test_a_trace_becomes_jobs_that_sleep_as_long(tmp_path: Path) -> None:
    plan = workflow_of(read_trace(write(tmp_path, TRACE)), 0.5).compile()
    assert plan.workflow == "made_up_fork-join"
    assert plan.names == ("split", "NF_LEFT__1_", "right", "join")
    assert [plan.specs[job.spec] for job in plan.jobs][:2] == [
        b'{"task":"orchestrator.sleep","args":[0.75]}',
        b'{"task":"orchestrator.sleep","args":[1.0]}',
    ]
    assert [job.in_degree for job in plan.jobs] == [0, 1, 1, 2]
    assert plan.jobs[0].successors == (1, 2)


def test_at_scale_0_jobs_do_nothing(tmp_path: Path) -> None:
    plan = workflow_of(read_trace(write(tmp_path, TRACE)), 0).compile()
    assert plan.specs == (b'{"task":"orchestrator.noop"}',)


def test_a_wfcommons_instance_is_read_by_parents_and_children(tmp_path: Path) -> None:
    trace = read_trace(write(tmp_path, INSTANCE))
    assert [(job.id, job.runtime_s, job.after) for job in trace.jobs] == [
        ("first_1", 3.0, ()),
        ("second_2", 0.5, ("first_1",)),
        ("third_3", 0.0, ("second_2", "first_1")),
    ]


def test_ids_that_look_alike_as_names_stay_two_jobs(tmp_path: Path) -> None:
    jobs = [{"id": each, "runtime_s": 0, "after": []} for each in ("a:b", "a/b", "-c")]
    plan = workflow_of(read_trace(write(tmp_path, {"name": "n", "jobs": jobs})), 0).compile()
    assert plan.names == ("a_b", "a_b_2", "_-c")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "trace.json:1:2: not valid JSON"),
        ('{"name": "n", "jobs": [{"id": "a", "runtime_s": NaN}]}', "NaN is not JSON"),
        ("[]", "trace.json: must be an object"),
        (changed(TRACE, ["jobs"], ...), "trace.json: jobs: is missing"),
        (changed(TRACE, ["jobs"], {}), "trace.json: jobs: must be a list"),
        (changed(TRACE, ["jobs"], []), "trace.json: there are no jobs"),
        (changed(TRACE, ["name"], ...), "trace.json: name: is missing"),
        (changed(TRACE, ["name"], 3), "trace.json: name: must be a text"),
        (changed(TRACE, ["jobs", 1], "x"), "trace.json: jobs[1]: must be an object"),
        (changed(TRACE, ["jobs", 1, "runtime_s"], ...), "trace.json: jobs[1].runtime_s: is missing"),
        (changed(TRACE, ["jobs", 1, "runtime_s"], -1), "jobs[1].runtime_s: must be a number of seconds, 0 or more"),
        (changed(TRACE, ["jobs", 1, "runtime_s"], True), "jobs[1].runtime_s: must be a number of seconds"),
        (changed(TRACE, ["jobs", 3, "after"], "right"), "trace.json: jobs[3].after: must be a list of ids"),
        (changed(TRACE, ["jobs", 3, "after"], ["gone"]), "job 'join' is after 'gone', which is not there"),
        (changed(TRACE, ["jobs", 2, "id"], "split"), "the id 'split' occurs twice"),
        (changed(TRACE, ["jobs", 0, "after"], ["join"]), "split -> NF_LEFT__1_ -> join -> split"),
        (changed(INSTANCE, ["schemaVersion"], "1.4"), "trace.json: schemaVersion: '1.4' is not supported"),
        (changed(INSTANCE, ["workflow", "specification"], ...), "workflow.specification: must be an object"),
        (
            changed(INSTANCE, ["workflow", "specification", "tasks", 1, "parents"], ["zero"]),
            "job 'second_2' is after 'zero', which is not there",
        ),
        (
            changed(INSTANCE, ["workflow", "specification", "tasks", 0, "children"], ["zero"]),
            "workflow.specification.tasks[0].children: there is no task 'zero'",
        ),
        (
            changed(INSTANCE, ["workflow", "execution", "tasks", 0, "runtimeInSeconds"], "3"),
            "workflow.execution.tasks[0].runtimeInSeconds: must be a number of seconds",
        ),
    ],
)
def test_what_is_wrong_is_told_by_its_place(tmp_path: Path, content: Any, told: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(TraceError) as error:
        workflow_of(read_trace(path), where=str(path))
    assert told in str(error.value)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="cannot be read: No such file or directory"):
        read_trace(tmp_path / "none.json")
