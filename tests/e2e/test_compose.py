"""docker-compose.yml without Docker: each service by the command and environment that the file gives it."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator import Client, Workflow, children
from orchestrator.model.states import JobState
from orchestrator.settings import Settings
from orchestrator_tasks import noop, sleep
from support.needs import require
from support.redis_server import free_port
from support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("no_current_app")

TOP = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
DOTENV = {"FLOWER_BASIC_AUTH": "me:s3cret", "WORKER_CONCURRENCY": "2"}


class Stack:
    """The services of the compose file as processes on loopback."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.services: dict[str, Any] = yaml.safe_load((TOP / "docker-compose.yml").read_text())["services"]
        self.ports = {"redis": free_port(), "flower": free_port(), "web": free_port()}
        self.started: list[tuple[str, subprocess.Popen[bytes]]] = []

    def up(self, name: str, *more: str) -> subprocess.Popen[bytes]:
        """Start one container's worth of a service."""
        service = self.services[name]
        folder = self.folder / f"{name}{len(self.started)}"
        folder.mkdir()
        with (folder / "log").open("wb") as log:
            process = children.spawn(
                [*self.command(service["command"], service), *more],
                env=self.environment(service),
                cwd=folder,
                stdout=log,
                stderr=log,
            )
        self.started.append((name, process))
        return process

    def command(self, words: list[str], service: Mapping[str, Any]) -> list[str]:
        """Return a command as it is on this machine: programs of this environment, mounted files where they lie."""
        mounts = dict(reversed(volume.split(":")[:2]) for volume in service.get("volumes", ()) if volume[0] == ".")
        mounts["/usr/local/bin/orchestrator-healthcheck"] = "workers/healthcheck.py"
        words = [self.filled_in(word) for word in words]
        for inside, outside in mounts.items():
            words = [word.replace(inside, str(TOP / outside)) for word in words]
        own = BIN / words[0]
        return [str(own) if own.exists() else words[0], *words[1:]]

    def environment(self, service: Mapping[str, Any]) -> dict[str, str]:
        """Return what a container of the service has, hosts and ports mapped to this machine's."""
        inside = {name: self.filled_in(str(value)) for name, value in service.get("environment", {}).items()}
        inside = {
            name: value.replace("//redis:6379", f"//127.0.0.1:{self.ports['redis']}") for name, value in inside.items()
        }
        if "FLOWER_ADDRESS" in inside:
            inside |= {"FLOWER_ADDRESS": "127.0.0.1", "FLOWER_PORT": str(self.ports["flower"])}
        if "ORCHESTRATOR_WEB_HOST" in inside:
            inside |= {"ORCHESTRATOR_WEB_HOST": "127.0.0.1", "ORCHESTRATOR_WEB_PORT": str(self.ports["web"])}
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder), "C_FORCE_ROOT": "1", **inside}

    def filled_in(self, text: str) -> str:
        """Put variables into a text, as Compose does: ${NAME:-default} and ${NAME:?message}."""

        def value(match: re.Match[str]) -> str:
            name, kind, rest = match.groups()
            if name in DOTENV:
                return DOTENV[name]
            assert kind == "-", f"{name}: {rest}"
            return rest

        return re.sub(r"\$\{(\w+):([-?])([^}]*)\}", value, text)

    def healthy(self, name: str) -> bool:
        """Run the service's own health check."""
        service = self.services[name]
        kind, *words = service["healthcheck"]["test"]
        assert kind == "CMD"
        command = self.command(words, service)
        if name == "redis":
            command[1:1] = ["-p", str(self.ports["redis"])]
        env = self.environment(service)
        return subprocess.run(command, env=env, capture_output=True, check=False).returncode == 0

    def flower(self, path: str, auth: str | None = "me:s3cret") -> Any:
        """Ask Flower's API."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.ports['flower']}{path}")
        if auth:
            request.add_header("Authorization", "Basic " + base64.b64encode(auth.encode()).decode())
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def down(self) -> None:
        """End what still runs, the last one first."""
        for _, process in reversed(self.started):
            children.stop(process)

    def logs(self) -> str:
        return "\n".join(f"== {path.parent.name}\n{path.read_text()[-3000:]}" for path in self.folder.glob("*/log"))


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    require("redis")
    made = Stack(tmp_path)
    try:
        yield made
    except BaseException:
        sys.stderr.write(made.logs())
        raise
    finally:
        made.down()
        sys.stdout.write(made.logs())


def seconds(text: str) -> float:
    return float(text.removesuffix("s"))


@pytest.mark.timeout(180)
def test_the_services_run_a_workflow_and_workers_are_added_in_the_middle(stack: Stack) -> None:
    stack.up("redis", "--port", str(stack.ports["redis"]), "--bind", "127.0.0.1")
    wait_until(lambda: stack.healthy("redis"), 20, "Redis to be healthy")
    stack.up("scheduler")
    stack.up("flower")
    stack.up("web")
    stack.up("worker")
    for name in ("scheduler", "worker", "web", "flower"):
        wait_until(lambda name=name: stack.healthy(name), 40, f"{name} to be healthy", every=0.2)
    wait_until(lambda: stack.flower("/api/workers?status=1"), 20, "Flower to see the worker", every=0.2)

    workflow = Workflow("scaled")
    first = workflow.job("first", noop.s("go"))
    middle = [workflow.job(f"middle-{number}", sleep.s(0.2), after=[first]) for number in range(60)]
    workflow.job("last", noop.s(first.output), after=middle)
    with Client(Settings(redis_url=f"redis://127.0.0.1:{stack.ports['redis']}/0")) as client:
        run = client.submit(workflow)
        wait_until(lambda: run.refresh().info.counts.get(JobState.succeeded, 0) > 5, 30, "the run to be under way")
        assert len({job.node for job in run.jobs() if job.node}) == 1
        for number in (2, 3):
            stack.up("worker", "--hostname", f"celery{number}@%h")  # a container has a host name of its own
        run.wait(timeout=60, raise_on_failure=True)
        jobs = run.jobs()
        assert {job.state.name for job in jobs} == {"succeeded"}
        assert len({job.node for job in jobs}) == 3, "each of the three workers had a part in it"
        assert run.output("last") == "go"

    # The same jobs in Flower: each attempt under its id and its task's own name, ended, and nothing else.
    ids = {f"{run.id}/{number}@1" for number in range(62)}

    def seen() -> dict[str, Any] | None:
        tasks = stack.flower("/api/tasks")
        return tasks if {id for id, task in tasks.items() if task["state"] == "SUCCESS"} >= ids else None

    tasks = wait_until(seen, 20, "Flower to show every attempt as ended", every=0.2)
    assert set(tasks) == ids
    names = [task["name"] for task in tasks.values()]
    assert (names.count("orchestrator.sleep"), names.count("orchestrator.noop")) == (60, 2)
    assert len({task["worker"] for task in tasks.values()}) == 3
    one = stack.flower(f"/api/task/info/{run.id}/1@1")
    assert (one["name"], one["args"].strip("[](),")) == ("orchestrator.sleep", "0.2")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        stack.flower("/api/tasks", auth=None)

    for name, process in reversed(stack.started):
        process.terminate()
        began = time.monotonic()
        code = process.wait(seconds(stack.services[name]["stop_grace_period"]))
        assert code == 0, f"{name} ended with {code} after {time.monotonic() - began:.1f} s"
