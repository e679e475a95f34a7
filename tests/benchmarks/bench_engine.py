"""Time a job against default Celery 5.7, interleaved in one run: `make bench`, or `python bench_engine.py --rounds 9`.

Each round measures every workload on both sides in turn, from submit to the last job's body, with prefork 2 and Redis
AOF everysec. What counts is the ratio of each pair; printed are medians, and the least and greatest ratio.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rig


def timed(start: Callable[[], Any], expected: int) -> float:
    """Start something and return the microseconds a body until the last of the expected bodies had run."""
    import bench_tasks

    before, _ = bench_tasks.bodies()
    begin = time.monotonic()
    start()
    rig.wait(lambda: bench_tasks.bodies()[0] >= before + expected, f"{expected} bodies", 180)
    return (bench_tasks.bodies()[1] - begin) / expected * 1e6


def quiet(client: Any) -> None:
    """Wait until nothing of the last measurement is on its way any more."""
    rig.wait(lambda: not client.runs.list(state="running"), "the runs to end", 60, 0.02)
    time.sleep(0.3)  # noqa: TID251 — lets results, acks and idle turns pass


def start_latency(first: Callable[[], Any]) -> float:
    """Return the microseconds from a submit on an idle system to the body."""
    return timed(first, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="", help="workloads whose name has this")
    parser.add_argument("--latency", type=int, default=100, help="single submits measured for the start latency")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with rig.redis_server() as url, tempfile.TemporaryDirectory() as folder:
        env = {"BENCH_REDIS": url, "BENCH_FOLDER": folder, "ORCHESTRATOR_REDIS_URL": f"{url}/3"}
        os.environ.update(env)
        rows = measure(env, options)
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    print(f"{'work':38} {'Celery µs':>10} {'ours µs':>9} {'ratio':>7}  (least–greatest of {options.rounds})")
    for row in rows:
        print(
            f"{row['work']:38} {row['celery']:10.0f} {row['ours']:9.0f} {row['ratio']:7.3f}"
            f"  ({row['least']:.3f}–{row['greatest']:.3f})"
        )


def measure(env: dict[str, str], options: argparse.Namespace) -> list[dict[str, Any]]:
    """Run all rounds and return a row a workload."""
    import bench_celery
    from celery import Celery
    from workloads import WORKLOADS, independent_workflow

    from orchestrator import Client

    rows: list[dict[str, Any]] = []
    with rig.worker("bench_celery", env), rig.worker("bench_ours", env):
        client = Client(app=Celery("bench_ours", broker=f"{env['BENCH_REDIS']}/3", set_as_current=False))
        bench_celery.app.set_default()
        single = independent_workflow(1)
        timed(lambda: bench_celery.app.tasks["bench.noop"].delay(), 1)
        timed(lambda: client.submit(single), 1)
        Path(env["BENCH_FOLDER"]).joinpath("ready").touch()
        pairs: dict[str, list[tuple[float, float]]] = {}
        for _ in range(options.rounds):
            for work in WORKLOADS:
                if options.only in work.name:
                    theirs = timed(work.celery, work.bodies)
                    quiet(client)
                    ours = timed(lambda work=work: work.ours(client), work.bodies)  # type: ignore[misc]
                    quiet(client)
                    pairs.setdefault(work.name, []).append((theirs, ours))
        if options.latency and not options.only:
            for _ in range(options.latency):
                theirs = timed(lambda: bench_celery.app.tasks["bench.noop"].delay(), 1)
                time.sleep(0.02)  # noqa: TID251 — an idle system
                ours = timed(lambda: client.submit(single), 1)
                time.sleep(0.02)  # noqa: TID251 — an idle system
                pairs.setdefault("submit to start, idle (p50)", []).append((theirs, ours))
    for name, measured in pairs.items():
        ratios = sorted(ours / theirs for theirs, ours in measured)
        rows.append(
            {
                "work": name,
                "celery": statistics.median(theirs for theirs, _ in measured),
                "ours": statistics.median(ours for _, ours in measured),
                "ratio": statistics.median(ratios),
                "least": ratios[0],
                "greatest": ratios[-1],
            }
        )
    return rows


if __name__ == "__main__":
    main()
