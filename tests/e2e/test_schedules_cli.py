"""Schedules, triggers and calendars on the command line: real processes, a real Redis, a real scheduler."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from support.hooks import SECRET, signed
from support.shell import Shell
from support.waiting import wait_until

pytestmark = pytest.mark.timeout(240)  # many processes are started, on machines of any speed
WORKFLOW = """
name: sales
params: {type: object, properties: {day: {type: string}, copies: {type: integer, default: 1}}, required: [day]}
jobs:
  report: {task: orchestrator.noop}
"""
AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")


def in_namespace(folder: Path, url: str, namespace: str) -> Shell:
    """Return a shell in a namespace of a Redis, which knows the secret of a webhook as `S`."""
    return Shell(folder, ORCHESTRATOR_REDIS_URL=url, ORCHESTRATOR_NAMESPACE=namespace, S=SECRET)


@pytest.fixture
def shell(tmp_path: Path, redis_url: str, ns: str) -> Shell:
    """A shell whose namespace knows the workflow `sales`."""
    made = in_namespace(tmp_path, redis_url, ns)
    (tmp_path / "sales.yaml").write_text(WORKFLOW)
    made("submit", "sales.yaml", "-p", "day=first")
    return made


@pytest.fixture
def start(shell: Shell) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start processes of the engine; they are stopped at the end."""
    started = []

    def begin(*args: str) -> subprocess.Popen[str]:
        started.append(shell.start(*args))
        return started[-1]

    yield begin
    for process in started:
        process.terminate()
        process.communicate(timeout=20)


def test_a_schedule_is_tried_made_changed_and_deleted(shell: Shell) -> None:
    cron = ("--cron", "0 2 * * mon-fri", "--tz", "Europe/Paris", "-p", "day=mon")
    tried = shell.json("schedules", "set", "sales/nightly", *cron, "--dry-run")
    assert tried["description"] == "at 02:00 on Monday to Friday (Europe/Paris)"
    assert len(tried["coming"]) == 5
    assert shell.json("schedules", "list") == []

    made = shell.json("schedules", "set", "sales/nightly", *cron)
    assert made["coming"] == tried["coming"]
    assert made["definition"] == {"cron": "0 2 * * mon-fri", "tz": "Europe/Paris", "params": {"day": "mon"}}
    changed = shell.json("schedules", "set", "sales/nightly", "-p", "copies=3", "--overlap", "skip")
    assert changed["definition"]["params"] == {"day": "mon", "copies": 3}
    assert changed["definition"]["cron"] == "0 2 * * mon-fri", "what is not named stays"
    back = shell.json("schedules", "set", "sales/nightly", "--unset", "overlap", "--every", "2h")
    assert back["definition"] == {"every": "2h", "params": {"day": "mon", "copies": 3}, **_tz(back)}
    assert AT.fullmatch(back["next"])
    (listed,) = shell.json("schedules", "list")
    assert listed["id"] == "sales/nightly"
    assert shell.json("schedules", "show", "sales/nightly")["past"] == []
    for args in (("list",), ("show", "sales/nightly"), ("next",)):
        assert re.search(r"\bin \d+[hms]", shell("schedules", *args).stdout)  # it is counted from 1970, not from now
    assert shell("schedules", "delete", "sales/nightly").stdout == "sales/nightly deleted\n"
    assert shell.json("schedules", "list") == []


def _tz(info: dict[str, Any]) -> dict[str, str]:
    return {"tz": info["definition"]["tz"]} if "tz" in info["definition"] else {}


REFUSED = [
    (["sales/x", "--cron", "0 0 30 2 *", "-p", "day=a"], "never matches"),
    (["sales/x", "--cron", "0 2 * * *", "--tz", "Mars/Olympus", "-p", "day=a"], "no time zone 'Mars/Olympus'"),
    (["sales/x", "--cron", "0 2 * * *", "--days", "nowhere", "-p", "day=a"], "no calendar 'nowhere'"),
    (["sales/x", "--every", "1h", "-p", "day=a", "--start", "2028-01-02", "--end", "2028-01-01"], "not after"),
    (["sales/x", "--at", "2020-01-01T00:00", "-p", "day=a"], "never run"),
    (["sales/x", "--every", "1h"], "params.day: is missing"),
    (["sales/x", "--every", "1h", "-p", "day=a", "-p", "copies=lots"], "copies"),
    (["nobody/x", "--every", "1h"], "no workflow 'nobody'"),
    (["sales/x"], "name what to set"),
    (["sales/x", "--every", "1h", "--file", "f.yaml"], "--file is the whole definition"),
    (["sales/x", "--file", "f.yaml"], "f.yaml"),
    (["sales/x y", "--every", "1h", "-p", "day=a"], "x y"),
]


def test_a_schedule_that_cannot_be_is_refused_in_one_line(shell: Shell, redis_client: redis.Redis, ns: str) -> None:
    before = redis_client.hgetall(f"o:{{{ns}}}:meta")
    for args, what in REFUSED:
        assert what in shell.refused("schedules", "set", *args)
    assert redis_client.hgetall(f"o:{{{ns}}}:meta") == before
    assert shell.json("schedules", "list") == []


def test_looking_ahead_at_what_is_not_there_is_refused(shell: Shell) -> None:
    assert shell("schedules", "next", "sales").stdout == "nothing is planned\n"
    assert "no workflow 'NOPE'" in shell.refused("schedules", "next", "NOPE")
    assert "no schedule 'sales/nope'" in shell.refused("schedules", "next", "sales/nope")


def test_a_file_is_refused_by_line_and_column(shell: Shell) -> None:
    (shell.folder / "s.yaml").write_text("cron: 0 2 * * *\noverlapp: skip\n")
    assert "s.yaml:2:1: overlapp: there is no such field" in shell.refused(
        "schedules", "set", "sales/x", "--file", "s.yaml"
    )
    made = shell.json("schedules", "set", "sales", "--file", "-", stdin="{every: 1h, params: {day: mon}}")
    assert made["id"] == "sales/default"


def test_runs_start_by_themselves_until_it_is_paused(shell: Shell, start: Callable[..., Any]) -> None:
    start("scheduler")
    shell("schedules", "set", "sales/often", "--every", "1s", "-p", "day=mon")
    wait_until(lambda: len(_made(shell)) >= 3, 20, "three runs")
    shell("schedules", "set", "sales/often", "-p", "day=tue")
    paused = shell.json("schedules", "pause", "sales/often")
    assert (paused["state"], paused["next"]) == ("paused", None)
    times = [entry["time"] for entry in _made(shell)]
    assert len(set(times)) == len(times)
    gone = [datetime.fromisoformat(b) - datetime.fromisoformat(a) for a, b in pairwise(times)]
    assert set(gone) == {timedelta(seconds=1)}, "each second once"
    resumed = shell.json("schedules", "resume", "sales/often", "--catch-up")
    assert resumed["state"] == "active"
    wait_until(lambda: len(_made(shell)) > len(times), 20, "another run")


def _made(shell: Shell) -> list[dict[str, Any]]:
    return [each for each in shell.json("schedules", "show", "sales/often")["past"] if each["what"] == "run"]


def test_a_schedule_that_is_blocked_says_by_what_and_how_to_go_on(shell: Shell, start: Callable[..., Any]) -> None:
    shell("schedules", "set", "sales/often", "--every", "2s", "--depends-on-past", "-p", "day=mon")
    start("scheduler")
    run = wait_until(lambda: _made(shell), 20, "a run")[0]["run"]
    assert not shell.json("schedules", "show", "sales/often")["blocked"]
    shell("runs", "cancel", run)
    wait_until(lambda: shell.json("schedules", "show", "sales/often")["blocked"], 20, "its end")
    shown = shell("schedules", "show", "sales/often").stdout.splitlines()
    (why,) = [line for line in shown if line.startswith("blocked: ")]
    assert f"{run} of " in why
    assert why.endswith("did not succeed (cancelled)")
    (remedy,) = [line for line in shown if line.startswith("run it again: orchestrator ")]
    assert shell.json(*remedy.partition("orchestrator ")[2].split())["count"] == 1
    start("worker")
    wait_until(lambda: not shell.json("schedules", "show", "sales/often")["blocked"], 40, "its success")


def test_a_run_is_started_by_hand(shell: Shell) -> None:
    shell("schedules", "set", "sales/nightly", "--cron", "0 2 * * *", "-p", "day=mon")
    run = shell.json("schedules", "trigger", "sales/nightly", "-p", "copies=2")
    assert (run["workflow"], run["state"]) == ("sales", "queued")
    assert "copies" in shell.refused("schedules", "trigger", "sales/nightly", "-p", "copies=many")


def test_a_backfill_is_tried_made_followed_and_cancelled(shell: Shell, start: Callable[..., Any]) -> None:
    shell("schedules", "set", "sales/nightly", "--cron", "0 2 * * *", "--tz", "Europe/Paris", "-p", "day=mon")
    today = datetime.now(UTC).date()
    span = ["sales/nightly", "--from", f"{today - timedelta(days=9)}", "--to", f"{today - timedelta(days=1)}"]
    tried = shell("schedules", "backfill", *span, "--dry-run")
    assert len(tried.stdout.splitlines()) == 8
    assert "nothing is stored" in tried.stderr
    assert shell.json("schedules", "backfills") == []
    start("scheduler")
    made = shell.json("schedules", "backfill", *span, "--parallel", "2", "--order", "newest", "--only", "missing")
    assert (made["count"], made["priority"], len(made["planned"])) == (8, "low", 8)
    assert made["planned"] == sorted(made["planned"], reverse=True)
    wait_until(lambda: shell.json("schedules", "backfills")[0]["running"] == 2, 20, "two runs at a time")
    stopped = shell.json("schedules", "cancel-backfill", made["id"])
    assert (stopped["running"], stopped["waiting"], stopped["cancelled"]) == (2, 0, 6)
    assert "2/8" not in shell("schedules", "backfills", "sales/nightly").stdout
    assert "not after the start" in shell.refused(
        "schedules", "backfill", "sales/nightly", "--from", "2026-02-02", "--to", "2026-02-01"
    )
    assert "no backfill" in shell.refused("schedules", "cancel-backfill", "sales/nightly~9")


def test_calendars(shell: Shell) -> None:
    (shell.folder / "work.yaml").write_text("weekdays: mon-fri\nwithout: [{dates: [12-24]}]\n")
    assert shell.json("calendars", "set", "work", "work.yaml")["name"] == "work"
    days = shell.json("calendars", "days", "work", "--year", "2027")
    assert len(days) == 260
    assert "2027-12-24" not in days
    shell("schedules", "set", "sales/x", "--cron", "0 2 * * *", "--days", "work", "-p", "day=a")
    assert "is used by schedule sales/x" in shell.refused("calendars", "delete", "work")
    moved = shell("calendars", "set", "work", "-", stdin="weekdays: sun")
    assert moved.stdout == "work is set; planned anew: sales/x\n"
    next_ = datetime.fromisoformat(shell.json("schedules", "show", "sales/x")["next"])
    assert next_.strftime("%a %H:%M") == "Sun 02:00"
    assert "2:1: withot" in shell.refused("calendars", "set", "work", "-", stdin="weekdays: mon\nwithot: []")
    shell("schedules", "delete", "sales/x")
    assert shell("calendars", "delete", "work").stdout == "work deleted\n"
    assert shell.json("calendars", "list") == []


def test_an_event_is_emitted_once_and_kept_with_its_run(shell: Shell, start: Callable[..., Any]) -> None:
    trigger = "event: order.*\nwhen: event.payload.total > 100\nparams: {day: {$expr: event.payload.day}}\n"
    shell("triggers", "set", "sales/paid", "-", stdin=trigger)
    start("scheduler")
    args = ("emit", "order.paid", "--payload", '{"total": 200, "day": "mon"}', "--id", "7")
    sent = shell.json(*args)
    assert shell.json(*args) == {"id": sent["id"], "duplicate": True}
    shown = wait_until(lambda: shell.json("events", "show", sent["id"]), 20)
    wait_until(lambda: shell.json("events", "show", sent["id"])["runs"], 20, "its run")
    shown = shell.json("events", "show", sent["id"])
    assert shown["payload"] == {"total": 200, "day": "mon"}
    assert shell.json("runs", "show", shown["runs"][0])["workflow"] == "sales"
    assert "sales/paid" in shell("events", "show", sent["id"]).stdout
    assert [each["id"] for each in shell.json("events", "list", "--name", "order.paid")] == [sent["id"]]
    assert "day" in shell.refused("emit", "order.paid", "--payload", '{"total": 200, "day": 7}')
    assert "no key total" in shell.refused("emit", "order.paid", "--payload", "{}")
    assert "not JSON" in shell.refused("emit", "order.paid", "--payload", "{")
    assert len(shell.json("events", "list")) == 1
    assert shell.json("triggers", "pause", "sales/paid")["state"] == "paused"
    assert shell.json("triggers", "resume", "sales/paid")["state"] == "active"
    assert [each["id"] for each in shell.json("triggers", "list")] == ["sales/paid"]
    shell("triggers", "delete", "sales/paid")
    assert "no trigger" in shell.refused("triggers", "show", "sales/paid")


def test_a_signed_message_starts_a_run(shell: Shell, start: Callable[..., Any]) -> None:
    hook = "webhook: {secret: 'env:S'}\nparams: {day: {$expr: event.payload.day}}\n"
    path = shell.json("triggers", "set", "sales/hook", "-", stdin=hook)["hook"]
    start("scheduler")
    web = start("web", "--port", "0", "--host", "127.0.0.1", "--json")
    assert web.stdout is not None
    port = json.loads(web.stdout.readline())["port"]
    body = b'{"day": "mon"}'
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as http:
        first = http.post(path, content=body, headers=signed(body))
        assert (first.status_code, first.json()["status"]) == (202, "accepted")
        assert http.post(path, content=b'{"day": 3}', headers=signed(b'{"day": 3}', delivery="m2")).status_code == 422
    (kept,) = shell.json("events", "list")
    wait_until(lambda: shell.json("events", "show", kept["id"])["runs"], 20, "its run")


def test_the_server_is_not_needed_to_be_told_what_is_wrong(tmp_path: Path) -> None:
    shell = in_namespace(tmp_path, "redis://127.0.0.1:1/0", "x")
    assert "no date" in shell.refused("schedules", "backfill", "a/b", "--from", "soon", "--to", "2027-01-01")
    assert "does not answer" in shell.refused("schedules", "list")
