"""The pages for programs are true: their files make a project that real workers serve, and their examples run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from support.fleet import Fleet
from support.needs import all_servers
from support.redis_server import RedisServer

GUIDES = Path(__file__).parents[2] / "docs" / "guides"
BLOCK = re.compile(r"```python\n(?:# (\S+\.py)\n)?(.*?)```", re.DOTALL)


def write(page: str, folder: Path) -> str:
    """Write the files of a page into a folder; return its other blocks, one after the other."""
    script = ""
    for path, text in BLOCK.findall((GUIDES / page).read_text(encoding="utf-8")):
        if path:
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_text(text)
        else:
            script += text
    return script


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of the page's own: its worker takes plain tasks too."""
    server = RedisServer(all_servers()[0], tmp_path).start()
    yield server
    server.stop()


def environment(folder: Path, url: str, namespace: str) -> dict[str, str]:
    return {
        "PYTHONPATH": str(folder),
        "BROKER_URL": url,
        "ORCHESTRATOR_REDIS_URL": url,
        "ORCHESTRATOR_NAMESPACE": namespace,
    }


def run(argv: list[str], folder: Path, environment: dict[str, str]) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("ORCHESTRATOR_")} | environment
    done = subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.mark.parametrize("page", ["python.md", "fastapi.md", "django.md"])
def test_a_page_and_its_project(page: str, tmp_path: Path, server: RedisServer) -> None:
    if page == "django.md" and find_spec("django") is None:
        pytest.skip("Django is not installed")
    if page == "fastapi.md":
        write("python.md", tmp_path)
    script = write(page, tmp_path)
    with Fleet(tmp_path, server.url) as fleet:
        env = environment(tmp_path, server.url, fleet.namespace) | {"DJANGO_SETTINGS_MODULE": "shop.settings"}
        if page != "django.md":
            del env["DJANGO_SETTINGS_MODULE"]
        fleet.worker("-c", "2", app="shop.celery", env=env).start()
        run([sys.executable, "-c", script], tmp_path, env)


def test_the_tests_of_the_page_pass(tmp_path: Path, server: RedisServer) -> None:
    write("python.md", tmp_path)
    assert write("testing.md", tmp_path) == ""
    env = environment(tmp_path, server.url, "default")
    run([sys.executable, "-m", "pytest", "-q", "-p", "no:asyncio", "-p", "no:cacheprovider"], tmp_path, env)
