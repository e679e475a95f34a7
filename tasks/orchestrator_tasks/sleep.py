"""`orchestrator.sleep`: waits. It holds its slot while it does."""

from __future__ import annotations

import time
from typing import Annotated

from pydantic import Field

from orchestrator_tasks.stock import stock

SLICE_S = 0.2
"""The longest single sleep. In pools of threads, a cancel reaches the task between two sleeps."""


@stock("orchestrator.sleep")
def sleep(seconds: Annotated[float, Field(ge=0, le=604_800, allow_inf_nan=False)]) -> None:
    """Wait for `seconds` (at most a week); a cancel or a time limit ends it early."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, SLICE_S))  # noqa: TID251 — to wait is what the task is for
