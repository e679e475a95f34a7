"""The command line as people and scripts use it: real processes, real Redis, a whole engine under `up`."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import psutil
import pytest
import redis

from orchestrator.importers.traces import read_trace
from support.needs import require
from support.redis_server import RedisServer
from support.shell import Shell
from support.waiting import wait_until

pytestmark = pytest.mark.xdist_group("cli")  # they share one engine
RUN_FIELDS = ["id", "workflow", "version", "state", "created", "started", "finished", "counts"]
JOB_FIELDS = ["name", "state", "attempt", "queued", "started", "finished", "node", "error"]
WORKFLOW = """
name: greet
params: {type: object, properties: {name: {type: string}, times: {type: integer, default: 1}}, required: [name]}
jobs:
  name: {task: orchestrator.noop, args: [{$param: name}]}
  times: {task: orchestrator.noop, args: [{$param: times}]}
  both: {task: orchestrator.noop, args: [[{$output: name}, {$output: times}]]}
"""
TRACE = {
    "name": "forkjoin",
    "source": "a test",
    "licence": "",
    "jobs": [
        {"id": "split", "name": "split", "runtime_s": 0.4, "after": []},
        {"id": "left", "name": "left", "runtime_s": 0.2, "after": ["split"]},
        {"id": "right", "name": "right", "runtime_s": 0.2, "after": ["split"]},
        {"id": "join", "name": "join", "runtime_s": 0.1, "after": ["left", "right"]},
    ],
}


class Engine(Shell):
    """A shell whose processes can be found, and whose started command writes a log."""

    def __init__(self, folder: Path, **env: str) -> None:
        super().__init__(folder, **{"ORCHESTRATOR_TEST_MARK": str(folder), "ORCHESTRATOR_WEB_PORT": "0", **env})

    def up(self, *args: str) -> subprocess.Popen[str]:
        with (self.folder / "up.log").open("w") as log:
            return self.start("up", *args, stdout=log, stderr=log)

    def processes(self) -> list[psutil.Process]:
        """Return the living processes that were started from this folder, directly or not."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("ORCHESTRATOR_TEST_MARK") == str(self.folder):
                    found.append(process)
            except psutil.Error:
                continue
        return found


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine under `orchestrator up`, with one worker."""
    require("redis")
    folder = tmp_path_factory.mktemp("up")
    shell = Engine(folder, ORCHESTRATOR_DATA_DIR=str(folder / "data"))
    (folder / "greet.yaml").write_text(WORKFLOW)
    (folder / "trace.json").write_text(json.dumps(TRACE))
    up = shell.up()
    wait_until(lambda: (folder / "data" / "server.json").exists(), 20, "the embedded Redis")
    wait_until(lambda: shell.json("workers"), 30, "a worker")
    yield shell
    up.send_signal(signal.SIGINT)
    assert up.wait(30) == 0, (folder / "up.log").read_text()
    assert shell.processes() == []


def test_a_file_is_submitted_and_its_name_from_then_on(engine: Engine) -> None:
    made = engine.json("submit", "greet.yaml", "-p", "name=2", "-p", "times=3", "--wait")
    assert list(made) == RUN_FIELDS
    assert [made[field] for field in ("workflow", "version", "state")] == ["greet", 1, "succeeded"]
    assert made["counts"] == {"succeeded": 3}
    for field in ("created", "started", "finished"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", made[field])
    again = engine.json("submit", "greet", "-p", "name=x", "--wait")
    assert again["version"] == 1
    shown = engine.json("runs", "show", again["id"])
    assert list(shown) == [*RUN_FIELDS, "jobs"]
    assert [list(job) for job in shown["jobs"]] == [JOB_FIELDS] * 3
    assert {job["state"] for job in shown["jobs"]} == {"succeeded"}
    both = shown["jobs"][2]
    assert both["name"] == "both"
    assert datetime.fromisoformat(both["queued"]) <= datetime.fromisoformat(both["finished"])
    listed = [info["id"] for info in engine.json("runs", "list", "--workflow", "greet")]
    assert listed.index(again["id"]) < listed.index(made["id"])


def test_a_watched_run_is_told_line_by_line(engine: Engine) -> None:
    done = engine("replay", "trace.json", "--time-scale", "1", "--wait")
    told = [line.split("  ")[1:3] for line in done.stdout.splitlines()]
    for job in ("split", "left", "right", "join"):
        assert [state for name, state in told if name == job] == ["queued", "running", "succeeded"]
    assert told[0] == ["forkjoin", "queued"]
    assert told[-1] == ["forkjoin", "succeeded"]


def test_a_replay_is_exported_as_a_trace_that_can_be_replayed(engine: Engine) -> None:
    made = engine.json("replay", "trace.json", "--time-scale", "0.5", "--wait")
    assert made["state"] == "succeeded"
    exported = json.loads(engine("runs", "show", made["id"], "--trace").stdout)
    assert [(job["id"], job["after"]) for job in exported["jobs"]] == [(j["id"], j["after"]) for j in TRACE["jobs"]]
    by_id = {job["id"]: job for job in exported["jobs"]}
    for job in exported["jobs"]:
        assert job["finished_s"] >= job["started_s"] >= 0
        assert all(job["started_s"] >= by_id[parent]["finished_s"] for parent in job["after"])
    assert 0.2 <= by_id["split"]["runtime_s"] < 2
    path = engine.folder / "exported.json"
    path.write_text(json.dumps(exported))
    assert len(read_trace(path).jobs) == 4
    assert engine.json("replay", str(path), "--time-scale", "0", "--wait")["counts"] == {"succeeded": 4}


def test_a_run_that_fails_is_said_and_the_code_is_1(engine: Engine) -> None:
    (engine.folder / "bad.yaml").write_text("name: bad\njobs: {a: {task: orchestrator.sleep, args: [-1]}}\n")
    done = engine("submit", "bad.yaml", "--wait", code=1)
    assert re.fullmatch(r"error: run \w{20} of bad failed: job a: TaskInputError: .*\n", done.stderr)
    assert engine.json("submit", "bad.yaml", "--wait", code=1)["state"] == "failed"
    made = engine.json("runs", "list", "--state", "failed")[0]
    assert engine.json("runs", "watch", made["id"], code=1)["id"] == made["id"]
    error = engine.json("runs", "show", made["id"])["jobs"][0]["error"]
    assert error["type"].endswith("TaskInputError")
    assert "Traceback (most recent call last):" in engine("runs", "show", made["id"]).stdout


def test_a_run_is_cancelled_while_it_works(engine: Engine) -> None:
    (engine.folder / "long.yaml").write_text("name: long\njobs: {a: {task: orchestrator.sleep, args: [600]}}\n")
    made = engine.json("submit", "long.yaml")["id"]
    wait_until(lambda: engine.json("runs", "show", made)["state"] == "running", 10, "the run to run")
    assert engine.json("runs", "cancel", made, "--why", "a test")["state"] in ("cancelling", "cancelled")
    ended = engine.json("runs", "watch", made, code=1)
    assert (ended["state"], ended["counts"]) == ("cancelled", {"cancelled": 1})


def test_an_idempotency_key_is_one_run(engine: Engine) -> None:
    first = engine("submit", "greet.yaml", "-p", "name=k", "--idempotency-key", "key").stdout
    assert engine("submit", "greet.yaml", "-p", "name=k", "--idempotency-key", "key").stdout == first
    assert "belongs to run" in engine("submit", "greet", "-p", "name=l", "--idempotency-key", "key", code=2).stderr


def test_what_works_and_what_waits_is_shown(engine: Engine) -> None:
    engine("submit", "greet.yaml", "-p", "name=q", "--wait")  # a route is shown once a stored workflow uses it
    (node,) = engine.json("workers")
    assert node["slots"] >= 2
    assert node["serves"] == {"default": ["critical", "high", "normal", "low"]}
    assert node["name"] in engine("workers").stdout
    priorities = [queue["priority"] for queue in engine.json("queues") if queue["route"] == "default"]
    assert priorities == ["critical", "high", "normal", "low"]
    assert "default" in engine("queues").stdout
    doctor = engine.json("doctor")
    assert doctor["ok"], doctor
    assert all(list(check) == ["name", "ok", "detail", "remedy"] for check in doctor["checks"])
    assert "all is well" in engine("doctor").stdout


def test_workflows_are_listed_shown_and_drawn(engine: Engine) -> None:
    engine("submit", "greet.yaml", "-p", "name=x")
    assert {"name": "greet", "version": 1, "versions": [1]} in engine.json("workflows", "list")
    (engine.folder / "again.yaml").write_text(engine("workflows", "show", "greet").stdout)
    assert engine.json("submit", "again.yaml", "-p", "name=x")["version"] == 1
    assert engine.json("workflows", "graph", "greet")["jobs"][2] == {"name": "both", "after": ["name", "times"]}
    assert "flowchart" in engine("workflows", "graph", "greet.yaml", "--format", "mermaid").stdout
    assert engine.json("workflows", "schema")["required"] == ["name", "jobs"]


def command_of(process: psutil.Process) -> list[str]:
    """Return a process' command line, nothing of one that is just gone."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def test_a_killed_worker_is_started_again(engine: Engine) -> None:
    parts = [process for process in engine.processes() if "worker1@%h" in command_of(process)]
    worker = next(process for process in parts if process.ppid() not in [part.pid for part in parts])
    worker.kill()
    log = engine.folder / "up.log"
    wait_until(lambda: "worker1 was killed by signal 9; starting again" in log.read_text(), 10, "the death to be told")
    assert engine.json("submit", "greet.yaml", "-p", "name=x", "--wait")["state"] == "succeeded"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_up_ends_whole_and_finds_its_runs_again(tmp_path: Path, number: signal.Signals) -> None:
    require("redis")
    shell = Engine(tmp_path)
    shell.env["ORCHESTRATOR_DATA_DIR"] = str(tmp_path / "else")
    (tmp_path / "greet.yaml").write_text(WORKFLOW)
    there = Engine(tmp_path, ORCHESTRATOR_DATA_DIR=str(tmp_path / "data"))
    up = shell.up("--data", "data")
    wait_until(lambda: (tmp_path / "data" / "server.json").exists(), 20, "the embedded Redis")
    made = wait_until(lambda: there.json("submit", "greet.yaml", "-p", "name=x", "--wait"), 30, "a run")
    up.send_signal(number)
    assert up.wait(30) == 0
    assert shell.processes() == []
    assert "stopped; the data are in data" in (tmp_path / "up.log").read_text()
    assert "no embedded Redis runs in" in there("runs", "list", code=2).stderr

    up = shell.up("--data", "data")
    wait_until(lambda: [p for p in shell.processes() if "scheduler" in command_of(p)], 20, "the scheduler")
    assert there.json("runs", "show", made["id"])["counts"] == {"succeeded": 3}
    up.send_signal(number)
    assert up.wait(30) == 0
    assert shell.processes() == []


def test_a_second_up_on_the_same_data_is_refused(engine: Engine) -> None:
    told = engine("up", code=2).stderr
    assert told.count("\n") == 1
    assert "in use by another `orchestrator up`" in told


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["submit", "broken.yaml"], r"error: broken\.yaml:\d+:\d+: not YAML"),
        (["submit", "cycle.yaml"], r"error: cycle\.yaml:\d+:\d+: .*a -> b -> a"),
        (["submit", "greet.yaml"], r"error: workflow 'greet': .*name"),
        (["submit", "greet.yaml", "-p", "name=x", "-p", "times=often"], r"error: times: 'often' is no integer"),
        (["submit", "greet.yaml", "-p", "name=x", "-p", "tmies=1"], r"error: workflow 'greet': tmies: .*times"),
        (["submit", "greeet"], r"error: there is no workflow 'greeet'"),
        (["replay", "greet.yaml"], r"error: greet\.yaml:\d+:\d+: not valid JSON"),
        (["replay", "trace.json"], r"error: trace\.json: jobs\[0\]\.runtime_s: must be a number"),
        (["workflows", "validate", "greet.yaml", "cycle.yaml"], r"error: cycle\.yaml:\d+:\d+: .*a -> b -> a"),
        (["workflows", "show", "greeet"], r"error: there is no workflow 'greeet'"),
        (["runs", "show", "nonsense"], r"error: there is no run 'nonsense'"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_stored(
    redis_server: RedisServer, redis_client: redis.Redis, ns: str, tmp_path: Path, args: list[str], told: str
) -> None:
    shell = Engine(tmp_path, ORCHESTRATOR_REDIS_URL=redis_server.url, ORCHESTRATOR_NAMESPACE=ns)
    (tmp_path / "greet.yaml").write_text(WORKFLOW)
    (tmp_path / "broken.yaml").write_text("name: x\njobs: {a: {task: t}")
    (tmp_path / "cycle.yaml").write_text("name: x\njobs:\n  a: {task: t, after: [b]}\n  b: {task: t, after: [a]}\n")
    (tmp_path / "trace.json").write_text('{"name": "x", "jobs": [{"id": "a", "runtime_s": "long"}]}')
    err = shell(*args, code=2).stderr
    assert err.count("\n") == 1, err
    assert re.match(told, err), err
    assert list(redis_client.scan_iter(f"o:{{{ns}}}:*")) == []


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"ORCHESTRATOR_REDIS_URL": "redis://127.0.0.1:1/0"}, "does not answer"),
        ({"ORCHESTRATOR_REDIS_URL": "http://127.0.0.1"}, "ORCHESTRATOR_REDIS_URL: 'http://127.0.0.1': not an address"),
        ({"ORCHESTRATOR_NAMESPACE": "a b"}, "ORCHESTRATOR_NAMESPACE: 'a b'"),
        ({"ORCHESTRATOR_DATA_DIR": "/nowhere/at/all"}, "no embedded Redis runs in /nowhere/at/all"),
    ],
)
@pytest.mark.parametrize("args", [["runs", "list"], ["submit", "greet.yaml", "-p", "name=x"]], ids=["read", "write"])
def test_a_wrong_setting_and_a_missing_redis_are_one_line(
    tmp_path: Path, settings: dict[str, str], told: str, args: list[str]
) -> None:
    (tmp_path / "greet.yaml").write_text(WORKFLOW)
    err = Engine(tmp_path, **settings)(*args, code=2).stderr
    assert err.count("\n") == 1, err
    assert told in err


def test_the_same_commands_are_there_under_celery(redis_server: RedisServer, ns: str, tmp_path: Path) -> None:
    shell = Engine(tmp_path, ORCHESTRATOR_REDIS_URL=redis_server.url, ORCHESTRATOR_NAMESPACE=ns)
    (tmp_path / "proj.py").write_text(
        "import celery, orchestrator\n"
        "app = celery.Celery('proj', broker='memory://')\n"
        "app.conf.task_default_queue = 'shop'\n"
        "orchestrator.install(app)\n"
        "@app.task\ndef add(x, y): return x + y\n"
        "workflow = orchestrator.Workflow('sum')\n"
        "workflow.job('a', add.s(1, 2))\n"
    )

    def celery(*args: str) -> subprocess.CompletedProcess[str]:
        return shell.run([sys.executable, "-m", "celery", *args])

    done = celery("-A", "proj", "orchestrator", "submit", "proj:workflow", "--json")
    assert (done.returncode, json.loads(done.stdout)["workflow"]) == (0, "sum"), done.stderr
    assert [queue["route"] for queue in shell.json("queues") if queue["ready"]] == ["shop"]
    for args, told in (
        (["-A", "proj", "orchestrator", "runs", "show", "x"], "error: there is no run 'x'"),
        (["-A", "proj", "orchestrator", "rusn"], "error: no such command: rusn; did you mean runs?"),
        (["orchestrator", "runs", "list"], "error: name your app: celery -A APP orchestrator"),
    ):
        done = celery(*args)
        assert done.returncode == 2
        assert done.stderr.startswith(told)
        assert done.stderr.count("\n") == 1
    assert shell.json("-A", "proj", "runs", "list")[0]["workflow"] == "sum"
