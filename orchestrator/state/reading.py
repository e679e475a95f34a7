"""Reads, without I/O: what people and faces ask. The hot path never comes here, except for inputs too large to inline.

A read is a generator that yields batches of Redis commands and is sent their replies; `Store.read` and
`AsyncStore.read` drive it:

    info = store.read(reading.run(store.keys, run_id))
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from typing import Any, TypeVar

from orchestrator.model.ids import AttemptRef
from orchestrator.model.run import FlowInfo, JobRun, NodeInfo, QueueInfo, RunInfo, read_json
from orchestrator.model.states import FINAL_RUN_STATES, PriorityClass, RunState
from orchestrator.plan.plan import Plan, PlannedJob
from orchestrator.state import records
from orchestrator.state.keys import BUCKET, Keys
from orchestrator.state.plans import unpack_edges, unpack_job

T = TypeVar("T")
Command = tuple[str | bytes | int | float, ...]
Read = Generator[Sequence[Command], list[Any], T]

BATCH = 500
_CLASS = 2**51


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
            stored = _pairs(recorded)
            for index, packed in sorted(_pairs(planned).items(), key=lambda pair: int(pair[0])):
                found.append((int(index), unpack_job(packed)[1], stored.get(index)))
    # After the records: a job that has failed by then has its error by now.
    (errors,) = yield [("HGETALL", keys.errors(run_id))]
    failed = _pairs(errors)
    return [
        records.unstarted(info, index, name)
        if packed is None
        else records.read_record(index, name, packed, failed.get(b"%d" % index))
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


def attempt(keys: Keys, ref: str) -> Read[tuple[str, bytes, int] | None]:
    """Read an attempt's job name, its spec and its earlier retries, for a node that has to end it."""
    run_id, index, _ = AttemptRef.parse(ref)
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
    return name, spec, records.read_record(index, name, record).retries


def plan(keys: Keys, digest: str) -> Read[Plan | None]:
    """Read a sealed plan back."""
    (head,) = yield [("HGETALL", keys.plan(digest))]
    fields = _pairs(head)
    if b"sealed" not in fields:
        return None
    total = int(fields[b"n"])
    jobs: list[PlannedJob] = []
    names: list[str] = []
    for start in range(0, _buckets(total), BATCH // 10):
        several = range(start, min(start + BATCH // 10, _buckets(total)))
        for entries in (yield [("HGETALL", keys.plan_jobs(digest, bucket)) for bucket in several]):
            for index, packed in sorted(_pairs(entries).items(), key=lambda pair: int(pair[0])):
                job, name, _, wide = unpack_job(packed)
                if wide:
                    (chunks,) = yield [("HGETALL", keys.plan_edges(digest, int(index)))]
                    job = PlannedJob(
                        job.spec, job.route, job.cls, job.number, job.in_degree, job.inputs,
                        unpack_edges(_pairs(chunks)), job.uses_params,
                    )  # fmt: skip
                jobs.append(job)
                names.append(name)
    specs = tuple(fields[b"spec:%d" % at] for at in range(int(fields[b"specs"])))
    return Plan(
        digest, fields[b"workflow"].decode(), fields[b"head"], int(fields[b"deadline"]), int(fields[b"class"]),
        tuple(names), specs, tuple(fields[b"route:%d" % at].decode() for at in range(int(fields[b"routes"]))),
        tuple(jobs), tuple(index for index, job in enumerate(jobs) if job.in_degree == 0),
    )  # fmt: skip


def plan_head(keys: Keys, digest: str) -> Read[tuple[bytes, int, int] | None]:
    """Read of a sealed plan what a submit needs: its head, its default class and the number of its jobs."""
    return (yield from plan_heads(keys, [digest])).get(digest)


def plan_heads(keys: Keys, digests: Sequence[str]) -> Read[dict[str, tuple[bytes, int, int]]]:
    """Read of those of the plans that are sealed what a submit needs: see `plan_head`."""
    if not digests:
        return {}
    found = yield [("HMGET", keys.plan(digest), "sealed", "head", "class", "n") for digest in digests]
    pairs = zip(digests, found, strict=True)
    return {digest: (values[1], int(values[2]), int(values[3])) for digest, values in pairs if values[0] is not None}


def flow(keys: Keys, name: str) -> Read[FlowInfo | None]:
    """Read a workflow's versions."""
    (fields,) = yield [("HGETALL", keys.flow(name))]
    found = {field.decode(): value.decode() for field, value in _pairs(fields).items()}
    if "latest" not in found:
        return None
    versions = {int(field[2:]): digest for field, digest in found.items() if field.startswith("v:")}
    return FlowInfo(name, int(found["latest"]), versions)


def flows(keys: Keys) -> Read[list[str]]:
    """Name every workflow."""
    (names,) = yield [("SMEMBERS", keys.flows)]
    return sorted(name.decode() for name in names)


def nodes(keys: Keys) -> Read[list[NodeInfo]]:
    """Read every open worker node."""
    (deadlines,) = yield [("ZRANGE", keys.nodes, 0, -1, "WITHSCORES")]
    names = _names_with_scores(deadlines)
    if not names:
        return []
    hashes = yield [("HGETALL", keys.node(name)) for name, _ in names]
    found: list[NodeInfo] = []
    for (name, deadline), fields in zip(names, map(_pairs, hashes), strict=True):
        held = (value.split(b"\n")[1].decode() for field, value in fields.items() if field.startswith(b"h:"))
        found.append(
            NodeInfo(
                name, int(fields.get(b"slots", 0)), int(fields.get(b"idle", 0)), _wants(fields.get(b"wants", b"")),
                tuple(ref for ref in held if ref != "-"), int(deadline), read_json(fields.get(b"info")) or {},
            )
        )  # fmt: skip
    return found


def queues(keys: Keys) -> Read[list[QueueInfo]]:
    """Read what waits on every route that a stored plan uses, class by class."""
    (routes,) = yield [("SMEMBERS", keys.routes)]
    names = sorted(route.decode() for route in routes)
    found: list[QueueInfo] = []
    for name in names:
        since = keys.since(name)
        ranges = [(cls * _CLASS, f"({(cls + 1) * _CLASS}") for cls in PriorityClass]
        known, *replies = yield [
            ("HMGET", keys.route(name), "slots", *(f"rung:{cls.value}" for cls in PriorityClass)),
            *(("ZCOUNT", since, low, high) for low, high in ranges),
            *(("ZRANGEBYSCORE", since, low, high, "WITHSCORES", "LIMIT", 0, 1) for low, high in ranges),
        ]
        for cls in PriorityClass:
            oldest = _names_with_scores(replies[len(PriorityClass) + cls])
            found.append(
                QueueInfo(
                    name, cls, replies[cls], int(oldest[0][1] - cls * _CLASS) if oldest else None,
                    int(known[0] or 0), int(known[1 + cls] or 0),
                )
            )  # fmt: skip
    return found


def events(keys: Keys, after: str = "-", limit: int = BATCH) -> Read[list[records.Event]]:
    """Read the event stream after an event's id (`-` for its start), at most `limit` entries of it."""
    start = after if after == "-" else f"({after}"
    (entries,) = yield [("XRANGE", keys.events, start, "+", "COUNT", limit)]
    return [event for entry_id, fields in entries for event in records.read_events(entry_id, fields[b"e"])]


def last_event(keys: Keys) -> Read[str]:
    """Read the id of the newest event, `-` if there is none: where to begin to follow."""
    (entries,) = yield [("XREVRANGE", keys.events, "+", "-", "COUNT", 1)]
    return entries[0][0].decode() if entries else "-"


def left_behind(keys: Keys, older_ms: int, limit: int = 100) -> Read[list[str]]:
    """Name runs whose `todo` nobody has touched for a while, by the clock of Redis."""
    (time,) = yield [("TIME",)]
    until = now_ms(time) - older_ms
    (ids,) = yield [("ZRANGEBYSCORE", keys.todos, "-inf", until, "LIMIT", 0, limit)]
    return [each.decode() for each in ids]


def uploads(keys: Keys) -> Read[tuple[list[tuple[str, int, int]], int]]:
    """Read the uploads that are not sealed (plan, jobs, ms at which they were first met or 0), and the time in ms."""
    entries, time = yield [("ZRANGE", keys.uploads, 0, BATCH, "WITHSCORES"), ("TIME",)]
    found = []
    for member, met in _names_with_scores(entries):
        digest, _, jobs = member.partition(" ")
        found.append((digest, int(jobs), int(met)))
    return found, now_ms(time)


def over_since(keys: Keys, age_ms: int, limit: int = 100) -> Read[list[str]]:
    """Name runs that ended longer ago than that, the oldest first."""
    (time,) = yield [("TIME",)]
    until = now_ms(time) - age_ms
    (ids,) = yield [("ZRANGEBYSCORE", keys.ended, "-inf", until, "LIMIT", 0, limit)]
    return [each.decode() for each in ids]


def now_ms(time: Sequence[int]) -> int:
    """Return what TIME gives as ms."""
    return int(time[0]) * 1000 + int(time[1]) // 1000


def _buckets(total: int) -> int:
    return -(-total // BUCKET)


def _pairs(reply: Any) -> dict[bytes, bytes]:
    return dict(reply) if isinstance(reply, dict) else dict(zip(reply[::2], reply[1::2], strict=True))


def _names_with_scores(reply: list[Any]) -> list[tuple[str, float]]:
    pairs = reply if reply and isinstance(reply[0], list | tuple) else zip(reply[::2], reply[1::2], strict=True)
    return [(name.decode(), float(score)) for name, score in pairs]


def _wants(text: bytes) -> tuple[tuple[str, tuple[PriorityClass, ...]], ...]:
    lines = (line.partition(" ") for line in text.decode().splitlines())
    return tuple((route, tuple(PriorityClass(int(digit)) for digit in classes)) for classes, _, route in lines)
