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
def chain_flow() -> Workflow:
    flow = Workflow("bench-chain")
    jobs = [flow.job(f"j{at}", noop.si()) for at in range(CHAIN)]
    for before, after in itertools.pairwise(jobs):
        before >> after
    return flow


@cache
def fan_flow() -> Workflow:
    flow = Workflow("bench-fan")
    first = flow.job("first", noop.si())
    middle = [flow.job(f"m{at}", noop.si(), after=[first]) for at in range(WIDTH)]
    flow.job("last", noop.si(), after=middle)
    return flow


@cache
def diamond_flow() -> Workflow:
    flow = Workflow("bench-diamond")
    first = flow.job("a", noop.si())
    sides = [flow.job(name, noop.si(), after=[first]) for name in "bc"]
    flow.job("d", noop.si(), after=sides)
    return flow


@cache
def layered_flow(layers: int = LAYERS, per_layer: int = PER_LAYER, parents: int = 3) -> Workflow:
    """Layers of jobs, each with random parents in the layer before: no canvas expresses it."""
    rng = random.Random(7)
    flow = Workflow(f"bench-layers-{layers}x{per_layer}")
    before: list[Any] = []
    for layer in range(layers):
        jobs = []
        for at in range(per_layer):
            after = rng.sample(before, parents) if before else []
            jobs.append(flow.job(f"l{layer}.{at}", noop.si(), after=after))
        before = jobs
    return flow


@cache
def independent_flow(number: int = INDEPENDENT) -> Workflow:
    flow = Workflow(f"bench-independent-{number}")
    for at in range(number):
        flow.job(f"j{at}", noop.si())
    return flow


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
        lambda client: client.submit(chain_flow()),
    ),
    Workload(
        f"1 → {WIDTH:,} → 1", WIDTH + 2,
        lambda: chain(noop.si(), chord(group(noop.si() for _ in range(WIDTH)), noop.si())).apply_async(),
        lambda client: client.submit(fan_flow()),
    ),
    Workload(
        f"{DIAMONDS} four-job diamonds", 4 * DIAMONDS,
        _diamonds,
        lambda client: [client.submit(diamond_flow()) for _ in range(DIAMONDS)],
    ),
    Workload(
        f"{LAYERS} x {PER_LAYER} layers, 3 random parents", LAYERS * PER_LAYER,
        _plain(LAYERS * PER_LAYER),
        lambda client: client.submit(layered_flow()),
    ),
    Workload(
        f"{INDEPENDENT:,} independent", INDEPENDENT,
        _plain(INDEPENDENT),
        lambda client: client.submit(independent_flow()),
    ),
]  # fmt: skip
