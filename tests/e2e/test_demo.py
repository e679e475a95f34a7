"""`orchestrator demo`, as a newcomer runs it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from support.needs import require

ORCHESTRATOR = [sys.executable, "-m", "orchestrator"]


@pytest.mark.timeout(180)
def test_the_demo_writes_its_report_and_leaves_nothing_running(tmp_path: Path) -> None:
    require("redis")
    # Whatever the demo starts inherits this variable, and is known by it.
    mark = f"ORCHESTRATOR_TEST_MARK={tmp_path}"
    env = {name: value for name, value in os.environ.items() if not name.startswith("ORCHESTRATOR_")}
    env |= dict([mark.split("=", 1)])
    done = subprocess.run(
        [*ORCHESTRATOR, "demo"], cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert started_with(mark) == []

    # Plain lines: no terminal is here.
    assert "\x1b" not in done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert any("exchange-rates" in line and "retrying" in line for line in lines)
    for job in ("ingest-north", "validate-online", "revenue", "chart", "report"):
        assert any(job in line and "succeeded" in line for line in lines), job

    # The report is where the last lines say, and is the real one.
    place = re.search(r"The report: (\S+)", done.stdout)
    assert place is not None
    report = Path(place[1])
    assert report == tmp_path / "demo-output" / "report.html"
    page = report.read_text(encoding="utf-8")
    assert "Sunday, 28 February 2027" in page
    assert "€ 20,814" in page
    assert "The 39 rows that were put aside" in page
    assert {path.name for path in tmp_path.iterdir()} == {"demo-output"}


def started_with(mark: str) -> list[str]:
    """Name the living processes that have the mark in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if mark.split("=", 1) in [[name, value] for name, value in process.environ().items()]:
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found
