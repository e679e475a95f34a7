"""Reads of worker nodes, and of what waits for them on each route."""

from __future__ import annotations

from typing import Any

from orchestrator.model.run import NodeInfo, QueueInfo, read_json
from orchestrator.model.states import PriorityClass
from orchestrator.state.keys import Keys
from orchestrator.state.limits import CLASS_SCORE
from orchestrator.state.reads.base import Read, pairs


def nodes(keys: Keys) -> Read[list[NodeInfo]]:
    """Read every open worker node."""
    (deadlines,) = yield [("ZRANGE", keys.nodes, 0, -1, "WITHSCORES")]
    names = _names_with_scores(deadlines)
    if not names:
        return []
    hashes = yield [("HGETALL", keys.node(name)) for name, _ in names]
    return [_node(name, int(deadline), pairs(fields)) for (name, deadline), fields in zip(names, hashes, strict=True)]


def gone_nodes(keys: Keys) -> Read[list[NodeInfo]]:
    """Read the worker nodes that were lost in the last hour, the last one first."""
    (times,) = yield [("ZREVRANGE", keys.gone, 0, -1, "WITHSCORES")]
    names = _names_with_scores(times)
    if not names:
        return []
    hashes = yield [("HGETALL", keys.node(name)) for name, _ in names]
    found = zip(names, map(pairs, hashes), strict=True)
    return [_node(name, int(ms), fields) for (name, ms), fields in found if b"gone" in fields]


def _node(name: str, deadline_ms: int, fields: dict[bytes, bytes]) -> NodeInfo:
    gone = fields.get(b"gone")
    if gone is None:
        refs = [value.split(b"\n")[1].decode() for field, value in fields.items() if field.startswith(b"slot:")]
    else:
        refs = fields.get(b"lost", b"").decode().split()
    return NodeInfo(
        name, int(fields.get(b"slots", 0)), 0 if gone else int(fields.get(b"idle", 0)),
        _subscriptions(fields.get(b"subscriptions", b"")),
        tuple(ref for ref in refs if ref != "-"), deadline_ms, read_json(fields.get(b"info")) or {},
        frozenset(fields.get(b"broker", b"").decode().split()), int(gone) if gone else None,
    )  # fmt: skip


def queues(keys: Keys) -> Read[list[QueueInfo]]:
    """Read what waits on every route that a stored plan uses, class by class."""
    (routes,) = yield [("SMEMBERS", keys.routes)]
    names = sorted(route.decode() for route in routes)
    found: list[QueueInfo] = []
    for name in names:
        since = keys.since(name)
        ranges = [(priority * CLASS_SCORE, f"({(priority + 1) * CLASS_SCORE}") for priority in PriorityClass]
        known, *replies = yield [
            ("HMGET", keys.route(name), "slots", *(f"out:{priority.value}" for priority in PriorityClass)),
            *(("ZCOUNT", since, low, high) for low, high in ranges),
            *(("ZRANGEBYSCORE", since, low, high, "WITHSCORES", "LIMIT", 0, 1) for low, high in ranges),
        ]
        for priority in PriorityClass:
            oldest = _names_with_scores(replies[len(PriorityClass) + priority])
            found.append(
                QueueInfo(
                    name, priority, replies[priority], int(oldest[0][1] - priority * CLASS_SCORE) if oldest else None,
                    int(known[0] or 0), int(known[1 + priority] or 0),
                )
            )  # fmt: skip
    return found


def _subscriptions(text: bytes) -> tuple[tuple[str, tuple[PriorityClass, ...]], ...]:
    lines = (line.partition(" ") for line in text.decode().splitlines())
    return tuple((route, tuple(PriorityClass(int(digit)) for digit in classes)) for classes, _, route in lines)


def _names_with_scores(reply: list[Any]) -> list[tuple[str, float]]:
    pairs = reply if reply and isinstance(reply[0], list | tuple) else zip(reply[::2], reply[1::2], strict=True)
    return [(name.decode(), float(score)) for name, score in pairs]
