"""Reads of runs and their jobs."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.model.ids import AttemptRef
from orchestrator.model.run import JobRun, RunInfo
from orchestrator.model.states import FINAL_RUN_STATES, RunState
from orchestrator.state.keys import Keys
from orchestrator.state.layouts import records
from orchestrator.state.layouts.plans import unpack_job
from orchestrator.state.limits import BUCKET, CLOCK_AHEAD_MS
from orchestrator.state.reads.base import BATCH, Read, now_ms, pairs


def run(keys: Keys, run_id: str) -> Read[RunInfo | None]:
    """Read one run."""
    (values,) = yield [("HMGET", keys.run(run_id), *records.RUN_FIELDS)]
    return records.read_run(run_id, values)


def runs(
    keys: Keys, *, state: RunState | None = None, workflow: str | None = None, limit: int = 50
) -> Read[list[RunInfo]]:
    """Read the newest runs first: those that are live, then those that are over."""
    places = [keys.live, keys.ended]
    if state is not None:
        places = [keys.ended] if state in FINAL_RUN_STATES else [keys.live]
    found: list[RunInfo] = []
    for place in places:
        start = 0
        while len(found) < limit:
            (ids,) = yield [("ZRANGE", place, start, start + BATCH - 1, "REV")]
            if not ids:
                break
            start += len(ids)
            values = yield [("HMGET", keys.run(each.decode()), *records.RUN_FIELDS) for each in ids]
            for run_id, value in zip(ids, values, strict=True):
                info = records.read_run(run_id.decode(), value)
                if info and state in (None, info.state) and workflow in (None, info.workflow):
                    found.append(info)
    return found[:limit]


def jobs(keys: Keys, run_id: str) -> Read[list[JobRun]]:
    """Read every job run of a run, in the order of the plan; empty if there is no such run."""
    info = yield from run(keys, run_id)
    if info is None:
        return []
    found: list[tuple[int, str, bytes | None]] = []
    for start in range(0, _buckets(info.total), BATCH // 10):
        several = range(start, min(start + BATCH // 10, _buckets(info.total)))
        replies = yield [
            command
            for bucket in several
            for command in (
                ("HGETALL", keys.plan_jobs(info.plan, bucket)),
                ("HGETALL", keys.records(run_id, bucket)),
            )
        ]
        for planned, recorded in zip(replies[::2], replies[1::2], strict=True):
            stored = pairs(recorded)
            for index, packed in sorted(pairs(planned).items(), key=lambda pair: int(pair[0])):
                found.append((int(index), unpack_job(packed)[1], stored.get(index)))
    # After the records: a job that has failed by then has its error by now.
    (errors,) = yield [("HGETALL", keys.errors(run_id))]
    failed = pairs(errors)
    return [
        records.unstarted(info, index, name)
        if packed is None
        else records.read_record(index, name, packed, failed.get(b"%d" % index), failed.get(b"lost:%d" % index))
        for index, name, packed in found
    ]


def outputs(keys: Keys, run_id: str, indexes: Iterable[int]) -> Read[dict[int, bytes]]:
    """Read outputs of jobs as JSON bytes, in slices; a job without one is missing from the result."""
    wanted = list(indexes)
    found: dict[int, bytes] = {}
    for start in range(0, len(wanted), BATCH):
        part = wanted[start : start + BATCH]
        (values,) = yield [("HMGET", keys.outputs(run_id), *part)]
        found.update((index, value) for index, value in zip(part, values, strict=True) if value is not None)
    return found


def attempt(keys: Keys, ref: str) -> Read[tuple[bytes, JobRun] | None]:
    """Read an attempt's spec and its job run, for a node that has to end it."""
    run_id, index, _, instance = AttemptRef.parse(ref)
    if instance is not None:
        return None  # no job has instances yet, and the job's own record is not theirs
    (plan,) = yield [("HGET", keys.run(run_id), "plan")]
    if plan is None:
        return None
    bucket = index // BUCKET
    packed, record = yield [
        ("HGET", keys.plan_jobs(plan.decode(), bucket), index), ("HGET", keys.records(run_id, bucket), index)
    ]  # fmt: skip
    if packed is None or record is None:
        return None
    job, name, _, _ = unpack_job(packed)
    (spec,) = yield [("HGET", keys.plan(plan.decode()), f"spec:{job.spec}")]
    return spec, records.read_record(index, name, record)


def left_behind(keys: Keys, older_ms: int, limit: int = 100) -> Read[list[str]]:
    """Name runs whose `todo` nobody has touched for a while, by the clock of Redis."""
    (time,) = yield [("TIME",)]
    now = now_ms(time)
    old, ahead = yield [
        ("ZRANGEBYSCORE", keys.todos, "-inf", now - older_ms, "LIMIT", 0, limit),
        ("ZRANGEBYSCORE", keys.todos, now + CLOCK_AHEAD_MS, "+inf", "LIMIT", 0, limit),  # the clock was set back
    ]
    return [each.decode() for each in (*old, *ahead)][:limit]


def over_since(keys: Keys, age_ms: int, limit: int = 100) -> Read[list[str]]:
    """Name runs that ended longer ago than that, the oldest first."""
    (time,) = yield [("TIME",)]
    until = now_ms(time) - age_ms
    (ids,) = yield [("ZRANGEBYSCORE", keys.ended, "-inf", until, "LIMIT", 0, limit)]
    return [each.decode() for each in ids]


def _buckets(total: int) -> int:
    return -(-total // BUCKET)
