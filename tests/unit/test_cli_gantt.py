"""The Gantt and the pictures of runs: as wide as they are told to be, and right."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from orchestrator.cli.render.gantt import gantt
from orchestrator.cli.render.times import duration
from orchestrator.cli.render.views import run_view, runs_table
from orchestrator.model.run import JobRun, RunInfo
from orchestrator.model.states import JobState, PriorityClass, RunState


def job(index: int, name: str, state: JobState, queued: int, start: int | None, end: int | None, **more: int) -> JobRun:
    return JobRun(index, name, state, more.get("attempt", 1), 0, 0, queued, start, end, "node1")


JOBS = [
    job(0, "split", JobState.succeeded, 1000, 1000, 2000),
    job(1, "a job whose name is longer than there is room for", JobState.failed, 2000, 3000, 4000, attempt=2),
    job(2, "right", JobState.running, 2000, 2000, None),
    JobRun(3, "join", JobState.waiting),
]


def shown(width: int, *renderables: object) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width, color_system=None).print(*renderables, sep="\n")
    return out.getvalue().splitlines()


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_a_gantt_is_never_wider_than_the_terminal(width: int) -> None:
    lines = shown(width, *gantt(JOBS, width, now_ms=5000))
    assert max(map(len, lines)) <= width
    assert len(lines) == 4  # three jobs that became ready, and the axis


def test_a_gantt_shows_waiting_light_and_working_solid() -> None:
    split, right, long, axis = shown(80, *gantt(JOBS, 80, now_ms=5000))
    assert split.startswith("✔ split")
    assert "░" not in split
    assert long.rstrip().endswith("↻2")
    assert long.count("░") == pytest.approx(long.count("█"), abs=1)  # waited a second, worked a second
    assert right.count("█") == pytest.approx(3 * split.count("█"), abs=2)
    assert axis.rstrip().endswith("4.00s")


def test_a_gantt_of_a_run_that_has_not_begun_says_so() -> None:
    assert shown(80, *gantt(JOBS[3:], 80, now_ms=1)) == ["no job has started"]


def test_a_gantt_of_a_large_run_shows_the_longest_jobs() -> None:
    many = [job(at, f"job{at}", JobState.succeeded, 0, at, 2 * at) for at in range(1, 200)]
    lines = shown(80, *gantt(many, 80, now_ms=400, max_rows=10))
    assert len(lines) == 12
    assert "job199" in lines[9]
    assert lines[-1] == "the 10 longest jobs; 189 more are not shown"


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(None, "–"), (0, "0ms"), (-3, "0ms"), (999, "999ms"), (1000, "1.00s"), (9994, "9.99s"), (9996, "10.0s"),
     (99_940, "99.9s"), (99_960, "1m40s"), (3_599_000, "59m59s"), (3_600_000, "1h00m"), (90_000_000, "25h00m")],
)  # fmt: skip
def test_durations(milliseconds: int | None, text: str) -> None:
    assert duration(milliseconds) == text


def info(counts: dict[JobState, int]) -> RunInfo:
    return RunInfo(
        "06h0vmgsendavzej7gbb", "a-workflow-with-a-name-of-some-length", 3, "digest", RunState.running,
        PriorityClass.normal, 1000, 1000, None, sum(counts.values()), counts, {},
    )  # fmt: skip


@pytest.mark.parametrize("width", [60, 80, 120])
def test_pictures_keep_to_the_width_and_what_matters_is_not_cut(width: int) -> None:
    run = info({JobState.succeeded: 1, JobState.failed: 1, JobState.running: 1, JobState.waiting: 1})
    lines = shown(width, runs_table([run], now_ms=5000, width=width))
    assert max(map(len, lines)) <= width
    assert run.id in lines[1]
    if width >= 80:
        assert "● running" in lines[1]
        assert "2/4" in lines[1]
        assert "4.00s" in lines[1]
    lines = shown(width, run_view(run, JOBS, now_ms=5000, width=width, height=30))
    assert max(map(len, lines)) <= width
    assert any("✔ split" in line and "succeeded" in line and "1.00s" in line for line in lines)


def test_of_many_jobs_the_interesting_ones_are_shown_in_their_order() -> None:
    jobs = [job(at, f"job{at}", JobState.succeeded, 0, 1, 2) for at in range(50)]
    jobs[40] = job(40, "job40", JobState.failed, 0, 1, 2)
    jobs[7] = job(7, "job7", JobState.running, 0, 1, None)
    lines = shown(80, run_view(info({JobState.succeeded: 48}), jobs, now_ms=9, width=80, height=10))
    assert len(lines) <= 10
    text = "\n".join(lines)
    assert text.index("job7 ") < text.index("job40")
    assert "… and 45 more jobs" in text
