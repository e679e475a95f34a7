"""Child processes that are kept running: started, restarted when they die, stopped in good order."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from orchestrator import children

GRACE_S = 15.0
"""How long children may take to end in good order. Those that are left then are killed."""
QUICK_S = 10.0
"""A child that dies within this long of its start did not come up."""
MAX_LOG = 16 << 20
"""Bytes. A child whose log is longer begins a new one when it starts; the old one is kept beside it."""
MAX_QUICK = 5
"""A child that did not come up this many times in a row is given up."""


@dataclass
class Child:
    """One program to keep running. Its output goes to `log`."""

    name: str
    command: Sequence[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    quick_deaths: int = 0
    again_at: float = 0.0

    @property
    def given_up(self) -> bool:
        """Whether the child died too often as it started."""
        return self.quick_deaths >= MAX_QUICK


class Supervisor:
    """Keeps children running in an environment. Call `tend` often; `tell` gets a line about each child that died.

    The children end with the thread that starts them (see `children.spawn`): even kill -9 leaves none behind.
    """

    def __init__(self, kept: Sequence[Child], env: Mapping[str, str], tell: Callable[[str], None]) -> None:
        self.children = list(kept)
        self.env = dict(env)
        self.tell = tell

    @property
    def given_up(self) -> list[Child]:
        """The children that died too often as they started."""
        return [child for child in self.children if child.given_up]

    def start(self) -> None:
        """Start every child."""
        for child in self.children:
            self._launch(child)

    def tend(self) -> None:
        """Restart the children that died. The pauses between tries grow."""
        now = time.monotonic()
        for child in self.children:
            if child.process is None:
                if not child.given_up and now >= child.again_at:
                    self._launch(child)
            elif (code := child.process.poll()) is not None:
                self._died(child, code, now)

    def stop(self) -> None:
        """Stop all children together: SIGTERM, and after `GRACE_S` SIGKILL for them and all that they started."""
        running = [
            child.process for child in self.children if child.process is not None and child.process.poll() is None
        ]
        family = [member for process in running for member in _descendants(process.pid)]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + GRACE_S
        try:
            for process in running:
                process.wait(max(deadline - time.monotonic(), 0.1))
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            self.tell("not over in time: killing what is left")
        for process in running:
            process.kill()
            process.wait()
        for member in family:
            if member.is_running():  # compared by pid and start time: another process may have the pid by now
                member.kill()
        psutil.wait_procs(family, timeout=2)
        for child in self.children:
            child.process = None

    def _launch(self, child: Child) -> None:
        if child.log.exists() and child.log.stat().st_size > MAX_LOG:
            child.log.replace(child.log.with_suffix(".log.1"))
        with child.log.open("ab") as log:
            child.process = children.spawn(
                child.command,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches only this process, which stops them in order
            )
        child.started = time.monotonic()

    def _died(self, child: Child, code: int, now: float) -> None:
        quick = now - child.started < QUICK_S
        child.process = None
        child.quick_deaths = child.quick_deaths + 1 if quick else 0
        pause = min(2.0 ** max(child.quick_deaths - 1, 0), 15.0)
        child.again_at = now + pause
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        then = "given up" if child.given_up else f"starting again in {pause:.0f} s"
        self.tell(f"{child.name} {how}; {then} (see {child.log})")


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
