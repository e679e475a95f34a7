"""`orchestrator next`: pure, exact, and one line for what it cannot use."""

from __future__ import annotations

import json

import pytest

from orchestrator.cli import errors
from orchestrator.cli.main import orchestrator


def call(*arguments: str) -> int:
    return errors.run(lambda: orchestrator.main(["next", *arguments], standalone_mode=False))


def test_json_is_a_list_of_local_times(capsys):
    args = ("--tz", "Europe/Paris", "--from", "2027-03-27T12:00:00+01:00", "--count", "2", "--json")
    assert call("0 2 * * *", *args) == 0
    assert json.loads(capsys.readouterr().out) == ["2027-03-28T03:00:00+02:00", "2027-03-29T02:00:00+02:00"]


def test_a_start_without_an_offset_is_local_time(capsys):
    assert call("0 2 * * *", "--tz", "Asia/Tokyo", "--from", "2027-01-01T01:00", "--count", "1") == 0
    told = capsys.readouterr()
    assert told.out == "2027-01-01T02:00:00+09:00\n"
    assert told.err == "Runs at 02:00 every day (Asia/Tokyo)\n"


def test_the_end_of_the_calendar_is_told(capsys):
    assert call("0 2 * * *", "--from", "9999-01-01") == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.endswith("\nthere are no more times\n")


def test_hashes_need_an_id(capsys):
    assert call("H H * * *") == 2
    assert "hash_id" in capsys.readouterr().err
    assert call("H H * * *", "--hash-id", "nightly", "--json") == 0


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("0 0 30 2 *",), "it never matches"),
        (("* * * *",), "4 fields"),
        (("* * * * *", "--tz", "Europe/Pari"), "did you mean Europe/Paris"),
        (("* * * * *", "--from", "yesterday"), "'yesterday' is no ISO 8601 time"),
        (("* * * * *", "--count", "0"), "--count"),
        ((), "EXPRESSION"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, what, capsys):
    assert call(*arguments, "--json") == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert what in told.err
    assert told.err.count("\n") == 1
