"""Drawings of a workflow's graph: text, Mermaid, Graphviz."""

from __future__ import annotations

import json
from typing import Any

from orchestrator.plan.plan import Plan


def text(plan: Plan) -> str:
    """Draw it as a list by levels: each job with what it waits for."""
    parents = _parents(plan)
    levels = _levels(plan)
    width = max(len(name) for name in plan.names)
    lines = [f"{plan.workflow}: {len(plan.jobs)} jobs, {max(levels, default=0) + 1} levels"]
    for level in range(max(levels, default=0) + 1):
        lines.append("")
        for index, name in enumerate(plan.names):
            if levels[index] == level:
                after = ", ".join(plan.names[parent] for parent in parents[index])
                lines.append(f"  {name:<{width}}  ← {after}" if after else f"  {name}")
    return "\n".join(lines)


def mermaid(plan: Plan) -> str:
    """Draw it for Mermaid."""
    lines = ["flowchart LR"]
    lines += [f'  j{index}["{name}"]' for index, name in enumerate(plan.names)]
    lines += [f"  j{index} --> j{child}" for index, job in enumerate(plan.jobs) for child in job.successors]
    return "\n".join(lines)


def dot(plan: Plan) -> str:
    """Draw it for Graphviz."""
    lines = [f"digraph {json.dumps(plan.workflow)} {{", "  rankdir=LR; node [shape=box];"]
    lines += [f"  j{index} [label={json.dumps(name)}];" for index, name in enumerate(plan.names)]
    lines += [f"  j{index} -> j{child};" for index, job in enumerate(plan.jobs) for child in job.successors]
    return "\n".join([*lines, "}"])


def as_json(plan: Plan) -> dict[str, Any]:
    """Return its jobs and edges by name."""
    parents = _parents(plan)
    return {
        "workflow": plan.workflow,
        "jobs": [
            {"name": name, "after": [plan.names[parent] for parent in parents[index]]}
            for index, name in enumerate(plan.names)
        ],
    }


def _parents(plan: Plan) -> list[list[int]]:
    parents: list[list[int]] = [[] for _ in plan.jobs]
    for index, job in enumerate(plan.jobs):
        for child in job.successors:
            parents[child].append(index)
    return parents


def _levels(plan: Plan) -> list[int]:
    """Number each job by the longest way to it."""
    levels = [0] * len(plan.jobs)
    left = [job.in_degree for job in plan.jobs]
    free = list(plan.roots)
    while free:
        index = free.pop()
        for child in plan.jobs[index].successors:
            levels[child] = max(levels[child], levels[index] + 1)
            left[child] -= 1
            if not left[child]:
                free.append(child)
    return levels
