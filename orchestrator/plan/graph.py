"""A plan as a picture: text for the terminal, Mermaid for documents, DOT for Graphviz."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.model.complaints import did_you_mean
from orchestrator.model.errors import DefinitionError
from orchestrator.plan.plan import Plan

FORMS = ("text", "mermaid", "dot")


def draw(plan: Plan, form: str = "text") -> str:
    """Draw the jobs of a plan and their dependencies; a dashed line is a dependency without data.

    Raises:
        DefinitionError: there is no such form.
    """
    if form not in FORMS:
        raise DefinitionError(f"there is no graph form {form!r}{did_you_mean(form, FORMS)}")
    lines = {"text": _text, "mermaid": _mermaid, "dot": _dot}[form](plan)
    return "\n".join(lines) + "\n"


def _edges(plan: Plan) -> Iterator[tuple[int, int, bool]]:
    """Yield each dependency: the parent, the child, and whether the child uses the output of the parent."""
    inputs = [set(job.inputs) for job in plan.jobs]
    for parent, job in enumerate(plan.jobs):
        for child in job.successors:
            yield parent, child, parent in inputs[child]


def levels(plan: Plan) -> list[list[int]]:
    """Return the jobs by level: a job waits only for jobs of lower levels."""
    depth = [0] * len(plan.jobs)
    waiting = [job.in_degree for job in plan.jobs]
    order = list(plan.roots)
    for number in order:
        for child in plan.jobs[number].successors:
            depth[child] = max(depth[child], depth[number] + 1)
            waiting[child] -= 1
            if waiting[child] == 0:
                order.append(child)
    found: list[list[int]] = [[] for _ in range(max(depth, default=-1) + 1)]
    for number, level in enumerate(depth):
        found[level].append(number)
    return found


def _text(plan: Plan) -> Iterator[str]:
    parents: list[list[str]] = [[] for _ in plan.jobs]
    for parent, child, data in _edges(plan):
        parents[child].append(plan.names[parent] if data else f"({plan.names[parent]})")
    width = min(40, max(map(len, plan.names), default=0))
    for level, numbers in enumerate(levels(plan), start=1):
        for at, number in enumerate(numbers):
            label = str(level) if at == 0 else ""
            behind = f"  <- {', '.join(parents[number])}" if parents[number] else ""
            yield f"{label:>3}  {plan.names[number]:<{width}}{behind}".rstrip()


def _mermaid(plan: Plan) -> Iterator[str]:
    yield "flowchart LR"
    for number, name in enumerate(plan.names):
        yield f'  j{number}["{name}"]'
    for parent, child, data in _edges(plan):
        yield f"  j{parent} {'-->' if data else '-.->'} j{child}"


def _dot(plan: Plan) -> Iterator[str]:
    yield f'digraph "{plan.workflow}" {{'
    yield "  rankdir=LR; node [shape=box];"
    for name in plan.names:
        yield f'  "{name}";'
    for parent, child, data in _edges(plan):
        yield f'  "{plan.names[parent]}" -> "{plan.names[child]}"{"" if data else " [style=dashed]"};'
    yield "}"
