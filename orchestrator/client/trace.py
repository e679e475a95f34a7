"""A run as a trace: `{"name", "source", "licence", "jobs": [{"id", "name", "runtime_s", "after": [id, …]}]}`.

Each job also has `started_s` and `finished_s`, seconds since the run's start. `orchestrator replay` reads the format.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orchestrator.model.run import JobRun, RunInfo
from orchestrator.plan.plan import Plan


def trace_json(info: RunInfo, jobs: Sequence[JobRun], plan: Plan) -> dict[str, Any]:
    """Return a run as a trace. A job that never ran took no time."""
    start = info.started_ms or info.created_ms
    after: list[list[str]] = [[] for _ in jobs]
    for job in jobs:
        for child in plan.jobs[job.index].successors:
            after[child].append(job.name)
    return {
        "name": info.workflow,
        "source": f"orchestrator run {info.id} (version {info.version}, {info.state.name})",
        "licence": "",
        "jobs": [
            {
                "id": job.name,
                "name": job.name,
                "runtime_s": _since(job.started_ms, job.ended_ms) or 0.0,
                "after": after[job.index],
                "started_s": _since(start, job.started_ms),
                "finished_s": _since(start, job.ended_ms),
            }
            for job in jobs
        ],
    }


def _since(start_ms: int | None, end_ms: int | None) -> float | None:
    return None if start_ms is None or end_ms is None else round((end_ms - start_ms) / 1000, 3)
