"""Worker processes for tests, as a user starts them: `celery -A support.shop worker …`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from orchestrator import children
from support.waiting import wait_until

TESTS = Path(__file__).parent.parent


class Worker:
    """One `celery worker` process. Its log is `log`; leaving the context stops it."""

    def __init__(
        self,
        folder: Path,
        redis_url: str,
        namespace: str,
        *args: str,
        name: str = "w1",
        app: str = "support.shop",
        broker_url: str | None = None,
        env: dict[str, str] | None = None,
    ) -> None:
        self.name = f"{name}@test"
        self.log = folder / f"{name}.log"
        self._argv = [sys.executable, "-m", "celery", "-A", app, "worker", "-n", self.name, "-l", "INFO", *args]
        self._env = {
            **os.environ,
            "PYTHONPATH": str(TESTS),
            "ORCHESTRATOR_REDIS_URL": redis_url,
            "ORCHESTRATOR_BROKER_URL": broker_url or redis_url,
            "ORCHESTRATOR_NAMESPACE": namespace,
            "C_FORCE_ROOT": "1",
            **(env or {}),
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, wait: bool = True) -> Worker:
        with self.log.open("ab") as output:
            self.process = children.spawn(self._argv, env=self._env, stdout=output, stderr=output)
        if wait:
            wait_until(self._ready, 30, f"{self.name} to be ready (see {self.log})")
        return self

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def text(self) -> str:
        """Return the log so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def kill(self) -> None:
        """End it as a power cut would."""
        os.kill(self.pid, signal.SIGKILL)
        assert self.process is not None
        self.process.wait()

    def stop(self, patience_s: float = 20.0) -> int:
        """End it in order, and return its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            children.stop(self.process, patience_s=patience_s)
        return self.process.wait()

    def __enter__(self) -> Worker:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"{self.name} ended: {self.text()[-3000:]}"
        text = self.text()
        return " ready." in text and "is in (incarnation" in text
