"""Workflows that start themselves: by the ends of their runs or by their datasets, at once or through others."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from orchestrator.model.ids import workflow_of
from orchestrator.starters.trigger import Trigger

Parents = Mapping[str, Collection[str]]
"""The workflows that start a workflow."""


def circles(
    triggers: Mapping[str, Trigger], produces: Mapping[str, Collection[str]], among: Iterable[str]
) -> Iterator[tuple[str, ...]]:
    """Yield a shortest circle through each workflow of `among` that starts itself, but none if it was in one before.

    `triggers` are all by id, `produces` the datasets of workflows. A circle is in the order of its runs, the first
    workflow again at the end.
    """
    parents = _parents(triggers, produces)
    sorter = TopologicalSorter(parents)
    try:
        sorter.prepare()
        return
    except CycleError:
        outside: set[str] = set()  # what neither is in a circle nor comes after one
        while ready := sorter.get_ready():
            outside.update(ready)
            sorter.done(*ready)
    told: set[str] = set()
    for name in among:
        if name not in told | outside:
            circle = _circle(name, parents)
            told.update(circle)
            if circle:
                yield circle


def _parents(triggers: Mapping[str, Trigger], produces: Mapping[str, Collection[str]]) -> dict[str, set[str]]:
    makers: defaultdict[str, set[str]] = defaultdict(set)
    for workflow, datasets in produces.items():
        for dataset in datasets:
            makers[dataset].add(workflow)
    parents: defaultdict[str, set[str]] = defaultdict(set)
    for own, trigger in triggers.items():
        if trigger.enabled and trigger.run:
            parents[workflow_of(own)].update(trigger.run.workflow)
        if trigger.enabled and trigger.datasets:
            some, every = trigger.datasets.any or (), trigger.datasets.all or ()
            if all(makers[name] for name in every):  # one that comes from outside is what the next run waits for
                parents[workflow_of(own)].update(*(makers[name] for name in (*some, *every)))
    return parents


def _circle(name: str, parents: Parents) -> tuple[str, ...]:
    """Return a shortest way from a workflow back to itself, or nothing."""
    after: dict[str, str] = {}
    reached = deque([name])
    while reached:
        child = reached.popleft()
        for parent in sorted(parents.get(child, ())):
            if parent not in after:
                after[parent] = child
                reached.append(parent)
        if name in after:
            way = [name, after[name]]
            while way[-1] != name:
                way.append(after[way[-1]])
            return tuple(way)
    return ()
