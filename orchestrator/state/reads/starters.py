"""Reads of schedules, triggers, backfills, calendars and deliveries."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.model.starts import PastOccasion
from orchestrator.model.states import FINAL_RUN_STATES, RunState
from orchestrator.state.keys import Keys
from orchestrator.state.reads.base import BATCH, Read, clock_ms, pairs


@dataclass(frozen=True, slots=True)
class StarterRecord:
    """A schedule, trigger or backfill as it is stored."""

    id: str
    kind: str
    workflow: str
    spec: bytes
    generation: int
    enabled: bool
    next: int | None
    due: int | None
    overlap: str
    limit: int
    log: str
    size: int
    need: int
    wait_ms: int
    created_ms: int
    last_end: RunState | None
    token: str
    paused_ms: int | None = None
    """When it was paused; a paused starter is not `enabled`, whatever its definition says."""
    held: int | None = None
    """The planned time of a paused schedule that would have been next."""
    managed_by: str = ""
    about: bytes = b""
    cleared: int = 0
    """How many waiting occasions `clear` has dropped."""
    ended: Mapping[RunState, int] = field(default_factory=dict)
    """How many of its runs have ended in each state."""

    @property
    def seen(self) -> str:
        """Return the text that guards an edit of this starter: see `state.layouts.change_ops`."""
        return f"{self.generation} {'' if self.next is None else self.next}"


FINAL = sorted(FINAL_RUN_STATES)
RECORD_FIELDS = (
    "kind", "workflow", "spec", "generation", "enabled", "next", "due", "overlap", "limit", "log", "size", "need",
    "wait_ms", "created", "last_end", "token", "paused", "held", "managed_by", "about", "cleared",
    *(f"ended:{state.number}" for state in FINAL),
)  # fmt: skip


def read_starter(starter: str, values: Sequence[Any]) -> StarterRecord | None:
    """Read a record, given as the values of `RECORD_FIELDS`; None if there is none."""
    found = dict(zip(RECORD_FIELDS, values, strict=True))
    if found["kind"] is None:
        return None
    return StarterRecord(
        starter, found["kind"].decode(), found["workflow"].decode(), found["spec"], int(found["generation"]),
        found["enabled"] == b"1" and not found["paused"],
        _number(found["next"]), _number(found["due"]) if found["next"] else None,
        found["overlap"].decode(), int(found["limit"]), found["log"].decode(), int(found["size"]), int(found["need"]),
        int(found["wait_ms"]), int(found["created"] or 0), _ended(found["last_end"]), found["token"].decode(),
        _number(found["paused"]), _number(found["held"]), (found["managed_by"] or b"").decode(), found["about"] or b"",
        int(found["cleared"] or 0),
        {state: int(number) for state in FINAL if (number := found[f"ended:{state.number}"])},
    )  # fmt: skip


def _number(value: bytes | None) -> int | None:
    return int(value) if value else None


def _ended(value: bytes | None) -> RunState | None:
    return RunState.numbered(int(value)) if value else None


def ids(keys: Keys, kind: str) -> Read[list[str]]:
    """Name every schedule, trigger or backfill (`kind`), in order."""
    (found,) = yield [("SMEMBERS", {"schedule": keys.schedules, "trigger": keys.triggers}.get(kind, keys.backfills))]
    return sorted(each.decode() for each in found)


def several(keys: Keys, wanted: Iterable[str]) -> Read[list[StarterRecord]]:
    """Read several starters in the order given, leaving out those that are missing."""
    names = list(wanted)
    found: list[StarterRecord] = []
    for start in range(0, len(names), BATCH):
        part = names[start : start + BATCH]
        replies = yield [("HMGET", keys.starter(each), *RECORD_FIELDS) for each in part]
        read = (read_starter(each, values) for each, values in zip(part, replies, strict=True))
        found += [record for record in read if record is not None]
    return found


def one(keys: Keys, starter: str) -> Read[StarterRecord | None]:
    """Read one starter."""
    (values,) = yield [("HMGET", keys.starter(starter), *RECORD_FIELDS)]
    return read_starter(starter, values)


@dataclass(frozen=True, slots=True)
class Load:
    """The load of a starter: the number of its living runs, and of its waiting occasions."""

    living: int
    waiting: int


def loads(keys: Keys, wanted: Sequence[str]) -> Read[list[Load]]:
    """Read the loads of starters, in the order given."""
    if not wanted:
        return []
    replies = yield [
        command
        for each in wanted
        for command in (("SCARD", keys.living(each)), ("LLEN", keys.waiting(each)))
    ]  # fmt: skip
    return [Load(*pair) for pair in zip(replies[::2], replies[1::2], strict=True)]


def waiting(keys: Keys, starter: str, most: int) -> Read[list[str]]:
    """Read the occasions that wait at a starter, the oldest first."""
    (found,) = yield [("LRANGE", keys.waiting(starter), 0, most - 1)]
    return [each.decode() for each in found]


def agenda(keys: Keys, most: int) -> Read[list[tuple[str, int]]]:
    """Read the schedules that are due next, and when, in order; at most so many."""
    (flat,) = yield [("ZRANGE", keys.agenda, 0, most - 1, "WITHSCORES")]
    pairs = flat if flat and isinstance(flat[0], list | tuple) else zip(flat[::2], flat[1::2], strict=True)
    return [(name.decode(), int(float(due))) for name, due in pairs]


def past(
    keys: Keys, starter: str, since_ms: int | str = "-inf", until_ms: int | str = "+inf"
) -> Read[list[PastOccasion]]:
    """Read the results of a starter's occasions, in order of time, as far as they are kept."""
    (flat,) = yield [("ZRANGEBYSCORE", keys.journal(starter), since_ms, until_ms, "WITHSCORES")]
    pairs = flat if flat and isinstance(flat[0], list | tuple) else zip(flat[::2], flat[1::2], strict=True)
    found = []
    for member, at in pairs:
        occasion, word, detail = member.decode().split("\n", 2)
        run, _, end = detail.partition(" ") if word == "run" else ("", "", "")
        found.append(PastOccasion(int(float(at)), occasion, word, detail, run or None, _ended(end.encode())))
    return found


def edits(keys: Keys) -> Read[int]:
    """Read how often definitions were changed."""
    (known,) = yield [("HGET", keys.meta, "edits")]
    return int(known or 0)


def pulse(keys: Keys) -> Read[tuple[int, int]]:
    """Read how often definitions were changed, and the time in ms by the namespace's clock."""
    known, time = yield [("HMGET", keys.meta, "edits", "clock"), ("TIME",)]
    return int(known[0] or 0), clock_ms(time, known[1])


def clock(keys: Keys) -> Read[int]:
    """Read the time in ms by the namespace's clock."""
    known, time = yield [("HGET", keys.meta, "clock"), ("TIME",)]
    return clock_ms(time, known)


def calendars(keys: Keys) -> Read[dict[str, Any]]:
    """Read every stored calendar's document."""
    (flat,) = yield [("HGETALL", keys.calendars)]
    return {name.decode(): json.loads(document) for name, document in pairs(flat).items()}


def current_plans(keys: Keys, workflows: Sequence[str]) -> Read[dict[str, str]]:
    """Read the digest of the current plan of several workflows, leaving out those that are not offered."""
    if not workflows:
        return {}
    found = yield [("HGET", keys.workflow(each), "current") for each in workflows]
    return {name: digest.decode() for name, digest in zip(workflows, found, strict=True) if digest}


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """An event from outside. `outcomes` has its result at each trigger: a run's id, or words."""

    id: str
    topic: str
    source: str
    body: bytes
    at_ms: int
    outcomes: dict[str, str]
    headers: bytes = b""


def deliveries(keys: Keys, wanted: Sequence[str]) -> Read[list[DeliveryRecord]]:
    """Read several deliveries in the order given, leaving out those that are missing."""
    if not wanted:
        return []
    replies = yield [("HGETALL", keys.delivery(each)) for each in wanted]
    found = []
    for each, flat in zip(wanted, replies, strict=True):
        fields = pairs(flat)
        if fields:
            outcomes = {key[2:].decode(): value.decode() for key, value in fields.items() if key.startswith(b"s:")}
            found.append(
                DeliveryRecord(
                    each, fields[b"topic"].decode(), fields[b"source"].decode(), fields[b"body"], int(fields[b"at"]),
                    outcomes, fields.get(b"headers", b""),
                )
            )  # fmt: skip
    return found


def latest_deliveries(keys: Keys, most: int) -> Read[list[str]]:
    """Name the newest deliveries, the newest first."""
    (found,) = yield [("ZRANGE", keys.deliveries, 0, most - 1, "REV")]
    return [each.decode() for each in found]


def delivered_before(keys: Keys, until_ms: int, limit: int = BATCH) -> Read[list[str]]:
    """Name deliveries that came before a moment, the oldest first."""
    (found,) = yield [("ZRANGEBYSCORE", keys.deliveries, "-inf", f"({until_ms}", "LIMIT", 0, limit)]
    return [each.decode() for each in found]


def hook(keys: Keys, token: str) -> Read[str | None]:
    """Read which trigger a webhook's token belongs to."""
    (found,) = yield [("HGET", keys.hooks, token)]
    return found.decode() if found else None
