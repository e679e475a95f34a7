"""No thread dies in silence: whatever it raises ends its process, with one log record."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from orchestrator import threads
from orchestrator.runtime.node import Node
from orchestrator.runtime.slot_monitor import SlotMonitor
from orchestrator.runtime.slots import SlotTable
from orchestrator.runtime.task_events import TaskEvents
from orchestrator.scheduler.sources.listeners import Listeners
from orchestrator.scheduler.sources.polls import Polls
from support.waiting import wait_until

ROOT = Path(__file__).parents[2] / "orchestrator"


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The exit codes with which this process would have ended."""
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    return codes


@pytest.mark.parametrize("error", [OSError(9, "Bad file descriptor"), SystemExit(0), KeyboardInterrupt()])
def test_whatever_it_raises_ends_the_process(
    ended: list[int], caplog: pytest.LogCaptureFixture, error: BaseException
) -> None:
    def fail() -> None:
        raise error

    threads.start("a-thread", fail).join(5)
    assert ended == [threads.EXIT_CODE]
    (record,) = [each for each in caplog.records if each.levelno == logging.CRITICAL]
    assert "a-thread" in record.getMessage()
    assert record.exc_info is not None
    assert record.exc_info[1] is error


def test_a_thread_that_ends_in_order_ends_nothing_else(ended: list[int]) -> None:
    threads.start("a-thread", lambda: None).join(5)
    assert ended == []


def test_the_process_really_ends() -> None:
    program = "import time; from orchestrator import threads; threads.start('t', lambda: 1 / 0); time.sleep(30)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == threads.EXIT_CODE
    assert "ZeroDivisionError" in done.stderr


def broken(*_: Any, **__: Any) -> Any:
    raise RuntimeError("nobody expected this")


def node() -> threading.Thread | None:
    """Start a node whose resources fail."""
    table = SlotTable(4)
    resources: Any = SimpleNamespace(table=table, patiently=broken, open=broken, node="n@h")
    made = Node(resources, None)
    made.start(SimpleNamespace(start=lambda: None))  # type: ignore[arg-type]
    return made._thread


def monitor() -> threading.Thread | None:
    """Start a monitor over a table that cannot be read."""
    table: Any = SimpleNamespace(rows=broken, draining=False)
    worker = SimpleNamespace(consumer=None, pool=None)
    made = SlotMonitor(table, SimpleNamespace(death=broken), broken, worker)  # type: ignore[arg-type]
    made.start()
    return made._thread


def events() -> threading.Thread | None:
    """Send an event through a buffer that fails; what the broker does to events is no error."""
    made = TaskEvents(None, "n@h")  # type: ignore[arg-type]
    made._idle = SimpleNamespace(clear=lambda: None, set=broken)  # type: ignore[assignment]
    made.send("task-started", "id")
    return made._thread


def listener() -> threading.Thread | None:
    """Listen with a body that fails."""
    tools: Any = SimpleNamespace(store=SimpleNamespace(read=lambda _: 1, keys=SimpleNamespace(meta="meta")))
    made = Listeners(None, None)  # type: ignore[arg-type]
    made._read = lambda _: {"trigger/t": (1, broken)}  # type: ignore[method-assign]
    made.step(tools)
    return made.running["trigger/t"].thread


def poll() -> threading.Thread | None:
    """Ask a source with tools that fail after the source was asked."""
    made = Polls(None)  # type: ignore[arg-type]
    made._catalogue = SimpleNamespace(trigger=lambda _: None)  # type: ignore[assignment]
    made._run = broken  # type: ignore[method-assign]
    made._begin(None, SimpleNamespace(id="trigger/t"), 0)  # type: ignore[arg-type]
    return made._under_way["trigger/t"]


@pytest.mark.parametrize("start", [node, monitor, events, listener, poll])
def test_every_thread_of_ours_ends_the_process_with_it(
    ended: list[int], caplog: pytest.LogCaptureFixture, start: Callable[[], threading.Thread | None]
) -> None:
    thread = start()
    assert thread is not None
    wait_until(lambda: ended, 5, "the process to be ended")
    thread.join(5)
    assert ended == [threads.EXIT_CODE]
    assert [each.levelno for each in caplog.records if each.levelno >= logging.ERROR] == [logging.CRITICAL]


def test_no_thread_is_started_in_another_way() -> None:
    made = [path.name for path in ROOT.rglob("*.py") if "Thread(" in path.read_text()]
    assert made == ["threads.py"]
