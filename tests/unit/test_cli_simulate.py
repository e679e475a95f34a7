"""`orchestrator schedules simulate`: pure, one line a planned time, and one line for what it cannot use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli import errors
from orchestrator.cli.main import orchestrator
from orchestrator.scheduling import simulate

BUNDLE = """
calendars:
  work: {weekdays: mon-fri, without: [{dates: ["2027-03-29"]}]}
workflows:
  sales:
    schedules:
      nightly: {cron: "0 2 * * *", tz: Europe/Paris, overlap: queue_one}
      hourly: {cron: "@hourly", overlap: skip, misfire: skip, enabled: "${on}"}
      office: {cron: "30 9 * * *", days: work}
    jobs: {report: {task: orchestrator.noop}}
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "workflows.yaml").write_text(BUNDLE)
    return str(tmp_path / "workflows.yaml")


def call(file: str, *arguments: str) -> int:
    given = ["schedules", "simulate", file, "--set", "on=true", *arguments]
    return errors.run(lambda: orchestrator.main(given, standalone_mode=False))


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert call(*arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_a_night_without_schedulers(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    days = ("--from", "2027-03-27", "--to", "2027-03-31", "--duration", "90m")
    found = told(capsys, file, *days, "--outage", "2027-03-28T00:30/2027-03-28T09:40+00:00")
    assert found["schedules"] == [
        {"schedule": "sales/nightly", "runs": 4, "missed": 0, "skipped": 0, "waiting": 0, "longest_queue": 0},
        {"schedule": "sales/hourly", "runs": 44, "missed": 9, "skipped": 43, "waiting": 0, "longest_queue": 0},
        {"schedule": "sales/office", "runs": 1, "missed": 0, "skipped": 0, "waiting": 0, "longest_queue": 0},
    ]
    assert [each for each in found["entries"] if each["what"] == "missed"] == [{
        "schedule": "sales/hourly", "planned": "2027-03-28T09:00:00.000000+00:00", "what": "missed", "started": None,
        "ended": None, "state": None, "count": 9, "first": "2027-03-28T01:00:00.000000+00:00",
    }]  # fmt: skip
    assert {
        "schedule": "sales/nightly", "planned": "2027-03-28T01:00:00.000000+00:00", "what": "run",
        "started": "2027-03-28T09:40:00.000000+00:00", "ended": "2027-03-28T11:10:00.000000+00:00",
        "state": "succeeded", "count": 1, "first": None,
    } in found["entries"]  # fmt: skip


def test_a_line_each_and_a_summary(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(file, "--from", "2027-03-28T00:00+01:00", "--to", "2027-03-28T09:00Z", "--duration", "10h") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Sat 2027-03-27 23:00:00 +00:00  run      sales/hourly"
    assert "Sun 2027-03-28 03:00:00 +02:00  run      sales/nightly" in lines
    assert lines[-2].split() == ["sales/hourly", "1", "0", "9", "0", "0"]


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("--from", "2027-03-28", "--to", "2027-03-28"), "2027-03-28 is not after 2027-03-28"),
        (("--from", "soon", "--to", "2027-03-28"), "'soon' is no date"),
        (("--from", "2027-03-28", "--to", "2027-04-28", "--outage", "2027-03-30"), "is not two moments"),
        (("--from", "2027-03-28", "--to", "2027-04-28", "--outage", "2027-03-30/2027-03-29"), "is not after"),
        (("--from", "2027-03-28", "--to", "2027-04-28", "--duration", "long"), "as a length of time"),
        (("--from", "2027-03-28", "--to", "2027-04-28", "--set", "on=1"), "enabled"),
        (("--from", "2027-03-28"), "--to"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    file: str, arguments: tuple[str, ...], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(file, *arguments, "--json") == 2
    found = capsys.readouterr()
    assert found.out == ""
    assert what in found.err
    assert found.err.count("\n") == 1


def test_a_stretch_that_is_too_long(
    file: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulate, "MOST", 100)
    assert call(file, "--from", "2027-01-01", "--to", "2028-01-01") == 2
    assert "over 100 planned times fall into this stretch (make it shorter)" in capsys.readouterr().err
