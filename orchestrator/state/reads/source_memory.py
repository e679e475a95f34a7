"""What is known of the sources that schedulers watch for triggers: one hash a trigger, and what waits at it.

The hash is `keys.seen`. Whichever scheduler asks a source next finds in it what the last one saw; it goes with its
trigger. That something is delivered once is not up to it, but to the ids of deliveries: it only keeps what came already
from being read, made and sent again.
"""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.state.keys import Keys
from orchestrator.state.reads.base import Read, now_ms, pairs

MOST_SEEN = 100_000
"""Files or rows that are kept in mind for one trigger: of the order of 10 MB."""
PAGE = 1_000


def backlog(keys: Keys, trigger: str) -> Read[int]:
    """Read how far the engine is behind what was delivered to a trigger.

    These are the occasions that wait at it, and the timers of the namespace that are due: any of them may be a delivery
    that becomes one more.
    """
    waiting, time = yield [("LLEN", keys.waiting(trigger)), ("TIME",)]
    (due,) = yield [("ZCOUNT", keys.timers, "-inf", now_ms(time))]
    return int(waiting) + int(due)


def seen(keys: Keys, trigger: str, fields: Sequence[str]) -> Read[list[str | None]]:
    """Read what is known under each of the names, None where nothing is."""
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
    """Read the time in ms and, if the `whole` is wanted, all that is known."""
    if not whole:
        (time,) = yield [("TIME",)]
        return now_ms(time), {}
    time, flat = yield [("TIME",), ("HGETALL", keys.seen(trigger))]
    return now_ms(time), {name.decode(): value.decode() for name, value in pairs(flat).items()}
