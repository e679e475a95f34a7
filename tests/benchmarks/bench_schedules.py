"""Schedules under load: `python bench_schedules.py`: a burst due in one second, and what idle ones cost.

Two schedulers, Redis with AOF everysec. The delay of a run is its creation after its planned time, both by the clock of
Redis; every planned time must have exactly one run.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import psutil
import redis
import rig
from workloads import independent_workflow

from orchestrator.scheduling.records import schedule_record
from orchestrator.starters.schedule import Schedule
from orchestrator.state.layouts.change_ops import pack, put_starter
from orchestrator.state.reads import starters
from orchestrator.state.store import Store
from orchestrator.state.transitions.definitions import Apply
from orchestrator.timing.cron import Cron
from orchestrator.timing.once import At

BATCH = 1_000
LEAD_MS = 4_000
ZONES = ("UTC", "Europe/Paris", "America/New_York", "Asia/Tokyo", "Australia/Sydney")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--due", type=int, default=10_000, help="schedules due in the same second")
    parser.add_argument("--idle", type=int, default=100_000, help="schedules that are due much later")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--schedulers", type=int, default=2)
    parser.add_argument("--watch", type=float, default=30.0, help="seconds of idleness measured")
    options = parser.parse_args()
    with rig.redis_server() as url, tempfile.TemporaryDirectory() as folder:
        os.environ.update({"BENCH_REDIS": url, "BENCH_FOLDER": folder, "ORCHESTRATOR_REDIS_URL": f"{url}/3"})
        store = Store.connect(f"{url}/3")
        server = redis.Redis.from_url(f"{url}/3")
        with schedulers(options.schedulers) as pids:
            for kind in ("one-off", "daily cron"):
                for _ in range(options.rounds):
                    server.flushdb()
                    burst(store, options.due, kind)
            server.flushdb()
            idle(store, server, options, pids)


@contextlib.contextmanager
def schedulers(count: int) -> Iterator[list[int]]:
    """Run schedulers until the block ends."""
    command = [sys.executable, "-m", "orchestrator", "scheduler"]
    running = [subprocess.Popen(command, stderr=subprocess.DEVNULL) for _ in range(count)]
    try:
        yield [each.pid for each in running]
    finally:
        for each in running:
            each.terminate()
            each.wait()


def burst(store: Store, due: int, kind: str) -> None:
    """Let many schedules be due in one second, and tell how long after it their runs were created."""
    plan = independent_workflow(1).compile()
    store.put_plan(plan)
    second = (store.read(starters.clock(store.keys)) + LEAD_MS + due // 3) // 1000 * 1000 + 1000
    draw = random.Random(7)
    for start in range(0, due, BATCH):
        records = []
        for number in range(start, min(start + BATCH, due)):
            schedule = _schedule(kind, second, f"s{number}", draw)
            records.append(put_starter(schedule_record(plan.workflow, schedule, {}, second - 1)))
        store.run(Apply(-1, pack(records)))
    left = second - store.read(starters.clock(store.keys))
    names = store.read(starters.ids(store.keys, "schedule"))
    rig.wait(lambda: store.pipeline([("ZCARD", store.keys.live)])[0] >= due, "all runs", 60 + left / 1000, 0.05)
    created = [int(score) for _, score in store.client.zrange(store.keys.live, 0, -1, withscores=True)]
    occasions = Counter(entry.at_ms for name in names for entry in store.read(starters.past(store.keys, name)))
    assert occasions == {second: due}, occasions
    delays = sorted(at - second for at in created)
    print(
        f"{due:,} schedules ({kind}) due in one second: runs created within {delays[len(delays) // 2]} ms (p50),"
        f" {delays[len(delays) * 99 // 100]} ms (p99), {delays[-1]} ms (max); put {left} ms before",
        flush=True,
    )


def _schedule(kind: str, second: int, name: str, draw: random.Random) -> Schedule:
    moment = datetime.fromtimestamp(second / 1000, UTC)
    if kind == "one-off":
        return Schedule(At(moment), name=name)
    # Daily at that second, each in the wall clock of some zone, with parameters of its own kind.
    zone = draw.choice(ZONES)
    local = moment.astimezone(ZoneInfo(zone))
    return Schedule(Cron(f"{local.minute} {local.hour} * * * {local.second}", tz=zone), name=name, overlap="queue_all")


def idle(store: Store, server: redis.Redis, options: argparse.Namespace, pids: list[int]) -> None:
    """Store schedules that are due much later, and measure what the schedulers and Redis then cost."""
    plan = independent_workflow(1).compile()
    store.put_plan(plan)
    now = store.read(starters.clock(store.keys))
    draw = random.Random(7)
    before = server.info("memory")["used_memory"]
    for start in range(0, options.idle, BATCH):
        records = []
        for number in range(start, min(start + BATCH, options.idle)):
            cron = Cron(f"{draw.randrange(60)} {draw.randrange(24)} {draw.randrange(1, 29)} 1 *")
            schedule = Schedule(cron, name=f"s{number}")
            records.append(put_starter(schedule_record(plan.workflow, schedule, {}, now)))
        store.run(Apply(-1, pack(records)))
    used = (server.info("memory")["used_memory"] - before) / max(options.idle, 1)
    processes = [psutil.Process(pid) for pid in pids]
    redis_process = psutil.Process(server.info("server")["process_id"])
    start_cpu = [sum(each.cpu_times()[:2]) for each in (*processes, redis_process)]
    rig.pause(options.watch)
    ends = [sum(each.cpu_times()[:2]) for each in (*processes, redis_process)]
    shares = [(end - begin) / options.watch * 100 for begin, end in zip(start_cpu, ends, strict=True)]
    told = ", ".join(f"{share:.2f}%" for share in shares[:-1])
    print(
        f"{options.idle:,} idle schedules: schedulers {told}, Redis {shares[-1]:.2f}% of a core; {used:.0f} bytes each"
    )


if __name__ == "__main__":
    main()
