"""Plans in Redis: packed into buckets of jobs, uploaded in slices, and sealed (`put_plan`) once all are there.

A packed job is `spec, route, class, number, in-degree, flags, inputs, successors` (counts), the inputs' indexes, the
successors as (index, in-degree) pairs, and the name. More than a slice of successors stand in a hash of their own, and
more than a slice of inputs are not listed: their worker fetches them. Twin: `scripts/lib/runs/plans.lua`.

An upload is noted in `uploads` until it is sealed. A scheduler deletes an upload that is never sealed (`drop_upload`).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping, Sequence

from orchestrator.plan.plan import Plan, PlannedJob
from orchestrator.state.keys import Keys
from orchestrator.state.limits import BUCKET, FETCH, PLAN_ENTRY, SLICE, USES_PARAMS

_FIXED = struct.Struct(">3sHBB3sBH3s")
assert _FIXED.size == PLAN_ENTRY

Command = tuple[str | bytes | int, ...]


def upload_commands(keys: Keys, plan: Plan) -> Iterator[list[Command]]:
    """Yield the Redis commands that upload a plan, in batches to pipeline. `PutPlan` seals it.

    They are plain commands: no script reads an upload before it is sealed, except to delete it."""
    yield [("ZADD", keys.uploads, 0, f"{plan.digest} {len(plan.jobs)}")]  # dated by the scheduler that meets it first
    for start in range(0, len(plan.jobs), BUCKET):
        bucket = keys.plan_jobs(plan.digest, start // BUCKET)
        fields: list[str | bytes | int] = []
        wide: list[Command] = []
        for index in range(start, min(start + BUCKET, len(plan.jobs))):
            job = plan.jobs[index]
            fields += (index, pack_job(plan, job, plan.names[index]))
            if len(job.successors) > SLICE:
                wide += _edges(keys, plan, index, job)
        yield [("HSET", bucket, *fields), *wide]
    # The head comes last: `put_plan` takes it as the sign that all the rest is there, whoever uploads at the same time.
    yield [*_head(keys, plan)]


def pack_job(plan: Plan, job: PlannedJob, name: str) -> bytes:
    """Pack one job."""
    fetch = len(job.inputs) > SLICE
    inputs = () if fetch else job.inputs
    edges = b"" if len(job.successors) > SLICE else _pairs(plan, job.successors)
    flags = USES_PARAMS * job.uses_params | FETCH * fetch
    fixed = _FIXED.pack(
        _i3(job.spec),
        job.route,
        job.priority,
        job.rank,
        _i3(job.in_degree),
        flags,
        len(inputs),
        _i3(len(job.successors)),
    )
    return b"".join((fixed, *map(_i3, inputs), edges, name.encode()))


def unpack_job(packed: bytes) -> tuple[PlannedJob, str, bool, bool]:
    """Unpack one job; the flags tell whether its inputs and its successors stand elsewhere."""
    spec, route, priority, rank, in_degree, flags, inputs, successors = _FIXED.unpack_from(packed)
    at, out = _FIXED.size, int.from_bytes(successors)
    wide = out > SLICE
    edges = at + 3 * inputs
    end = edges if wide else edges + 6 * out
    job = PlannedJob(
        int.from_bytes(spec), route, priority, rank, int.from_bytes(in_degree),
        tuple(int.from_bytes(packed[i : i + 3]) for i in range(at, edges, 3)),
        () if wide else tuple(int.from_bytes(packed[i : i + 3]) for i in range(edges, end, 6)),
        bool(flags & USES_PARAMS),
    )  # fmt: skip
    return job, packed[end:].decode(), bool(flags & FETCH), wide


def unpack_edges(chunks: Mapping[bytes, bytes]) -> tuple[int, ...]:
    """Unpack the successors of a job with more than a slice of them."""
    packed = b"".join(chunks[key] for key in sorted(chunks, key=int))
    return tuple(int.from_bytes(packed[i : i + 3]) for i in range(0, len(packed), 6))


def _head(keys: Keys, plan: Plan) -> list[Command]:
    key = keys.plan(plan.digest)
    fields: list[str | bytes | int] = [
        "n", len(plan.jobs), "workflow", plan.workflow, "head", plan.head, "deadline", plan.deadline_ms,
        "class", plan.priority, "roots", len(plan.roots), "routes", len(plan.routes), "specs", len(plan.specs),
    ]  # fmt: skip
    for at, route in enumerate(plan.routes):
        fields += (f"route:{at}", route)
    for at, start in enumerate(range(0, len(plan.roots), SLICE)):
        fields += (f"roots:{at}", b"".join(map(_i3, plan.roots[start : start + SLICE])))
    if json.loads(plan.head).get("produces"):
        fields += ("produces", 1)  # the ends of its runs are news
    commands: list[Command] = []
    for start in range(0, len(plan.specs), 500):
        specs: list[str | bytes] = []
        for at, spec in enumerate(plan.specs[start : start + 500], start):
            specs += (f"spec:{at}", spec, f"task:{at}", json.loads(spec)["task"])
        commands.append(("HSET", key, *specs))
    return [*commands, ("HSET", key, *fields)]


def _edges(keys: Keys, plan: Plan, index: int, job: PlannedJob) -> list[Command]:
    key, wide = keys.plan_edges(plan.digest, index), keys.plan_wide(plan.digest)
    fields: list[str | bytes | int] = []
    for at, start in enumerate(range(0, len(job.successors), SLICE)):
        fields += (at, _pairs(plan, job.successors[start : start + SLICE]))
    return [("SADD", wide, index), ("HSET", key, *fields)]


def _pairs(plan: Plan, successors: Sequence[int]) -> bytes:
    return b"".join(_i3(index) + _i3(plan.jobs[index].in_degree) for index in successors)


def _i3(number: int) -> bytes:
    return number.to_bytes(3)
