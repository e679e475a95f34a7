"""Waiting without luck: for a condition, with a deadline and a name."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(condition: Callable[[], T], timeout: float = 10.0, what: str = "", *, every: float = 0.01) -> T:
    """Return the condition's first true value; without one in time, fail and say what was waited for."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            name = what or getattr(condition, "__name__", "the condition")
            raise AssertionError(f"waited {timeout:g} s in vain for: {name} (last value {value!r})")
        time.sleep(every)  # noqa: TID251 — the one place in the tests that may
