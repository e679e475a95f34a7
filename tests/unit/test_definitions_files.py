"""Files and folders of definitions: what they say, and what is said about wrong ones."""

# ruff: noqa: E501 — a case a line

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from orchestrator.definitions.contents import Definitions
from orchestrator.definitions.files import Written, read
from orchestrator.definitions.revisions import Note, Revision, unpack
from orchestrator.model.errors import DefinitionError, NotFound, OrchestratorError
from orchestrator.plan.compile import compile_plan

BUNDLE = """\
namespace: default
calendars:
  office: {weekdays: mon-fri, without: [{holidays: FR}]}
workflows:
  nightly:
    jobs: {a: {task: t}, b: {task: t, after: [a]}}
    schedules: {night: {cron: "0 2 * * *", days: office}}
    triggers: {paid: {event: order.paid}}
"""
HOURLY = "name: hourly\njobs: {a: {task: t}}\nschedules: {each: '0 * * * *'}\n"


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(name: str, text: str) -> str:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return name


def test_a_bundle_and_workflows_may_stand_in_one_file() -> None:
    written = read([write("all.yaml", f"{BUNDLE}---\n{HOURLY}---\n# nothing\n")], "default", {})
    definitions = written.definitions()
    assert list(definitions.calendars) == ["office"]
    assert definitions.workflows == {
        name: compile_plan(written.workflows[name]).digest for name in ("nightly", "hourly")
    }
    assert definitions.schedules == {
        "nightly/night": {"cron": "0 2 * * *", "days": "office"},
        "hourly/each": {"cron": "0 * * * *"},
    }
    assert definitions.triggers == {"nightly/paid": {"event": "order.paid"}}


def test_json_says_the_same() -> None:
    bundle = {"workflows": {"nightly": {"jobs": {"a": {"task": "t"}, "b": {"task": "t", "after": ["a"]}}}}}
    digest = read([write("a.json", json.dumps(bundle))], "default", {}).digests["nightly"]
    assert digest == read([write("a.yaml", BUNDLE)], "default", {}).digests["nightly"]


def test_folders_are_read_with_all_below_but_for_what_is_hidden() -> None:
    write("d/a.yaml", HOURLY)
    write("d/sub/deep/b.yml", HOURLY.replace("hourly", "b"))
    write("d/c.json", '{"name": "c", "jobs": {"a": {"task": "t"}}}')
    write("d/.hidden.yaml", "broken: [")
    write("d/.git/x.yaml", "broken: [")
    write("d/README.md", "# no")
    write("d/values.yaml", "region: eu")
    written = read(["d", "d/a.yaml"], "default", {}, leave_out=["d/values.yaml"])
    assert sorted(written.workflows) == ["b", "c", "hourly"]


def test_what_is_there_twice_is_told_with_both_places() -> None:
    write("a.yaml", f"{HOURLY}---\n{HOURLY}")
    with pytest.raises(DefinitionError) as caught:
        read(["a.yaml"], "default", {})
    assert str(caught.value) == "a.yaml:5:7: workflow 'hourly' is defined already, at a.yaml:1:7"
    write("b.yaml", "calendars:\n  x: {weekdays: mon}\n")
    write("c.yaml", "calendars:\n  y: {weekdays: mon}\n  x: {weekdays: tue}\n")
    with pytest.raises(DefinitionError) as caught:
        read(["b.yaml", "c.yaml"], "default", {})
    assert str(caught.value) == "c.yaml:3:6: calendar 'x' is defined already, at b.yaml:2:6"


def test_the_namespace_is_a_guard() -> None:
    for text in (BUNDLE, f"namespace: default\n{HOURLY}"):
        write("a.yaml", text)
        assert read(["a.yaml"], "default", {}).workflows
        with pytest.raises(DefinitionError) as caught:
            read(["a.yaml"], "prod", {})
        assert str(caught.value) == (
            "a.yaml:1:12: namespace: this is for the namespace 'default', and 'prod' is the one in the settings"
        )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("workflows: {a: {jobs: {x: {task: t}}, name: a}}", "a.yaml:1:39: workflows.a.name: there is no such field: its key names the workflow"),
        ("workflows:\n  a: {jobs: {x: {after: [y]}}}", "a.yaml:2:17: workflows.a.jobs.x.task: is required"),
        ("workflows:\n  a: {jobs: {x: {task: t, tymeout: 3}}}", "a.yaml:2:27: workflows.a.jobs.x.tymeout: there is no such field (did you mean 'timeout'?)"),
        ("workflows: {'a b': {jobs: {x: {task: t}}}}", "a.yaml:1:20: workflows.a b: 'a b' is not a good name: use letters, digits, '_', '.' and '-', not '.' or '-' first, at most 200 characters"),
        ("workflows: {a: 3}", "a.yaml:1:16: workflows.a: a workflow is a mapping with jobs, not a number"),
        ("workflows: [a]", "a.yaml:1:12: workflows: should be a mapping from names to workflows, not a list"),
        ("workflow: {}\ncalendars: {}", "a.yaml:1:1: workflow: there is no such field (did you mean 'workflows'?)"),
        ("pools: {db: {slots: 3}}", "a.yaml:1:8: pools: there are no pools yet: leave this section out"),
        ("calendars: {a: mon-fri}", "a.yaml:1:16: calendars.a: a calendar is a mapping such as {weekdays: mon-fri}, not a str"),
        ("calendars: {a: {weekday: mon}}", "a.yaml:1:17: calendars.a.weekday: there is no such field (did you mean 'weekdays'?)"),
        ("calendars: {a: {weekdays: mon-fri, without: [{holidays: FR}, {dates: ['2027-13-01']}]}}", "a.yaml:1:71: calendars.a.without[1].dates[0]: '2027-13-01' is no date such as 2027-12-24, or 12-24 for every year"),
        ("calendars: {a: {weekdays: mon-fri, without: [{any_of: [{holidays: XX}]}]}}", "a.yaml:1:56: calendars.a.without[0].any_of[0]: no holidays are known of 'XX' (name a country as in FR or DE-BY, or a market as in XNYS)"),
        ("calendars: {a: {}}", "a.yaml:1:16: calendars.a: it must have exactly one of weekdays, holidays, dates, calendar, any_of, all_of"),
        ("calendars: {a: {weekdays: someday}}", "a.yaml:1:27: calendars.a.weekdays: 'someday' is no weekday such as mon or mon-fri"),
        ("name: a\njobs: {x: {task: t}}\nschedules: {s: '0 2 30 2 *'}", None),
        ("name: a\njobs: {x: {task: t}}\ntriggers: {h: {webhook: {secret: hunter22}}}", "a.yaml:3:34: triggers.h.webhook.secret: a secret is named, not written out (give env:NAME or file:/path)"),
        ("calendars:\n\ta: {weekdays: mon}", "a.yaml:2:1: a tab cannot indent (use spaces)"),
        ("calendars: {a: {weekdays: mon}, a: {weekdays: tue}}", "a.yaml:1:33: the key 'a' is here twice"),
        ("calendars: &c {a: {weekdays: mon}}\nworkflows: {<<: *c}", "a.yaml:1:12: workflows.<<: '<<' is not a good name: use letters, digits, '_', '.' and '-', not '.' or '-' first, at most 200 characters"),
        ("calendars: !!python/object:os.system {}", "a.yaml:1:12: the tag !!python/object:os.system is not allowed (write plain data)"),
        ("calendars: {a: {weekdays: mon}", "a.yaml:2:1: not YAML: did not find expected ',' or '}'"),
        ("", "a.yaml: the document is empty"),
        ("[]", "a.yaml:1:1: a workflow is a mapping with name and jobs, not a list"),
        ('{"calendars": {"a": {"weekdays": "mon", "weekdays": "tue"}}}', "a.yaml:1:41: the key 'weekdays' is here twice"),
        ("calendars: {a: {weekdays: mon}}\n---\nworkflows: {b: {jobs: }}", "a.yaml:3:23: workflows.b.jobs: should be a mapping from names to jobs, not nothing"),
    ],
)  # fmt: skip
def test_one_mistake_is_one_line_with_its_place(text: str, message: str | None) -> None:
    write("a.yaml", text)
    with pytest.raises(DefinitionError) as caught:
        read(["a.yaml"], "default", {})
    if message is not None:
        assert str(caught.value) == message
    assert str(caught.value).count("\n") == 0


def test_all_mistakes_of_all_files_are_told_at_once() -> None:
    write("a.yaml", "workflows: {a: 3, b: 4}")
    write("b.yaml", "calendars: [")
    with pytest.raises(DefinitionError) as caught:
        read(["a.yaml", "b.yaml"], "default", {})
    lines = str(caught.value).split("\n")
    assert lines[0] == "3 things are wrong:"
    assert [line.strip().split(" ")[0] for line in lines[1:]] == ["a.yaml:1:16:", "a.yaml:1:22:", "b.yaml:2:1:"]


def test_a_path_with_nothing_there_is_told() -> None:
    with pytest.raises(NotFound, match=r"nowhere: there is no such file or folder"):
        read(["nowhere"], "default", {})
    Path("empty").mkdir()
    with pytest.raises(NotFound, match=r"empty: there is no file of .yaml, .yml, .json in this folder"):
        read(["empty"], "default", {})
    Path("bytes.yaml").write_bytes(b"name: \xff")
    with pytest.raises(DefinitionError, match=r"bytes.yaml, byte 6: it is not UTF-8"):
        read(["bytes.yaml"], "default", {})


BOMB = "\n".join(
    ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]", *(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10))]
)


@pytest.mark.parametrize(
    "text",
    [
        f"calendars: {{}}\n{BOMB}",
        f"calendars: {{}}\nworkflows: {'[' * 5000}",
        f"calendars: {{}}\nworkflows: {'[' * 500}{']' * 500}",
        '{"workflows": ' + '{"a":' * 500 + "1" + "}" * 501,
        '{"workflows": ' + "[" * 200_000 + "]" * 200_000 + "}",
        "workflows: " + "9" * 100_000,
        "calendars: {a: &a {without: [*a]}}",
    ],
    ids=["bomb", "open", "deep", "deep-json", "deeper-json", "number", "circle"],
)
def test_what_would_take_for_ever_is_one_error_and_soon(text: str) -> None:
    write("a.yaml", text)
    started = time.monotonic()
    with pytest.raises(DefinitionError) as caught:
        read(["a.yaml"], "default", {})
    assert str(caught.value).startswith("a.yaml")
    assert str(caught.value).count("\n") == 0
    assert len(str(caught.value)) < 300
    assert time.monotonic() - started < 5


@pytest.mark.slow
def test_a_file_of_10_mb_is_read_or_refused_within_seconds() -> None:
    jobs = "".join(
        f"      job-{n}: {{task: shop.load, kwargs: {{table: table-{n}, rows: {n}}}}}\n" for n in range(150_000)
    )
    write("a.yaml", f"workflows:\n  big:\n    jobs:\n{jobs}")
    assert Path("a.yaml").stat().st_size > 10_000_000
    started = time.monotonic()
    assert len(read(["a.yaml"], "default", {}).workflows["big"].jobs) == 150_000
    assert time.monotonic() - started < 90
    write("a.yaml", "x" * (33 << 20))
    with pytest.raises(OrchestratorError, match=r"a.yaml: it has 34,603,008 bytes, more than 33,554,432"):
        read(["a.yaml"], "default", {})


def test_names_that_are_no_text_are_files_like_others() -> None:
    os.makedirs(b"d/\xe9")
    for place, text in ((b"d/caf\xe9.yaml", HOURLY), (b"d/\xe9/b.yaml", HOURLY.replace("jobs", "jobz", 1))):
        Path(os.fsdecode(place)).write_text(text)
    assert list(read([os.fsdecode(b"d/caf\xe9.yaml")], "default", {}).workflows) == ["hourly"]
    with pytest.raises(DefinitionError, match=r"b\.yaml:1:1: jobs: is required"):
        read(["d"], "default", {})
    revision = Revision(1, 0, Note(os.fsdecode(b"\xe9"), "why", os.fsdecode(b"r\xe9v")), "1.0", 0, Definitions())
    assert unpack(1, revision.pack()).note == Note("?", "why", "r?v")


def test_what_python_defines_stands_beside_files() -> None:
    written = Written()
    workflow = read([write("a.yaml", HOURLY)], "default", {}).workflows["hourly"]
    written.add_workflow(workflow, lambda: "shop:hourly")
    assert written.where("schedule", "hourly/each") == "shop:hourly"
    with pytest.raises(DefinitionError, match=r"again: workflow 'hourly' is defined already, at shop:hourly"):
        written.add_workflow(workflow, lambda: "again")
