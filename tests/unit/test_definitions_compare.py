"""The difference between two sets of definitions, and revisions as they are packed."""

from __future__ import annotations

import json
import zlib
from typing import Any

import pytest

from orchestrator.definitions.compare import Change, Pair, difference, to_delete
from orchestrator.definitions.contents import Definitions
from orchestrator.definitions.revisions import Note, Revision, unpack
from orchestrator.model.errors import Conflict

PLANS: dict[str, dict[str, Any]] = {
    "one": {
        "name": "w", "priority": "low",
        "jobs": {"a": {"task": "t", "kwargs": {"n": 1}}, "b": {"task": "t", "after": ["a"]}, "c": {"task": "t"}},
    },
    "two": {
        "name": "w", "deadline": 60,
        "jobs": {"a": {"task": "t", "kwargs": {"n": True}}, "b": {"task": "t"}, "d": {"task": "t"}},
    },
    "turned": {"name": "w", "jobs": {"b": {"task": "t"}, "a": {"task": "t"}}},
    "straight": {"name": "w", "jobs": {"a": {"task": "t"}, "b": {"task": "t"}}},
    "secret": {"name": "w", "jobs": {"a": {"task": "t", "kwargs": {"password": "hunter22"}}}},
}  # fmt: skip


def compare(wanted: Definitions, held: Definitions, gone: Any = ()) -> tuple[Change, ...]:
    return difference(wanted, held, set(gone), PLANS.__getitem__, {"w": {"one": 4}}).changes


def test_a_workflow_is_compared_job_by_job_and_field_by_field() -> None:
    (change,) = compare(Definitions(workflows={"w": "two"}), Definitions(workflows={"w": "one"}))
    assert (change.kind, change.name, change.action, change.versions) == ("workflow", "w", "change", Pair(4, None))
    assert change.fields == {
        "priority": Pair("low", None),
        "deadline": Pair(None, 60),
        "jobs.a.kwargs": Pair({"n": 1}, {"n": True}),  # which Python takes for equal
        "jobs.b.after": Pair(["a"], None),
        "jobs.c": Pair({"task": "t"}, None),
        "jobs.d": Pair(None, {"task": "t"}),
    }
    assert change.to_json()["fields"]["deadline"] == {"old": None, "new": 60}


def test_another_order_of_jobs_is_told() -> None:
    (change,) = compare(Definitions(workflows={"w": "turned"}), Definitions(workflows={"w": "straight"}))
    assert change.fields == {"jobs": Pair(["a", "b"], ["b", "a"])}


def test_a_secret_in_an_argument_is_not_shown() -> None:
    (change,) = compare(Definitions(workflows={"w": "secret"}), Definitions())
    assert "hunter22" not in json.dumps(change.to_json())


def test_what_says_the_same_in_another_form_is_no_change() -> None:
    """Such as what another version of the program has stored."""
    wanted = Definitions(schedules={"w/a": {"every": "1h", "grace": "1m"}})
    assert not compare(wanted, Definitions(schedules={"w/a": {"grace": 60, "every": 3600, "enabled": True}}))
    assert compare(wanted, Definitions(schedules={"w/a": {"every": "1h", "params": {"n": 1}}}))


def test_true_is_not_one() -> None:
    for new in (True, 1.0):
        wanted = Definitions(schedules={"w/a": {"every": "1h", "params": {"n": new}}})
        (change,) = compare(wanted, Definitions(schedules={"w/a": {"every": "1h", "params": {"n": 1}}}))
        assert list(change.fields) == ["params"]


def test_what_goes_is_what_may_and_what_hangs_on_it() -> None:
    held = Definitions({"c": {}}, {"w": "one", "x": "one"}, {"w/a": {}, "w/b": {}, "x/a": {}}, {"x/t": {}})
    nothing = Definitions()
    assert to_delete(nothing, held, nothing, nothing) == set()
    assert to_delete(nothing, held, Definitions(workflows={"x": "one"}), nothing) == {
        ("workflow", "x"), ("schedule", "x/a"), ("trigger", "x/t"),
    }  # fmt: skip
    assert to_delete(nothing, held, held, nothing) == set(held.names())
    assert to_delete(Definitions(triggers={"w/a": {}}), held, nothing, nothing) == {("schedule", "w/a")}


def test_what_a_file_made_goes_when_the_file_has_its_workflow_without_it() -> None:
    held = Definitions({}, {"w": "one", "x": "one"}, {"w/a": {}, "w/b": {}, "x/a": {}}, {"w/t": {}, "w/u": {}})
    applied = Definitions({}, held.workflows, {"w/a": {}, "w/b": {}, "x/a": {}}, {"w/t": {}})
    wanted = Definitions(workflows={"w": "two"}, schedules={"w/b": {}})
    assert to_delete(wanted, held, Definitions(), applied) == {("schedule", "w/a"), ("trigger", "w/t")}
    assert to_delete(Definitions(), held, Definitions(), applied) == set()


def test_a_revision_comes_back_as_it_was() -> None:
    definitions = Definitions({"c": {"weekdays": ["mon"]}}, {"w": "one"}, {"w/a": {"cron": "@daily"}}, {})
    revision = Revision(7, 123, Note("ann", "because – é", "abc+dirty"), "1.2", 3, definitions, back_to=2)
    assert unpack(7, revision.pack()) == revision


def test_a_revision_of_a_later_version_is_told() -> None:
    packed = zlib.compress(json.dumps({"format": 99, "tool": "9.0"}).encode())
    with pytest.raises(Conflict, match=r"revision 3 was written by a later version .*celery-orchestrator 9\.0"):
        unpack(3, packed)
