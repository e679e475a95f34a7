"""Runs one command to its end. Its output is kept within bounds, and none of its processes is left behind.

A pool process leads a process group of its own, and the engine kills that whole group on a cancel or
a hard limit; so a command started there stays in that group. Anywhere else (pools of threads, gevent, solo) it gets a
session of its own. At a timeout, at a soft limit and at any other exception, this module ends all that it started.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, TypeVar

from billiard import current_process

E = TypeVar("E", bound=BaseException)
GRACE_S = 2.0
"""Seconds between SIGTERM and SIGKILL."""
POLL_S = 0.05
NOTED_CHARACTERS = 6_000
"""How much of stdout and of stderr stands in an error, each: the engine keeps 16 KiB of a traceback with its notes."""


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    exit_code: int
    stdout: str
    stderr: str
    timed_out: bool


class Kept:
    """The first and the last bytes of a stream, at most `limit` together."""

    def __init__(self, limit: int) -> None:
        self._half = limit // 2
        self._head = bytearray()
        self._tail = bytearray()
        self._cut = 0

    def add(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        room = self._half - len(self._head)
        self._head += data[:room]
        self._tail += data[room:] if room > 0 else data
        over = len(self._tail) - self._half
        if over > 0:
            self._cut += over
            del self._tail[:over]

    def text(self) -> str:
        """Return the kept bytes as text, with a mark where bytes were cut."""
        mark = f"\n… {self._cut} bytes cut …\n" if self._cut else ""
        if not mark:
            return (self._head + self._tail).decode(errors="replace")
        return self._head.decode(errors="replace") + mark + self._tail.decode(errors="replace")


def run_command(
    argv: list[str], *, env: dict[str, str], cwd: str | None, stdin: bytes, timeout: float | None, keep: int
) -> Done:
    """Run a command and return how it ended.

    Raises:
        OSError: the command cannot be started.
    """
    shares_group = _leads_own_group()
    child = subprocess.Popen(  # noqa: S603 — a list of arguments, and no shell
        argv,
        env=env,
        cwd=cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=not shares_group,
        bufsize=0,
    )
    stdout, stderr = Kept(keep), Kept(keep)
    try:
        timed_out = not _pump(child, stdin, {child.stdout: stdout, child.stderr: stderr}, timeout)
    except BaseException as error:  # such as the soft limit
        noted(error, stdout.text(), stderr.text())
        raise
    finally:
        _end(child, shares_group)
        for pipe in (child.stdin, child.stdout, child.stderr):
            if pipe is not None:
                pipe.close()
    return Done(child.returncode, stdout.text(), stderr.text(), timed_out)


def noted(error: E, stdout: str, stderr: str) -> E:
    """Add the end of a command's output to an error as notes, which stand below its traceback."""
    for name, text in (("stdout", stdout), ("stderr", stderr)):
        if text.strip():
            kept = text if len(text) <= NOTED_CHARACTERS else f"…{text[-NOTED_CHARACTERS:]}"
            error.add_note(f"{name}:\n{kept.rstrip()}")
    return error


def _pump(
    child: subprocess.Popen[bytes], stdin: bytes, sinks: dict[IO[bytes] | None, Kept], timeout: float | None
) -> bool:
    """Feed and drain the child until it ends (True) or runs out of time (False).

    It waits for the child, not for the end of its pipes: a process that the child left in the background may keep them.
    """
    end = None if timeout is None else time.monotonic() + timeout
    with selectors.DefaultSelector() as selector:
        for pipe, kept in sinks.items():
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
                selector.register(pipe, selectors.EVENT_READ, kept)
        if child.stdin is not None:
            os.set_blocking(child.stdin.fileno(), False)
            selector.register(child.stdin, selectors.EVENT_WRITE)
        while True:
            over = child.poll() is not None
            left = POLL_S if end is None else min(POLL_S, end - time.monotonic())
            if left <= 0 and not over:
                return False
            ready = selector.select(0 if over else left)
            for key, _ in ready:
                if key.data is None:
                    stdin = _feed(child, selector, stdin)
                elif data := os.read(key.fd, 65_536):
                    key.data.add(data)
                else:
                    selector.unregister(key.fileobj)
            if over and not any(key.data is not None for key, _ in ready):
                return True
            if not over and not selector.get_map():  # all pipes are closed: only the end is to be waited for
                time.sleep(min(left, 0.01))  # noqa: TID251 — between two looks at a child that is about to end


def _feed(child: subprocess.Popen[bytes], selector: selectors.BaseSelector, stdin: bytes) -> bytes:
    """Write as much as the child's input takes now, and return the rest. Close it at the end, or if nobody reads."""
    assert child.stdin is not None
    try:
        rest = stdin[os.write(child.stdin.fileno(), stdin[:65_536]) :] if stdin else b""
    except BrokenPipeError:
        rest = b""
    if not rest:
        selector.unregister(child.stdin)
        child.stdin.close()
    return rest


def _leads_own_group() -> bool:
    """Tell whether this is a pool process that leads its own process group."""
    return bool(current_process().daemon) and os.getpgrp() == os.getpid()


def _end(child: subprocess.Popen[bytes], shares_group: bool) -> None:
    """End the processes that the command left running: by SIGTERM, then by SIGKILL."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        living = list(_started(child, shares_group))
        if not living and child.poll() is not None:
            return
        end = time.monotonic() + GRACE_S
        for pid in living:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        while time.monotonic() < end and (child.poll() is None or any(_started(child, shares_group))):
            time.sleep(0.01)  # noqa: TID251 — a process takes its time to die
    child.wait()


def _started(child: subprocess.Popen[bytes], shares_group: bool) -> Iterator[int]:
    """Name the living processes of the command's group. One that made a session of its own is out of reach."""
    import psutil

    own = os.getpid()
    group = own if shares_group else child.pid
    for process in psutil.process_iter():
        pid = process.pid
        try:
            if pid != own and os.getpgid(pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                yield pid
        except (psutil.Error, ProcessLookupError, PermissionError):
            continue
