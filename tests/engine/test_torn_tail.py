"""An append-only file whose tail is torn inside a transaction costs no transaction that is acknowledged later."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from orchestrator.scheduler.duties import Tools
from orchestrator.scheduler.duties.leases import Leases
from orchestrator.state.store import Store
from support.needs import require_redis
from support.redis_server import RedisServer
from support.waiting import wait_until


@pytest.mark.parametrize("version", ["6.2", "7.0"])
def test_what_is_acknowledged_after_a_torn_tail_is_kept(make_redis: Callable[..., RedisServer], version: str) -> None:
    """Not even one command: it would stand in the broken transaction, which has no end."""
    server = make_redis(require_redis(version), ("--appendfsync", "always"))
    look(server)
    transact(server, "first")
    server.kill()
    tear(server)
    server.start()
    look(server)
    wait_until(lambda: rewritten(server), 20, "the append-only file to be rewritten")
    with server.client() as client:
        client.set("second", 1)
    server.restart()
    with server.client() as client:
        assert client.get("second") == b"1"


def look(server: RedisServer) -> None:
    """Let a scheduler look after the leases once."""
    with server.client() as client:
        Leases().step(Tools(Store(client, "torn"), lambda _permits: None))


def transact(server: RedisServer, name: str) -> None:
    """Make a transaction, which Redis acknowledges."""
    with server.client() as client, client.pipeline(transaction=True) as pipe:
        pipe.set(name, 1)
        pipe.set(f"{name} too", 1)
        pipe.execute()


def tear(server: RedisServer) -> None:
    """Cut the file inside the EXEC of its last transaction, as a power cut may."""
    files = [*server.folder.glob("appendonly.aof"), *server.folder.glob("appendonlydir/*.incr.aof")]
    (file,) = (each for each in files if each.is_file())
    whole = file.read_bytes()
    assert whole.endswith(b"EXEC\r\n")
    file.write_bytes(whole[:-5])


def rewritten(server: RedisServer) -> bool:
    """Tell whether the file was rewritten since the start."""
    with server.client() as client:
        info = client.info("persistence")
    return bool(info["aof_last_rewrite_time_sec"] >= 0 and not info["aof_rewrite_in_progress"])
