"""Pictures of runs: pure functions from what is stored to what a terminal shows."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from orchestrator.cli.render.output import MARKS, STYLES, counts_text, progress_bar, state_text, table
from orchestrator.cli.render.times import duration, relative
from orchestrator.model import shapes
from orchestrator.model.run import JobRun, NodeInfo, QueueInfo, RunInfo
from orchestrator.model.states import SUCCESS_STATES, JobState, PriorityClass

URGENT = (
    JobState.running,
    JobState.retrying,
    JobState.lost,
    JobState.failed,
    JobState.timed_out,
    JobState.queued,
    JobState.upstream_failed,
    JobState.cancelled,
    JobState.succeeded,
    JobState.skipped,
    JobState.waiting,
)
"""The states whose jobs are shown first if not all jobs have room."""
NAME_WIDTH = 40


def run_view(info: RunInfo, jobs: Sequence[JobRun], *, now_ms: int, width: int, height: int) -> RenderableType:
    """Return a run with its progress and its jobs, at most `height` lines."""
    parts: list[RenderableType] = [run_head(info, now_ms), progress_line(info, width)]
    if jobs:
        parts += [Text(""), jobs_table(jobs, now_ms=now_ms, rows=max(height - 5, 3))]
    return Group(*parts)


def run_head(info: RunInfo, now_ms: int) -> Text:
    """Return a run's first line: mark, workflow, version, id, state, duration, reason."""
    state = info.state.name
    line = Text(f"{MARKS.get(state, '·')} ", style=STYLES.get(state, ""), no_wrap=True, overflow="ellipsis")
    line.append(info.workflow, style="bold")
    line.append(f" v{info.version}  {info.id}  ", style="dim")
    line.append(state, style=STYLES.get(state, ""))
    line.append(f"  {run_duration(info, now_ms)}", style="dim")
    if info.why:
        line.append(f"  {info.why}", style="dim")
    return line


def progress_line(info: RunInfo, width: int) -> Text:
    """Return a run's bar with how many of its jobs are over, and the counts of states."""
    over = sum(number for state, number in info.counts.items() if state.final)
    tail = Text(f"  {over}/{info.total}  ")
    tail.append_text(counts_text(info.counts, info.total))
    bar = progress_bar(info.counts, info.total, max(min(40, width - tail.cell_len), 10))
    bar.append_text(tail)
    bar.no_wrap, bar.overflow = True, "ellipsis"
    return bar


def jobs_table(jobs: Sequence[JobRun], *, now_ms: int, rows: int) -> RenderableType:
    """Return a table of at most `rows` jobs: the most interesting ones, in the order of the definition."""
    shown = sorted(sorted(jobs, key=_interest)[:rows], key=lambda job: job.index)
    grid = Table.grid(padding=(0, 2, 0, 0))
    names = min(max(len(job.name) for job in shown) + 2, NAME_WIDTH)
    grid.add_column(no_wrap=True, overflow="ellipsis", min_width=names, max_width=names)
    states = max(_job_state(job).cell_len for job in shown)
    grid.add_column(no_wrap=True, min_width=states)
    grid.add_column(justify="right", no_wrap=True, min_width=6)
    grid.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    for job in shown:
        grid.add_row(_job_name(job), _job_state(job), job_duration(job, now_ms), _job_note(job))
    if len(jobs) > len(shown):
        return Group(grid, Text(f"… and {len(jobs) - len(shown)} more jobs", style="dim"))
    return grid


def runs_table(runs: Sequence[RunInfo], *, now_ms: int, width: int) -> Table:
    """Return a table of runs. Only the names of workflows are cut to fit the width."""
    bar = max(min(24, width - 72), 8)
    rows = []
    for info in runs:
        over = sum(number for state, number in info.counts.items() if state.final)
        jobs = progress_bar(info.counts, info.total, bar).append(f" {over}/{info.total}")
        rows.append((info.id, info.workflow, state_text(info.state), jobs, run_duration(info, now_ms)))
    return table(["RUN", "WORKFLOW", "STATE", "JOBS", "TIME"], rows, right=("TIME",), gives_way="WORKFLOW")


def nodes_table(nodes: Sequence[NodeInfo], *, now_ms: int) -> Table:
    """Return a table of worker nodes."""
    return table(
        ["NODE", "SLOTS", "IDLE", "SERVES", "RUNS"],
        [(node.name, node.slots, _idle(node, now_ms), _subscriptions(node), _runs(node)) for node in nodes],
        right=("SLOTS", "IDLE"),
        gives_way="RUNS",
    )


def _idle(node: NodeInfo, now_ms: int) -> str:
    return f"gone {relative(node.gone_ms, now_ms)}" if node.gone_ms else str(node.idle)


def _runs(node: NodeInfo) -> str | None:
    refs = ", ".join(node.held)
    return f"lost: {refs}" if refs and node.gone_ms else refs or None


def fleet_line(nodes: Sequence[NodeInfo], queues: Sequence[QueueInfo]) -> Text:
    """Return how many nodes and slots there are, and how much waits for them."""
    if not nodes:
        return Text("workers are starting …", style="yellow")
    slots, idle = sum(node.slots for node in nodes), sum(node.idle for node in nodes)
    ready = sum(queue.ready for queue in queues)
    many = "node" if len(nodes) == 1 else "nodes"
    return Text(f"{len(nodes)} {many}, {slots} slots, {idle} idle, {ready} jobs ready", style="cyan")


def _subscriptions(node: NodeInfo) -> str:
    return ", ".join(
        route
        if len(classes) == len(PriorityClass)
        else f"{route} ({', '.join(priority.name for priority in classes)} only)"
        for route, classes in node.subscriptions
    )


def run_duration(info: RunInfo, now_ms: int) -> str:
    """Return how long a run has taken since it was created."""
    return duration((info.ended_ms or now_ms) - info.created_ms)


def job_duration(job: JobRun, now_ms: int) -> str:
    """Return how long a job's last attempt has taken, empty if none has started."""
    if job.started_ms is None:
        return ""
    if job.ended_ms is not None:
        return duration(job.ended_ms - job.started_ms)
    return duration(now_ms - job.started_ms) if job.state is JobState.running else ""


def _job_name(job: JobRun) -> Text:
    style = STYLES.get(job.state.name, "")
    return Text(f"{MARKS.get(job.state.name, '·')} ", style=style).append(
        job.name, style="dim" if style == "dim" else ""
    )


def _job_state(job: JobRun) -> Text:
    text = state_text(job.state, mark=False)
    return text.append(f" #{job.attempt}", style="dim") if job.attempt > 1 else text


def _job_note(job: JobRun) -> Text:
    if job.quarantined:
        return Text("quarantined: it killed its workers", style="red")
    if job.error and job.state is not JobState.succeeded:
        return Text(error_text(job.error), style="red")
    if job.lost_with:
        attempt, node = job.lost_with[-1]
        number = f"#{job.attempt}: " if job.attempt > attempt else ""
        return Text(f"{number}attempt {attempt} lost with worker {node}", style="yellow")
    return Text(job.node or "", style="dim")


def error_text(error: shapes.Error) -> str:
    """Return an attempt's error as one line: the type's short name and the message."""
    kind = str(error.get("type", "error")).rpartition(".")[2]
    return f"{kind}: {' '.join(str(error.get('message', '')).split())}"


def tracebacks(jobs: Sequence[JobRun], most: int) -> list[Text]:
    """Return the tracebacks of the first failed jobs."""
    failed = [
        (job.name, job.error) for job in jobs if job.error and job.state.final and job.state not in SUCCESS_STATES
    ]
    return [Text(f"\n{name}\n{error.get('traceback', '')}".rstrip(), style="dim") for name, error in failed[:most]]


def _interest(job: JobRun) -> tuple[int, int]:
    place = URGENT.index(job.state) if job.state in URGENT else len(URGENT)
    return place, -(job.ended_ms or 0) if job.state.final else job.index
