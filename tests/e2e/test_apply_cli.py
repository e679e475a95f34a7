"""Definitions as files by the command line, with a real Redis: plan, apply, drift, rollback, prune."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from orchestrator import Client, Workflow
from orchestrator.settings import Settings
from orchestrator.starters.schedule import Schedule
from orchestrator.timing.cron import Cron
from support.shell import Shell

FILES = {
    "defs/calendars.yaml": "calendars:\n  office: {weekdays: mon-fri}\n",
    "defs/shop/nightly.yaml": """\
name: nightly
params: {type: object, properties: {region: {type: string}}}
jobs:
  extract: {task: orchestrator.noop, kwargs: {bucket: "data-${region}"}, retry: 3}
  load: {task: orchestrator.noop, after: [extract]}
schedules:
  night: {cron: "0 2 * * *", days: office, params: {region: "${region}"}}
  off: {cron: "@hourly", enabled: false}
""",
    "prod.yaml": "region: eu\n",
}


class Workflows(Shell):
    """Runs `orchestrator workflows …` in a namespace of a real Redis, for ann."""

    def __init__(self, folder: Path, url: str, namespace: str) -> None:
        super().__init__(folder, ORCHESTRATOR_REDIS_URL=url, ORCHESTRATOR_NAMESPACE=namespace, USER="ann")
        self.client = Client(Settings(redis_url=url, namespace=namespace))
        for name, text in FILES.items():
            self.write(name, text)

    def __call__(self, *args: str, code: int = 0, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return super().__call__("workflows", *args, code=code, stdin=stdin)

    def shape(self, *args: str) -> Any:
        return super().shape("workflows", *args)

    def changes(self, *args: str) -> list[str]:
        return [f"{each['action']} {each['kind']} {each['name']}" for each in self.json(*args)["changes"]]


@pytest.fixture
def shell(tmp_path: Path, redis_url: str, ns: str) -> Any:
    made = Workflows(tmp_path, redis_url, ns)
    yield made
    made.client.close()


ALL = ("defs", "--values", "prod.yaml")


def test_plan_apply_and_drift(shell: Workflows) -> None:
    # plan changes nothing
    created = [
        "create calendar office", "create workflow nightly", "create schedule nightly/night",
        "create schedule nightly/off",
    ]  # fmt: skip
    for _ in range(2):
        assert shell.changes("plan", *ALL) == created
        assert shell.changes("apply", *ALL, "--dry-run") == created
    text = shell("plan", *ALL).stdout
    assert '+ schedule nightly/night\n    cron    "0 2 * * *"\n    params  {"region": "eu"}\n' in text
    assert text.endswith("4 to create\n")
    shell("plan", *ALL, "--exit-code", code=1)
    assert shell.client.workflows.names() == []

    # nobody is asked where nobody is
    assert "give --yes" in shell("apply", *ALL, code=2).stderr
    assert shell.client.workflows.names() == []

    # apply, and again
    applied = shell.json("apply", *ALL, "--yes", "--reason", "first", "--revision", "abc123")
    assert (applied["applied"], applied["revision"]) == (1, None)
    assert shell("plan", *ALL, "--exit-code").stdout == "no changes\n"
    assert shell.json("apply", *ALL, "--yes")["applied"] is None
    night = shell.client.schedules.get("nightly/night")

    # somebody edits
    assert shell("diff", "--exit-code").stdout == "no changes\n"
    shell.client.schedules.put("nightly", Schedule(Cron("0 5 * * *"), name="night"))
    theirs = Workflow("theirs")
    theirs.job("a", {"task": "orchestrator.noop"})
    shell.client.workflows.register(theirs)
    drift = shell.json("diff")
    assert drift["revision"] == 1
    assert drift["changes"] == [
        {
            "kind": "schedule", "name": "nightly/night", "action": "change",
            "fields": {
                "cron": {"old": "0 2 * * *", "new": "0 5 * * *"}, "params": {"old": {"region": "eu"}, "new": None},
                "days": {"old": "office", "new": None},
            },
        }
    ]  # fmt: skip
    assert drift["besides"] == [{"kind": "workflow", "name": "theirs"}]
    assert shell("diff", "--exit-code", code=1).stdout.endswith("1 changed\n")

    # apply sets it back
    assert shell.json("apply", *ALL, "--yes", "--author", "bob")["applied"] == 2
    assert shell.client.schedules.get("nightly/night").next_ms == night.next_ms


def test_prune_and_rollback(shell: Workflows) -> None:
    shell("apply", *ALL, "--yes", "--reason", "first", "--revision", "abc123")
    night = shell.client.schedules.get("nightly/night")
    theirs = Workflow("theirs")
    theirs.job("a", {"task": "orchestrator.noop"})
    shell.client.workflows.register(theirs)

    # another version of the files, with prune
    shell.write("defs/shop/nightly.yaml", FILES["defs/shop/nightly.yaml"].replace("retry: 3", "retry: 5"))
    shell.write("defs/calendars.yaml", "workflows: {more: {jobs: {a: {task: orchestrator.noop}}}}\n")
    assert "calendar 'office'" in shell("plan", *ALL, "--prune", code=2).stderr
    text = (shell.folder / "defs/shop/nightly.yaml").read_text().replace("days: office, ", "")
    shell.write("defs/shop/nightly.yaml", text)
    plan = shell("plan", *ALL).stdout
    assert "~ workflow nightly  (version 1 → new)\n    jobs.extract.retry  3 → 5\n" in plan
    assert "not in these files, and kept without --prune: calendar office, workflow theirs\n" in plan
    assert shell.json("apply", *ALL, "--yes", "--prune", "--author", "bob")["applied"] == 2
    assert shell.client.workflows.names() == ["more", "nightly"]
    assert shell.client.calendars.list() == []

    # and back
    assert shell.changes("rollback", "1", "--dry-run") == [
        "create calendar office", "delete workflow more", "change workflow nightly", "change schedule nightly/night",
    ]  # fmt: skip
    shell("rollback", "1", code=2)
    assert shell.json("rollback", "1", "--yes", "--reason", "oh")["applied"] == 3
    assert shell.client.workflows.get("nightly").latest == 1
    assert shell.client.schedules.get("nightly/night").next_ms == night.next_ms
    kept = shell.json("revisions")
    assert [(each["revision"], each["author"], each["back_to"], each["reason"]) for each in kept] == [
        (3, "ann", 1, "oh"), (2, "bob", None, ""), (1, "ann", None, "first"),
    ]  # fmt: skip
    assert kept[-1]["source"] == "abc123"
    assert "REVISION" in shell("revisions").stdout
    assert "there is no revision 9" in shell("rollback", "9", code=2).stderr


def test_the_commit_of_the_files_is_kept(shell: Workflows) -> None:
    def git(*args: str) -> str:
        config = ("-c", "user.name=x", "-c", "user.email=x@x", "-c", "commit.gpgsign=false")
        command = ["git", "-C", str(shell.folder), *config, *args]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "one")
    head = git("rev-parse", "HEAD")
    shell("apply", *ALL, "--yes")
    shell.write("defs/shop/nightly.yaml", FILES["defs/shop/nightly.yaml"].replace("retry: 3", "retry: 5"))
    shell("apply", *ALL, "--yes")
    assert [each["source"] for each in shell.json("revisions")] == [f"{head}+dirty", head]


def test_bad_input_is_one_line_and_changes_nothing(shell: Workflows) -> None:
    shell.write("bad.yaml", "name: bad\njobs: {a: {task: t}}\nschedules: {s: {cron: '99 * * * *'}}\n")
    for command in ("plan", "apply", "validate"):
        error = shell(command, "bad.yaml", code=2).stderr
        assert error.startswith("error: bad.yaml:3:23: schedules.s.cron:")
        assert error.count("\n") == 1
    assert "defs/shop/nightly.yaml:4:" in shell("apply", "defs", "--yes", code=2).stderr  # no value
    assert "there is no such file or folder" in shell("apply", "nothing.yaml", "--yes", code=2).stderr
    shell.write("values.yaml", "db: {password: hunter22}")
    secret = shell("plan", "defs", "--values", "values.yaml", code=2).stderr
    assert secret.startswith("error: values.yaml:1:16: db.password: a secret is written out here")
    assert "hunter22" not in secret
    assert shell.client.workflows.names() == []


def test_validate_needs_no_server(shell: Workflows) -> None:
    shell.env["ORCHESTRATOR_REDIS_URL"] = "redis://127.0.0.1:1/0"
    done = shell("validate", *ALL)
    assert (
        done.stdout
        == "defs/calendars.yaml: ok: calendars office\ndefs/shop/nightly.yaml: ok: nightly, 2 jobs, 2 schedules\n"
    )
    results = shell.json("validate", *ALL)
    assert [result.get("workflow") for result in results] == [None, "nightly"]
    assert results[1]["schedules"] == ["night", "off"]
    alone = shell("validate", "defs/shop/nightly.yaml", "--set", "region=eu")
    assert alone.stderr == "note: schedule nightly/night: there is no calendar 'office' in these files\n"
    shell.write(
        "workflows.py", "from orchestrator import Workflow\nmine = Workflow('mine')\nmine.job('a', {'task': 't'})\n"
    )
    assert shell("validate", "workflows:mine").stdout == "workflows:mine: ok: mine, 1 jobs\n"


def test_workflows_in_python_are_applied_with_files(shell: Workflows) -> None:
    shell.write(
        "workflows.py", "from orchestrator import Workflow\nmine = Workflow('mine')\nmine.job('a', {'task': 't'})\n"
    )
    shell("apply", *ALL, "workflows:mine", "--yes")
    assert shell.client.workflows.names() == ["mine", "nightly"]
