"""Reads of the memory of a trigger's source, and of the backlog behind it.

The memory is one hash a trigger, `keys.seen`: a scheduler that polls the source finds the values that the last one saw.
It is deleted with its trigger. It only saves work: ids make sure that nothing is delivered twice.
The writes are `NoteSeen` and `ForgetSeen` in `transitions.sources`.
"""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.state.keys import Keys
from orchestrator.state.reads.base import Read, now_ms, pairs

MOST_SEEN = 100_000
"""Files or rows that one trigger remembers: about 10 MB."""
PAGE = 1_000


def backlog(keys: Keys, trigger: str) -> Read[int]:
    """Read the backlog of a trigger: the occasions that wait at it, and the due timers of the namespace.

    Each of those timers may be a delivery that becomes one more occasion.
    """
    waiting, time = yield [("LLEN", keys.waiting(trigger)), ("TIME",)]
    (due,) = yield [("ZCOUNT", keys.timers, "-inf", now_ms(time))]
    return int(waiting) + int(due)


def seen(keys: Keys, trigger: str, fields: Sequence[str]) -> Read[list[str | None]]:
    """Read the value of each name, None for a name without one."""
    if not fields:
        return []
    (values,) = yield [("HMGET", keys.seen(trigger), *fields)]
    return [None if value is None else value.decode() for value in values]


def count(keys: Keys, trigger: str) -> Read[int]:
    """Read how many names there are."""
    (number,) = yield [("HLEN", keys.seen(trigger))]
    return int(number)


def others(keys: Keys, trigger: str, kept: frozenset[str] | set[str]) -> Read[list[str]]:
    """Read all names but some."""
    cursor, found = "0", set()
    while True:
        ((cursor, page),) = yield [("HSCAN", keys.seen(trigger), cursor, "COUNT", PAGE)]
        found |= {name.decode() for name in pairs(page)} - kept
        if int(cursor) == 0:
            return sorted(found)


def notes(keys: Keys, trigger: str, whole: bool) -> Read[tuple[int, dict[str, str]]]:
    """Read the time in ms and, for `whole`, all names and values."""
    if not whole:
        (time,) = yield [("TIME",)]
        return now_ms(time), {}
    time, flat = yield [("TIME",), ("HGETALL", keys.seen(trigger))]
    return now_ms(time), {name.decode(): value.decode() for name, value in pairs(flat).items()}
