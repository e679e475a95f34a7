"""Values that are put into documents, and what must not be written out in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.definitions.files import read
from orchestrator.definitions.secrecy import masked
from orchestrator.definitions.values import fill, read_values
from orchestrator.model.complaints import Complaint
from orchestrator.model.errors import DefinitionError

VALUES: dict[str, Any] = {
    "name": "eu", "on": True, "n": 3, "half": 0.5, "none": None, "list": [1, {"a": "${name}"}], "load": {"timeout": 600}
}  # fmt: skip


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("given", "filled"),
    [
        ("${name}", "eu"),
        ("a-${name}-${n}", "a-eu-3"),
        ("${n}", 3),
        ("${on}", True),
        ("is ${on}, ${half}", "is true, 0.5"),
        ("${none}", None),
        ("${list}", [1, {"a": "${name}"}]),  # a value is not looked into
        ("${load.timeout}", 600),
        ("${load}", {"timeout": 600}),
        ("$${name} $${ $$${name}", "${name} ${ $${name}"),
        ("$name {name} $ ${name}", "$name {name} $ eu"),
        ({"$param": ["name"], "$expr": "event.x"}, {"$param": ["name"], "$expr": "event.x"}),
        ({"a": ["${name}", {"b": "${n}"}], "${name}": 1}, {"a": ["eu", {"b": 3}], "${name}": 1}),
        (7, 7),
    ],
)
def test_values_stand_in_for_their_names(given: Any, filled: Any) -> None:
    complaints: list[Complaint] = []
    assert fill(given, VALUES, complaints) == filled
    assert not complaints


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ("${nam}", "there is no value 'nam' (did you mean 'name'?); write $${ where ${ itself is meant"),
        ("a ${load.tymeout}", "there is no value 'load.tymeout' (did you mean 'load.timeout'?); write $${ where"),
        ("${name.x}", "there is no value 'name.x'"),
        ("${A:-b}", "'${A:-b}' names no value; write $${ where ${ itself is meant"),
        ("${__import__('os').system('x')}", "names no value"),
        ("${name", "'${' names no value"),
        ("${}", "'${}' names no value"),
        ("a ${load}", "load is a mapping, which cannot stand inside a text"),
        ("a ${list}", "list is a list, which cannot stand inside a text"),
        ("a ${none}", "none is nothing, which cannot stand inside a text"),
    ],
)
def test_what_names_no_value_is_told(given: str, what: str) -> None:
    complaints: list[Complaint] = []
    fill({"a": [given]}, VALUES, complaints)
    (complaint,) = complaints
    assert what in complaint.what
    assert complaint.path == ("a", 0)


def test_an_unknown_value_is_told_with_its_place() -> None:
    Path("a.yaml").write_text("name: a\njobs:\n  x:\n    task: t\n    route: ${rote}\n")
    with pytest.raises(DefinitionError) as caught:
        read(["a.yaml"], "default", {"route": "x"})
    assert str(caught.value).startswith("a.yaml:5:12: jobs.x.route: there is no value 'rote' (did you mean 'route'?)")


def test_later_files_win_and_settings_win_over_files() -> None:
    Path("a.yaml").write_text("region: eu\nload: {timeout: 1, retry: 2}\nhosts: [a]\n")
    Path("b.json").write_text('{"load": {"timeout": 5}, "hosts": ["b"]}')
    settings = ["region=us", "load.route=x", "n=7", "on=true", "cron=0 2 * * *", 'text="7"', "empty="]
    assert read_values(["a.yaml", "b.json"], settings) == {
        "region": "us", "load": {"timeout": 5, "retry": 2, "route": "x"}, "hosts": ["b"], "n": 7, "on": True,
        "cron": "0 2 * * *", "text": "7", "empty": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("- a", "v.yaml: values are a mapping from names, not a list"),
        ("a: 1\n---\nb: 2", "v.yaml: a values file holds one document"),
        ("a: 1\na: 2", "v.yaml:2:1: the key 'a' is here twice"),
        ("a: !!python/name:os.system x", "v.yaml:1:4: the tag"),
    ],
)
def test_a_wrong_values_file_is_told(text: str, what: str) -> None:
    Path("v.yaml").write_text(text)
    with pytest.raises(DefinitionError) as caught:
        read_values(["v.yaml"])
    assert str(caught.value).startswith(what)


@pytest.mark.parametrize("setting", ["novalue", "=x", "a b=c", "a..b=c"])
def test_a_wrong_setting_is_told(setting: str) -> None:
    with pytest.raises(DefinitionError, match="write NAME=VALUE"):
        read_values([], [setting])


@pytest.mark.parametrize(
    "text",
    [
        "db: {password: hunter22}",
        "api_key: hunter22",
        "hook:\n  secret: hunter22",
        "tokens: {github-token: hunter22}",
        "url: redis://me:hunter22@host/0",
        "urls: [{a: ['postgres://me:hunter22@host/db']}]",
        "aws: {secret_access_key: hunter22}",
        "access_key: hunter22",
        "pwd: hunter22",
        "credentials: {user: me, code: hunter22}",
        "secret: {value: hunter22}",
        "secret: {$literal: {deep: [hunter22]}}",
        "accessToken: hunter22",
        "headers: {Authorization: Bearer hunter22}",
        "page: https://host/a?access_token=hunter22",
        "page: https://host/a?x=1&sig=hunter22",
        "dsn: Server=db;Password=hunter22;Encrypt=yes",
        "dsn: mssql+pyodbc:///?odbc_connect=DRIVER%3Dx%3BPWD%3Dhunter22",
        "pem: |\n  -----BEGIN RSA PRIVATE KEY-----\n  hunter22",
        "a: ghp_hunter22abcdef",
        "a: [x, github_pat_hunter22abcdef]",
        "a: xoxb-hunter22abcdef",
        "a: sk_live_hunter22abcdef",
    ],
)
def test_a_secret_that_is_written_out_is_refused_and_not_repeated(text: str) -> None:
    Path("v.yaml").write_text(text)
    with pytest.raises(DefinitionError) as caught:
        read_values(["v.yaml"])
    assert "a secret is written out here" in str(caught.value)
    assert str(caught.value).startswith("v.yaml:")
    assert "hunter22" not in str(caught.value)


@pytest.mark.parametrize("setting", ["db.password=hunter22", "secret.value=hunter22", "dsn=PWD=hunter22"])
def test_a_secret_setting_is_refused_and_not_repeated(setting: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        read_values([], [setting])
    assert "hunter22" not in str(caught.value)


def test_references_and_what_only_sounds_secret_are_taken() -> None:
    text = """
      secret: env:HOOK
      password: file:/run/secrets/db
      credentials: {db: "env:DB", other: {$param: password}}
      token: 7
      max_tokens: many
      partition_key: day
      url: "https://host/a@b:c?page=2&sort=key"
      query: select id from users where password = $1
      certificate: "-----BEGIN CERTIFICATE-----"
      branch: ghp_old
    """
    Path("v.yaml").write_text(text)
    assert read_values(["v.yaml"])["secret"] == "env:HOOK"


def test_a_literal_cannot_come_in_by_a_value_of_another_name() -> None:
    """The models refuse it, whatever the value was called."""
    Path("a.yaml").write_text("name: a\njobs: {x: {task: t}}\ntriggers: {h: {webhook: {secret: '${innocent}'}}}\n")
    with pytest.raises(DefinitionError, match="a secret is named, not written out") as caught:
        read(["a.yaml"], "default", {"innocent": "hunter22"})
    assert "hunter22" not in str(caught.value)
    read(["a.yaml"], "default", {"innocent": "env:HOOK"})


def test_a_large_value_cannot_be_put_in_without_end() -> None:
    Path("a.yaml").write_text("name: a\njobs: {x: {task: t, args: [" + ",".join(["'${big}'"] * 100) + "]}}\n")
    with pytest.raises(DefinitionError, match="values add more than 33,554,432 characters"):
        read(["a.yaml"], "default", {"big": ["x" * 1000] * 1000})


def test_secrets_are_masked_where_things_are_shown() -> None:
    given = {
        "url": "redis://me:hunter22@host/0", "password": "hunter22", "headers": {"api-key": "hunter22"},
        "args": ["amqp://u:hunter22@h", 3], "secret": "env:HOOK", "credentials": {"db": {"value": ["hunter22"]}},
        "asked": ["https://host/?token=hunter22", "ghp_hunter22abcdef", "Server=db;Password=hunter22"],
    }  # fmt: skip
    shown = masked(given)
    assert "hunter22" not in str(shown)
    assert shown["url"] == "redis://me:***@host/0"
    assert shown["secret"] == "env:HOOK"
    assert shown["asked"] == ["***"] * 3
    assert masked("hunter22", "db_password") == "***"
    assert masked({"password": {"$param": "secret"}}) == {"password": {"$param": "secret"}}
