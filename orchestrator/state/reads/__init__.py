"""Reads of the state, without I/O: what people and faces ask, and inputs too large to come with a claim.

    info = store.read(reads.run(store.keys, run_id))

The reads of what starts runs stand in `reads.starters`, those of the memory of sources in `reads.source_memory`.
"""

from __future__ import annotations

from orchestrator.state.reads.fleet import gone_nodes, nodes, queues
from orchestrator.state.reads.plans import plan, plan_head, plan_heads, uploads
from orchestrator.state.reads.runs import attempt, jobs, left_behind, outputs, over_since, run, runs
from orchestrator.state.reads.transitions import last_transition, transitions
from orchestrator.state.reads.workflows import workflow, workflow_infos, workflows

__all__ = [
    "attempt",
    "gone_nodes",
    "jobs",
    "last_transition",
    "left_behind",
    "nodes",
    "outputs",
    "over_since",
    "plan",
    "plan_head",
    "plan_heads",
    "queues",
    "run",
    "runs",
    "transitions",
    "uploads",
    "workflow",
    "workflow_infos",
    "workflows",
]
