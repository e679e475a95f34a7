"""Workflows that start themselves, directly or through others: by the ends of their runs or by their datasets."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from orchestrator.model.ids import workflow_of
from orchestrator.starters.trigger import Trigger

Parents = Mapping[str, Collection[str]]
"""For each workflow the workflows that start it."""


def circles(
    triggers: Mapping[str, Trigger], produces: Mapping[str, Collection[str]], among: Iterable[str]
) -> Iterator[tuple[str, ...]]:
    """Yield a shortest circle through each workflow of `among` that starts itself and is in no circle so far.

    `triggers` holds all triggers by id, `produces` the datasets of each workflow. A circle names its workflows in the
    order of their runs, with the first one again at the end.
    """
    parents = _parents(triggers, produces)
    sorter = TopologicalSorter(parents)
    try:
        sorter.prepare()
        return
    except CycleError:
        outside: set[str] = set()  # the workflows that are neither in a circle nor started by one
        while ready := sorter.get_ready():
            outside.update(ready)
            sorter.done(*ready)
    seen: set[str] = set()
    for name in among:
        if name not in seen | outside:
            circle = _circle(name, parents)
            seen.update(circle)
            if circle:
                yield circle


def _parents(triggers: Mapping[str, Trigger], produces: Mapping[str, Collection[str]]) -> dict[str, set[str]]:
    makers: defaultdict[str, set[str]] = defaultdict(set)
    for workflow, datasets in produces.items():
        for dataset in datasets:
            makers[dataset].add(workflow)
    parents: defaultdict[str, set[str]] = defaultdict(set)
    for starter_id, trigger in triggers.items():
        if trigger.enabled and trigger.run:
            parents[workflow_of(starter_id)].update(trigger.run.workflow)
        if trigger.enabled and trigger.datasets:
            some, every = trigger.datasets.any or (), trigger.datasets.all or ()
            if all(makers[name] for name in every):  # with a dataset from outside the next run waits
                parents[workflow_of(starter_id)].update(*(makers[name] for name in (*some, *every)))
    return parents


def _circle(name: str, parents: Parents) -> tuple[str, ...]:
    """Return a shortest circle through a workflow, empty if there is none."""
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
