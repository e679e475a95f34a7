"""The task under measure, for both sides: it does nothing but note the time at which its body ran."""

from __future__ import annotations

import mmap
import os
import struct
import time
from pathlib import Path

from celery import shared_task

FOLDER = Path(os.environ.get("BENCH_FOLDER", "/tmp/orchestrator-bench"))
_ENTRY = struct.Struct("Qd")
_maps: dict[int, mmap.mmap] = {}


@shared_task(name="bench.noop")
def noop(*_: object) -> None:
    """Count one more body in this process' file, and when (CLOCK_MONOTONIC, one for all processes of a machine)."""
    pid = os.getpid()
    entry = _maps.get(pid) or _open(pid)
    count, _last = _ENTRY.unpack_from(entry)
    _ENTRY.pack_into(entry, 0, count + 1, time.monotonic())


def _open(pid: int) -> mmap.mmap:
    path = FOLDER / f"{pid}.bodies"
    path.write_bytes(bytes(_ENTRY.size))
    with path.open("r+b") as file:
        _maps[pid] = mmap.mmap(file.fileno(), _ENTRY.size)
    return _maps[pid]


def bodies() -> tuple[int, float]:
    """Return how many bodies have run since the folder was made, and when the last one did."""
    total, last = 0, 0.0
    for path in FOLDER.glob("*.bodies"):
        data = path.read_bytes()
        if len(data) == _ENTRY.size:
            count, at = _ENTRY.unpack(data)
            total, last = total + count, max(last, at)
    return total, last
