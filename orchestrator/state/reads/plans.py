"""Reads of plans, and of uploads that are to become plans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orchestrator.plan.plan import Plan, PlannedJob
from orchestrator.state.keys import Keys
from orchestrator.state.layouts.plans import unpack_edges, unpack_job
from orchestrator.state.limits import BUCKET
from orchestrator.state.reads.base import BATCH, Read, pairs


def plan(keys: Keys, digest: str) -> Read[Plan | None]:
    """Read a sealed plan back."""
    (head,) = yield [("HGETALL", keys.plan(digest))]
    fields = pairs(head)
    if b"sealed" not in fields:
        return None
    total = int(fields[b"n"])
    jobs: list[PlannedJob] = []
    names: list[str] = []
    for start in range(0, _buckets(total), BATCH // 10):
        several = range(start, min(start + BATCH // 10, _buckets(total)))
        for entries in (yield [("HGETALL", keys.plan_jobs(digest, bucket)) for bucket in several]):
            for index, packed in sorted(pairs(entries).items(), key=lambda pair: int(pair[0])):
                job, name, _, wide = unpack_job(packed)
                if wide:
                    (chunks,) = yield [("HGETALL", keys.plan_edges(digest, int(index)))]
                    job = PlannedJob(
                        job.spec, job.route, job.priority, job.rank, job.in_degree, job.inputs,
                        unpack_edges(pairs(chunks)), job.uses_params,
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
    """Read what a submit needs of a sealed plan: head, default class and number of jobs."""
    return (yield from plan_heads(keys, [digest])).get(digest)


def plan_heads(keys: Keys, digests: Sequence[str]) -> Read[dict[str, tuple[bytes, int, int]]]:
    """Read what a submit needs of several plans, leaving out those that are not sealed: see `plan_head`."""
    if not digests:
        return {}
    found = yield [("HMGET", keys.plan(digest), "sealed", "head", "class", "n") for digest in digests]
    pairs = zip(digests, found, strict=True)
    return {digest: (values[1], int(values[2]), int(values[3])) for digest, values in pairs if values[0] is not None}


def uploads(keys: Keys) -> Read[list[tuple[str, int, int]]]:
    """Read the uploads that are not sealed: plan, jobs, and their date in ms (0 before a scheduler dated them)."""
    (entries,) = yield [("ZRANGE", keys.uploads, 0, BATCH, "WITHSCORES")]
    found = []
    for member, dated in _names_with_scores(entries):
        digest, _, jobs = member.partition(" ")
        found.append((digest, int(jobs), int(dated)))
    return found


def _buckets(total: int) -> int:
    return -(-total // BUCKET)


def _names_with_scores(reply: list[Any]) -> list[tuple[str, float]]:
    pairs = reply if reply and isinstance(reply[0], list | tuple) else zip(reply[::2], reply[1::2], strict=True)
    return [(name.decode(), float(score)) for name, score in pairs]
