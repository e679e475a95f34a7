"""The same work for both sides: what canvas can express as canvas, the rest as plain tasks beside our DAG."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from bench_tasks import noop
from celery import chain, chord, group

from orchestrator import Client, Workflow

CHAIN, WIDTH, DIAMONDS, LAYERS, PER_LAYER, INDEPENDENT = 200, 1_000, 200, 10, 100, 1_000


@dataclass(frozen=True)
class Workload:
    """One row of the table: how many bodies run, and how each side starts them."""

    name: str
    bodies: int
    celery: Callable[[], Any]
    ours: Callable[[Client], Any]


@cache
def chain_workflow() -> Workflow:
    workflow = Workflow("bench-chain")
    jobs = [workflow.job(f"j{at}", noop.si()) for at in range(CHAIN)]
    for before, after in itertools.pairwise(jobs):
        before >> after
    return workflow


@cache
def fan_workflow() -> Workflow:
    workflow = Workflow("bench-fan")
    first = workflow.job("first", noop.si())
    middle = [workflow.job(f"m{at}", noop.si(), after=[first]) for at in range(WIDTH)]
    workflow.job("last", noop.si(), after=middle)
    return workflow


@cache
def diamond_workflow() -> Workflow:
    workflow = Workflow("bench-diamond")
    first = workflow.job("a", noop.si())
    sides = [workflow.job(name, noop.si(), after=[first]) for name in "bc"]
    workflow.job("d", noop.si(), after=sides)
    return workflow


@cache
def layered_workflow(layers: int = LAYERS, per_layer: int = PER_LAYER, parents: int = 3) -> Workflow:
    """Layers of jobs, each with random parents in the layer before: no canvas expresses it."""
    rng = random.Random(7)
    workflow = Workflow(f"bench-layers-{layers}x{per_layer}")
    before: list[Any] = []
    for layer in range(layers):
        jobs = []
        for at in range(per_layer):
            after = rng.sample(before, parents) if before else []
            jobs.append(workflow.job(f"l{layer}.{at}", noop.si(), after=after))
        before = jobs
    return workflow


@cache
def independent_workflow(number: int = INDEPENDENT) -> Workflow:
    workflow = Workflow(f"bench-independent-{number}")
    for at in range(number):
        workflow.job(f"j{at}", noop.si())
    return workflow


def _diamonds() -> None:
    for _ in range(DIAMONDS):
        chain(noop.si(), chord(group(noop.si(), noop.si()), noop.si())).apply_async()


def _plain(number: int) -> Callable[[], None]:
    def send() -> None:
        for _ in range(number):
            noop.delay()

    return send


WORKLOADS = [
    Workload(
        f"chain of {CHAIN}", CHAIN,
        lambda: chain(*(noop.si() for _ in range(CHAIN))).apply_async(),
        lambda client: client.submit(chain_workflow()),
    ),
    Workload(
        f"1 → {WIDTH:,} → 1", WIDTH + 2,
        lambda: chain(noop.si(), chord(group(noop.si() for _ in range(WIDTH)), noop.si())).apply_async(),
        lambda client: client.submit(fan_workflow()),
    ),
    Workload(
        f"{DIAMONDS} four-job diamonds", 4 * DIAMONDS,
        _diamonds,
        lambda client: [client.submit(diamond_workflow()) for _ in range(DIAMONDS)],
    ),
    Workload(
        f"{LAYERS} x {PER_LAYER} layers, 3 random parents", LAYERS * PER_LAYER,
        _plain(LAYERS * PER_LAYER),
        lambda client: client.submit(layered_workflow()),
    ),
    Workload(
        f"{INDEPENDENT:,} independent", INDEPENDENT,
        _plain(INDEPENDENT),
        lambda client: client.submit(independent_workflow()),
    ),
]  # fmt: skip
