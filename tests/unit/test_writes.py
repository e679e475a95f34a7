"""Every write to the state is a script: nothing in Python spells a command of Redis that writes."""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGES = Path(__file__).parents[2] / "orchestrator"
WRITES = {
    *("APPEND", "BITOP", "COPY", "DECR", "DECRBY", "DEL", "EXPIRE", "EXPIREAT", "FLUSHALL", "FLUSHDB", "GETDEL"),
    *("GETEX", "GETSET", "HDEL", "HEXPIRE", "HINCRBY", "HINCRBYFLOAT", "HMSET", "HPEXPIRE", "HSET", "HSETNX", "INCR"),
    *("INCRBY", "INCRBYFLOAT", "LINSERT", "LMOVE", "LMPOP", "LPOP", "LPUSH", "LPUSHX", "LREM", "LSET", "LTRIM"),
    *("MIGRATE", "MOVE", "MSET", "MSETNX", "PERSIST", "PEXPIRE", "PEXPIREAT", "PFADD", "PSETEX", "PUBLISH", "RENAME"),
    *("RENAMENX", "RESTORE", "RPOP", "RPOPLPUSH", "RPUSH", "RPUSHX", "SADD", "SDIFFSTORE", "SET", "SETBIT", "SETEX"),
    *("SETNX", "SETRANGE", "SINTERSTORE", "SMOVE", "SORT", "SPOP", "SREM", "SUNIONSTORE", "SWAPDB", "UNLINK", "XACK"),
    *("XADD", "XAUTOCLAIM", "XCLAIM", "XDEL", "XGROUP", "XREADGROUP", "XSETID", "XTRIM", "ZADD", "ZDIFFSTORE"),
    *("ZINCRBY", "ZINTERSTORE", "ZMPOP", "ZPOPMAX", "ZPOPMIN", "ZRANGESTORE", "ZREM", "ZREMRANGEBYLEX"),
    *("ZREMRANGEBYRANK", "ZREMRANGEBYSCORE", "ZUNIONSTORE", "EVAL", "EVALSHA", "FCALL"),
}
"""Commands that write, and those that run a script."""
METHODS = WRITES - {
    "APPEND",
    "COPY",
    "EVAL",
    "EXPIRE",
    "MIGRATE",
    "MOVE",
    "PERSIST",
    "PUBLISH",
    "RENAME",
    "RESTORE",
    "SET",
    "SORT",
}
"""Those whose method of a client (`xgroup_create`) nothing else has the name of."""
EXCEPTIONS = {
    "state/store.py": "it sends transitions: EVALSHA, FCALL",
    "state/layouts/plans.py": "an upload is invisible until `put_plan` seals it: no script reads a plan before, but to "
    "delete it. Its keys come from its content, so uploads at the same time write the same bytes, and its head comes "
    "last. In scripts it would only be the same commands in the same slices, sent as arguments.",
    "scheduler/sources/redis_stream.py": "the stream and the consumer group are the user's, in another Redis: no state",
}
"""Files that may spell such commands, each with its reason."""


def spelt(path: Path) -> set[str]:
    """Return the commands that a file spells: as a text of its own, or as a method of a client."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Constant(str(text)) if text.strip().upper() in WRITES and text.isupper():
                found.add(text)
            case ast.Call(ast.Attribute(_, name)) if name.partition("_")[0].upper() in METHODS and name.islower():
                found.add(name)
    return found


def test_nothing_but_scripts_writes_to_the_state() -> None:
    found = {str(path.relative_to(PACKAGES)): spelt(path) for path in PACKAGES.rglob("*.py")}
    offenders = {name: commands for name, commands in found.items() if commands and name not in EXCEPTIONS}
    assert not offenders, "make a transition of these: a script, with its class, contract and test"


def test_exceptions_are_needed() -> None:
    for name, reason in EXCEPTIONS.items():
        assert reason
        assert spelt(PACKAGES / name), f"{name} spells no such command: its exception can go"
