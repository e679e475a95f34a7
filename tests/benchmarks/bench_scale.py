"""How it scales: `python bench_scale.py`: submits, a 100,000-job run, the slowest script, bytes a job, idle CPU.

Workers: prefork 2; Redis with AOF everysec; no-op jobs. The runs have one shape: 100 deep, and as wide as it takes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

import psutil
import redis
import rig

SLOW_US = 2_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, nargs="*", default=[1_000, 10_000, 100_000])
    parser.add_argument("--idle", type=float, default=20.0, help="seconds of idleness measured")
    options = parser.parse_args()
    with rig.redis_server() as url, tempfile.TemporaryDirectory() as folder:
        env = {"BENCH_REDIS": url, "BENCH_FOLDER": folder, "ORCHESTRATOR_REDIS_URL": f"{url}/3"}
        os.environ.update(env)
        scheduler = subprocess.Popen([sys.executable, "-m", "orchestrator", "scheduler"], stderr=subprocess.DEVNULL)
        try:
            with rig.worker("bench_ours", env) as worker:
                measure(url, options, {"worker": worker.pid, "scheduler": scheduler.pid})
        finally:
            scheduler.terminate()
            scheduler.wait()


def measure(url: str, options: argparse.Namespace, pids: dict[str, int]) -> None:
    import bench_ours
    from bench_engine import timed
    from workloads import independent_workflow, layered_workflow

    from orchestrator import Client

    bench_ours.app.set_default()
    client = Client()
    server = redis.Redis.from_url(f"{url}/3")
    server.config_set("slowlog-log-slower-than", SLOW_US)
    timed(lambda: client.submit(independent_workflow(1)), 1)

    for jobs in options.jobs:
        begin = time.perf_counter()
        workflow = layered_workflow(100, jobs // 100, min(3, jobs // 100))
        built = time.perf_counter()
        workflow.compile()
        compiled = time.perf_counter()
        client.workflows.register(workflow)
        stored = time.perf_counter()
        server.slowlog_reset()
        before = _memory(server)
        submits: list[float] = []

        def submit(workflow: Any = workflow, submits: list[float] = submits) -> None:
            start = time.perf_counter()
            client.submit(workflow)
            submits.append(time.perf_counter() - start)

        each = timed(submit, jobs)
        rig.wait(lambda: not client.runs.list(state="running"), "the run to end", 60, 0.05)
        after = _memory(server)
        slow = max((entry["duration"] for entry in server.slowlog_get(128)), default=0)
        print(
            f"{jobs:>7,} jobs: build {built - begin:.2f} s, compile {compiled - built:.2f} s,"
            f" store {stored - compiled:.2f} s, submit {submits[0] * 1e3:.1f} ms; {each:.0f} µs a job;"
            f" {(after - before) / jobs:.0f} bytes a job; slowest script {slow / 1e3:.1f} ms"
        )

    workflow = layered_workflow(100, 100, 3)
    times = []
    for _ in range(9):
        start = time.perf_counter()
        run = client.submit(workflow)
        times.append((time.perf_counter() - start) * 1e3)
        run.wait(timeout=120)
    print(f"submit of a stored 10,000-job workflow: median {statistics.median(times):.1f} ms, max {max(times):.1f} ms")

    time.sleep(3)  # noqa: TID251 — to be idle
    processes = {
        name: [root, *root.children(recursive=True)] for name, root in ((n, psutil.Process(p)) for n, p in pids.items())
    }
    before_cpu = {p.pid: sum(p.cpu_times()[:2]) for group in processes.values() for p in group}
    time.sleep(options.idle)  # noqa: TID251 — what is measured
    for name, group in processes.items():
        shares = [100 * (sum(p.cpu_times()[:2]) - before_cpu[p.pid]) / options.idle for p in group]
        print(f"idle {name}: {', '.join(f'{share:.2f}%' for share in shares)} of a core a process")


def _memory(server: redis.Redis) -> int:
    return int(server.info("memory")["used_memory"])


if __name__ == "__main__":
    main()
