"""What every benchmark needs: a Redis of its own with AOF, and the two workers, all stopped at the end."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import redis

HERE = Path(__file__).parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait(condition: object, what: str, timeout_s: float = 60.0, pause_s: float = 0.0005) -> None:
    """Wait for a condition; a `TimeoutError` says for what."""
    deadline = time.monotonic() + timeout_s
    while not condition():  # type: ignore[operator]
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_s:.0f} s for {what}")
        time.sleep(pause_s)  # noqa: TID251 — a poll with a deadline


def pause(seconds: float) -> None:
    """Let time pass in which nothing is to happen."""
    time.sleep(seconds)  # noqa: TID251 — idleness is what is measured


@contextlib.contextmanager
def redis_server() -> Iterator[str]:
    """Run a Redis with AOF everysec in a folder of its own; yield its URL without a database."""
    folder = Path(tempfile.mkdtemp(prefix="orchestrator-bench-"))
    port = free_port()
    binary = os.environ.get("ORCHESTRATOR_TEST_REDIS_SERVER") or shutil.which("redis-server")
    if binary is None:
        raise SystemExit("benchmarks need a redis-server on PATH (apt install redis-server)")
    process = subprocess.Popen(
        [binary, "--port", str(port), "--bind", "127.0.0.1", "--appendonly", "yes", "--save", "", "--dir", str(folder)],
        stdout=subprocess.DEVNULL,
    )
    client = redis.Redis(port=port)
    try:
        wait(lambda: _answers(client), "Redis")
        yield f"redis://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.exceptions.ConnectionError:
        return False


@contextlib.contextmanager
def worker(
    app: str, env: dict[str, str], *, concurrency: int = 2, queues: str = ""
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a Celery worker of a module here until the block ends."""
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        app,
        "worker",
        "-c",
        str(concurrency),
        "-n",
        f"{app}@%h",
        "-l",
        "WARNING",
    ]
    if queues:
        command += ["-Q", queues]
    process = subprocess.Popen(command, cwd=HERE, env={**os.environ, **env, "PYTHONPATH": str(HERE)})
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
