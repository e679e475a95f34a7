"""A run's Gantt chart in the terminal: one line a job, light while it waits and solid while it runs."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from orchestrator.cli.render.output import MARKS, STYLES
from orchestrator.cli.render.times import duration
from orchestrator.model.run import JobRun
from orchestrator.model.states import JobState

MAX_ROWS = 60
"""The most jobs that are drawn. Of a larger run, these are the longest ones."""
NAME_WIDTH = 32
MIN_BAR = 10
WAIT, WORK = "░", "█"


def gantt(jobs: Sequence[JobRun], width: int, *, now_ms: int, max_rows: int = MAX_ROWS) -> list[Text]:
    """Return the lines of a Gantt, at most `width` cells wide.

    Jobs that never became ready are left out. A job with several attempts shows the last one, and their number.
    """
    shown = [job for job in jobs if job.queued_ms is not None]
    if not shown:
        return [Text("no job has started", style="dim")]
    left_out = len(shown) - max_rows
    if left_out > 0:
        shown = sorted(shown, key=lambda job: _span(job, now_ms), reverse=True)[:max_rows]
    shown.sort(key=lambda job: (job.started_ms or job.queued_ms or 0, job.index))
    begin = min(job.queued_ms for job in shown if job.queued_ms is not None)
    end = max(*(_end(job, now_ms) for job in shown), begin + 1)

    names = min(max(len(job.name) for job in shown), NAME_WIDTH, max(width // 3, 8))
    notes = max(len(_note(job, now_ms)) for job in shown)
    bar = max(width - names - notes - 6, MIN_BAR)
    lines = [_line(job, names, notes, bar, begin, end, now_ms) for job in shown]
    lines.append(_axis(names, bar, end - begin))
    if left_out > 0:
        lines.append(Text(f"the {max_rows} longest jobs; {left_out} more are not shown", style="dim"))
    return lines


def _line(job: JobRun, names: int, notes: int, bar: int, begin: int, end: int, now_ms: int) -> Text:
    style = STYLES.get(job.state.name, "")
    line = Text(f"{MARKS.get(job.state.name, '·')} ", style=style, no_wrap=True)
    line.append(_fitted(job.name, names), style="")
    line.append("  ")
    line.append_text(_bar(job, bar, begin, end, now_ms))
    line.append(f"  {_note(job, now_ms):<{notes}}", style="dim")
    return line


def _bar(job: JobRun, width: int, begin: int, end: int, now_ms: int) -> Text:
    """Draw one job: light cells from ready to start, solid cells, at least one, from start to end."""

    def cell(ms: int) -> int:
        return round((ms - begin) * width / (end - begin))

    assert job.queued_ms is not None
    stop = max(cell(_end(job, now_ms)), 1)
    ready = min(cell(job.queued_ms), stop)
    start = stop if job.started_ms is None else min(max(cell(job.started_ms), ready), stop - 1)
    ready = min(ready, start)
    text = Text(" " * ready)
    text.append(WAIT * (start - ready), style="dim")
    text.append(WORK * (stop - start), style=STYLES.get(job.state.name, ""))
    text.append(" " * (width - stop))
    return text


def _axis(names: int, bar: int, span_ms: int) -> Text:
    label = duration(span_ms)
    line = "└" + "─" * max(bar - len(label) - 4, 1) + "┘"
    return Text(f"{'':>{names + 2}}  0{line} {label}", style="dim")


def _note(job: JobRun, now_ms: int) -> str:
    if job.started_ms is None:
        return ""
    tries = f" ↻{job.attempt}" if job.attempt > 1 else ""
    return f"{duration(_end(job, now_ms) - job.started_ms):>6}{tries}"


def _end(job: JobRun, now_ms: int) -> int:
    if job.ended_ms is not None:
        return job.ended_ms
    return now_ms if job.state in (JobState.running, JobState.queued) else job.started_ms or job.queued_ms or now_ms


def _span(job: JobRun, now_ms: int) -> int:
    return 0 if job.started_ms is None else _end(job, now_ms) - job.started_ms


def _fitted(name: str, width: int) -> str:
    return name.ljust(width) if len(name) <= width else f"{name[: width - 1]}…"
