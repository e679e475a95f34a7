"""Child processes that do not outlive us."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

_BOUND = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
if os.getppid() == int(sys.argv[1]):  # else the parent died before it could be watched
    os.execvp(sys.argv[2], sys.argv[2:])
"""


def spawn(argv: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start a program that gets SIGTERM from the kernel when the thread that started it ends, however it ends.

    `options` are those of `subprocess.Popen`. Call it from a thread that lives as long as the program should: in
    practice the main thread. Only Linux can bind a process so; elsewhere it is started plainly. The binding is made by
    a few lines of Python that the program then replaces, since code run between fork and exec (`preexec_fn`) is not
    safe where other threads run.
    """
    if sys.platform == "linux":
        argv = [sys.executable, "-I", "-S", "-c", _BOUND, str(os.getpid()), *argv]
    return subprocess.Popen(argv, **options)  # noqa: S603 — an argument list, no shell


def stop(process: subprocess.Popen[bytes], *, patience_s: float = 10.0) -> None:
    """Ask a program to end, wait, and kill it when it has not ended in time."""
    process.terminate()
    try:
        process.wait(patience_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
