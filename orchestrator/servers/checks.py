"""Checks the servers, settings and processes of an installation (`orchestrator doctor`).

One key is written and removed again, to see whether that is allowed. Nothing else is written.
"""

from __future__ import annotations

import difflib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import redis
from redis.cluster import RedisCluster

from orchestrator.model.checks import Check
from orchestrator.model.errors import OrchestratorError, StoreUnavailable
from orchestrator.model.run import NodeInfo, QueueInfo
from orchestrator.model.urls import is_encrypted, is_local, mask_url
from orchestrator.servers.addresses import store_url
from orchestrator.servers.discovery import OLDEST
from orchestrator.settings import FROM_FILES, PREFIX, Settings
from orchestrator.state import reads
from orchestrator.state.limits import CLOCK_AHEAD_MS
from orchestrator.state.reads import health
from orchestrator.state.store import Store

PATIENCE_S = 3.0
"""How long a server may take to answer."""
SKEW_S = 1.0
"""How much the clocks of this machine and of Redis may differ."""
TICK_S = 15
"""How long ago a scheduler may have ticked and still be thought to run."""
TOLD_MS = 3_600_000
"""How long a wrong time of Redis is told after it was set right."""
HEADROOM = 0.2
"""The share of `maxmemory` that should be free."""

# Writes with every type of key that the state scripts use.
_PROBE = """
for _, command in ipairs({
    {'SET', KEYS[1], '1'}, {'HSET', KEYS[1], 'f', '1'}, {'ZADD', KEYS[1], '1', 'm'},
    {'RPUSH', KEYS[1], 'e'}, {'XADD', KEYS[1], '*', 'f', '1'},
}) do
    redis.call(unpack(command))
    redis.call('UNLINK', KEYS[1])
end
"""


def redis_checks(settings: Settings) -> list[Check]:
    """Check the Redis that holds the state."""
    try:
        url = store_url(settings)
    except StoreUnavailable as error:
        return [Check("redis", False, error.what, error.remedy)]
    shown = mask_url(url)
    try:
        with closing(Store.connect(url, settings.namespace, timeout_s=PATIENCE_S, retries=0)) as store:
            client, key = store.client, f"{store.keys.prefix}doctor"
            # In a cluster, only the node that holds the namespace is checked.
            here: dict[str, Any] = (
                {"target_nodes": client.get_node_from_key(key)} if isinstance(client, RedisCluster) else {}
            )
            info: dict[str, Any] = client.info(**here)
            found = [Check("redis", True, f"{shown} answers"), *_judge(info), _clock(client, here)]
            return [*found, _rights(client, key, settings.namespace), secrecy("redis", url)]
    except StoreUnavailable as error:
        return [Check("redis", False, f"{shown}: {error.what}", "start it, or correct ORCHESTRATOR_REDIS_URL")]
    except redis.AuthenticationError as error:
        return [
            Check("redis", False, f"{shown}: {error}", "put the right user and password into ORCHESTRATOR_REDIS_URL")
        ]
    except redis.ResponseError as error:
        remedy = "allow the user of ORCHESTRATOR_REDIS_URL the commands INFO, TIME and EVAL"
        return [Check("redis", False, f"{shown}: {error}", remedy)]
    except redis.RedisError as error:
        remedy = "start it, or correct ORCHESTRATOR_REDIS_URL"
        return [Check("redis", False, f"{shown} does not answer: {error}", remedy)]


def fleet_checks(settings: Settings) -> list[Check]:
    """Check the processes: workers, the queues that they serve, schedulers."""
    try:
        with closing(Store.connect(store_url(settings), settings.namespace)) as store:
            nodes, queues = store.read(reads.nodes(store.keys)), store.read(reads.queues(store.keys))
            late_ms = store.read(health.since_tick(store.keys))
            clock = store.read(health.clock_state(store.keys))
    except OrchestratorError as error:
        return [Check("fleet", False, str(error), "see the checks of redis")]
    return [_workers(nodes), *_unserved(nodes, queues), _scheduler(late_ms), _own_clock(clock)]


def settings_checks(environment: Mapping[str, str]) -> list[Check]:
    """Find variables that look like misspelt settings. Others may be there: Kubernetes adds `ORCHESTRATOR_PORT`."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    known |= {f"{PREFIX}{name.upper()}_FILE" for name in FROM_FILES}
    unknown = sorted(name for name in environment if name.startswith(PREFIX) and name not in known)
    slips = [(name, close[0]) for name in unknown if (close := difflib.get_close_matches(name, known, 1, 0.9))]
    return [
        Check("settings", False, f"{name} is not a setting", f"did you mean {close}?") for name, close in slips
    ] or [Check("settings", True, "no variable looks misspelt")]


def _judge(info: Mapping[str, Any]) -> Iterator[Check]:
    """Judge what INFO says about the server."""
    version = str(info["redis_version"])
    yield _check(
        "redis version",
        tuple(int(part) for part in version.split(".")[:2]) >= OLDEST,
        f"Redis {version}",
        f"run Redis {'.'.join(map(str, OLDEST))} or newer, or Valkey",
    )
    policy = info.get("maxmemory_policy", "unknown")
    yield _check(
        "redis eviction",
        policy == "noeviction",
        f"maxmemory-policy is {policy}",
        "CONFIG SET maxmemory-policy noeviction, and in redis.conf: any other may drop runs when memory is short",
    )
    aof, written = info.get("aof_enabled") == 1, info.get("aof_last_write_status", "ok")
    yield _check(
        "redis persistence",
        aof and written == "ok",
        f"the append-only file is on, last write {written}" if aof else "the append-only file is off",
        "look at the disk of Redis: it cannot write its append-only file"
        if aof
        else "CONFIG SET appendonly yes, and in redis.conf: without it a crash loses runs",
    )
    limit, used = int(info.get("maxmemory", 0)), int(info.get("used_memory", 0))
    yield _check(
        "redis memory",
        limit == 0 or used <= limit * (1 - HEADROOM),
        f"{used / 2**20:.0f} MiB used, " + (f"of {limit / 2**20:.0f} MiB" if limit else "no limit set"),
        "raise maxmemory, or lower ORCHESTRATOR_RETENTION_DAYS: at the limit, no run can be submitted",
    )


def _workers(nodes: Sequence[NodeInfo]) -> Check:
    slots = sum(node.slots for node in nodes)
    detail = f"{len(nodes)} alive, {slots} slots" if nodes else "none is alive"
    return _check("workers", bool(nodes), detail, "start one: orchestrator worker, or orchestrator up")


def _unserved(nodes: Sequence[NodeInfo], queues: Sequence[QueueInfo]) -> Iterator[Check]:
    """Find the queues in which jobs wait and which no worker serves."""
    served = {(route, priority) for node in nodes for route, classes in node.subscriptions for priority in classes}
    for queue in queues:
        if queue.ready and (queue.route, queue.priority) not in served:
            detail = f"{queue.ready} jobs wait on {queue.route}.{queue.priority.name}, and no worker serves it"
            yield Check("queues", False, detail, f"start one: orchestrator worker -Q {queue.route}")


def _scheduler(late_ms: int | None) -> Check:
    ticked = "none has ever run" if late_ms is None else f"the last one ticked {late_ms // 1000} s ago"
    alive = late_ms is not None and late_ms < TICK_S * 1000
    return _check("scheduler", alive, ticked, "start one: orchestrator scheduler, or orchestrator up")


def _own_clock(clock: health.ClockState) -> Check:
    """Judge the namespace's clock, which never goes back by a little."""
    detail, right = "goes with that of Redis", True
    if clock.set_back_ms > 0 and clock.ago_ms < TOLD_MS:
        right = False
        detail = f"Redis' clock was {clock.set_back_ms // 1000} s ahead until {clock.ago_ms // 1000} s ago"
    elif SKEW_S * 1000 < clock.ahead_ms <= CLOCK_AHEAD_MS:
        right = False
        detail = f"stands still until Redis' clock, which went back, has made up {clock.ahead_ms // 1000} s"
    remedy = "keep the clocks of Redis and its replicas by NTP; timers that were set by the wrong time are late"
    return _check("namespace clock", right, detail, remedy)


def _check(name: str, ok: bool, detail: str, remedy: str) -> Check:
    return Check(name, ok, detail, None if ok else remedy)


def _clock(client: redis.Redis, here: Mapping[str, Any]) -> Check:
    before = time.time()
    seconds, microseconds = client.time(**here)
    skew = seconds + microseconds / 1e6 - (before + time.time()) / 2
    return _check(
        "clock",
        abs(skew) <= SKEW_S,
        f"this machine is {abs(skew):.3f} s {'behind' if skew > 0 else 'ahead of'} Redis",
        "keep both clocks by NTP: schedules and timers go by the clock of Redis",
    )


def _rights(client: redis.Redis, key: str, namespace: str) -> Check:
    """Write and remove a key of the namespace by script, as the state scripts do."""
    try:
        client.eval(_PROBE, 1, key)
    except redis.RedisError as error:
        remedy = (
            f"give its user the right to run scripts and to write keys {key.removesuffix('doctor')}*; see the error"
        )
        return Check("redis rights", False, f"a script cannot write: {error}", remedy)
    return Check("redis rights", True, f"scripts can write in namespace {namespace}")


def secrecy(name: str, *urls: str, encrypted: bool = False) -> Check:
    """Check that no password travels in plain text to any of these addresses."""
    bare = [url for url in urls if urlsplit(url).password and not is_local(url) and not is_encrypted(url)]
    return _check(
        f"{name} secrecy",
        encrypted or not bare,
        "the password travels in plain text" if bare and not encrypted else "no password travels in plain text",
        f"use {'amqps' if bare and bare[0].startswith('amqp') else 'rediss'}://…, or keep the server on this machine",
    )
