"""Threads that do not die in silence: an error that nobody expected ends the process, with one log record.

A process that has lost one of its threads looks alive and does half of its work. A supervisor restarts one that ends.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable

logger = logging.getLogger(__name__)

EXIT_CODE = 70
"""The exit code of a process that ends by itself because it cannot do its work (`EX_SOFTWARE`)."""


def start(name: str, body: Callable[[], None]) -> threading.Thread:
    """Start a daemon thread; if `body` raises anything, the process ends with `EXIT_CODE`."""
    thread = threading.Thread(target=_guarded, args=(name, body), name=name, daemon=True)
    thread.start()
    return thread


def end_process(reason: str, *values: object) -> None:
    """End this process at once, with `reason` as its last log record and the error that is being handled, if any."""
    logger.critical(reason, *values, exc_info=sys.exc_info()[0] is not None)
    for handler in logging.getLogger().handlers:
        handler.flush()
    os._exit(EXIT_CODE)


def _guarded(name: str, body: Callable[[], None]) -> None:
    try:
        body()
    except BaseException:  # noqa: BLE001 — SystemExit too: it would end the thread alone
        end_process("the thread %s failed, so this process ends", name)
