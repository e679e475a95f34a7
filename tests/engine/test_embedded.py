"""The embedded Redis, with each server that is here: it keeps data, refuses what would harm it, and leaves nothing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import redis
from kombu import Connection

from orchestrator.client.checks import broker_checks
from orchestrator.model.errors import EmbeddedRedisError
from orchestrator.servers import discovery, embedded
from orchestrator.servers.addresses import broker_url, store_url
from orchestrator.servers.checks import redis_checks
from orchestrator.servers.embedded import EmbeddedRedis, running
from orchestrator.settings import Settings
from support.needs import require_redis
from support.waiting import wait_until


@pytest.fixture(params=["6.2", "7.0", "8.2"])
def server(request, monkeypatch):
    """One server after the other as the only one of the machine."""
    found = require_redis(request.param)
    only(monkeypatch, found)
    return found


def only(monkeypatch, *present):
    monkeypatch.setattr(discovery, "servers", lambda: iter(present))


def test_data_outlive_a_restart_and_so_does_the_address(server, tmp_path):
    with EmbeddedRedis(tmp_path / 'a "folder"') as first:
        url = first.url
        with redis.Redis.from_url(url) as client:
            client.set("run", "kept")
            settings = client.config_get("append*") | client.config_get("save") | client.config_get("maxmemory-policy")
    assert settings["appendonly"] == "yes"
    assert settings["appendfsync"] == "everysec"
    assert settings["save"] == ""
    assert settings["maxmemory-policy"] == "noeviction"
    with EmbeddedRedis(tmp_path / 'a "folder"') as second:
        assert second.url == url
        assert second.server == server
        with redis.Redis.from_url(url) as client:
            assert client.get("run") == b"kept"


def test_data_outlive_kill_nine_of_the_server(server, tmp_path):
    with EmbeddedRedis(tmp_path) as first, redis.Redis.from_url(first.url) as client:
        client.set("run", "kept")
        os.kill(first.pid, signal.SIGKILL)
    with EmbeddedRedis(tmp_path) as second, redis.Redis.from_url(second.url) as client:
        assert client.get("run") == b"kept"


def test_celery_takes_the_same_address(server, tmp_path):
    with EmbeddedRedis(tmp_path) as server_, Connection(server_.url) as connection:
        queue = connection.SimpleQueue("q")
        queue.put({"n": 1})
        assert queue.get(timeout=5).payload == {"n": 1}
        queue.close()


def test_a_celery_broker_can_be_the_unix_socket_of_the_store(make_redis, tmp_path):
    path = tmp_path / "r.sock"
    make_redis(args=("--unixsocket", str(path)))
    settings = Settings(redis_url=f"unix://{path}?db=1")
    assert all(check.ok for check in redis_checks(settings) + broker_checks(settings))
    with Connection(broker_url(settings)) as connection:
        connection.SimpleQueue("q").put({"n": 1})
    with redis.Redis.from_url(store_url(settings)) as client:
        assert client.llen("q") == 1


def test_another_terminal_finds_the_server_that_runs(tmp_path):
    settings = Settings(data_dir=tmp_path)
    with EmbeddedRedis(tmp_path) as server_:
        assert store_url(settings) == server_.url
    assert running(tmp_path) is None


def test_the_password_is_nobody_elses(tmp_path):
    with EmbeddedRedis(tmp_path) as server_:
        record = running(tmp_path)
        assert record is not None
        assert not any(record.password in part for part in psutil.Process(server_.pid).cmdline())
        assert (tmp_path / "server.json").stat().st_mode & 0o077 == 0
        with redis.Redis(port=record.port, retry=None) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.get("run")


def test_a_folder_in_use_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(embedded, "_LOCK_S", 0.05)
    with (
        EmbeddedRedis(tmp_path),
        pytest.raises(EmbeddedRedisError, match=r"in use by another `orchestrator up`.*--data"),
    ):
        EmbeddedRedis(tmp_path).start()


@pytest.mark.parametrize(("writer", "older"), [("8.2", "7.0"), ("7.0", "6.2")])
def test_an_older_server_than_the_writer_is_refused(writer, older, tmp_path, monkeypatch):
    new, old = require_redis(writer), require_redis(older)
    only(monkeypatch, new)
    run_once(tmp_path)
    only(monkeypatch, old)
    with pytest.raises(EmbeddedRedisError) as caught:
        EmbeddedRedis(tmp_path).start()
    assert f"last written by Redis {new.version}" in str(caught.value)
    assert f"Redis {old.version}" in str(caught.value)
    only(monkeypatch, old, new)  # with both, the one that can read the data is taken, in spite of the order
    with EmbeddedRedis(tmp_path) as again:
        assert again.server == new


def test_a_newer_server_than_the_writer_takes_over(tmp_path, monkeypatch):
    old, new = require_redis("6.2"), require_redis("8.2")
    only(monkeypatch, old)
    with EmbeddedRedis(tmp_path) as first, redis.Redis.from_url(first.url) as client:
        client.set("run", "kept")
    only(monkeypatch, new)
    with EmbeddedRedis(tmp_path) as second, redis.Redis.from_url(second.url) as client:
        assert client.get("run") == b"kept"
    assert embedded._read_record(tmp_path).server == new


def test_valkey_and_redis_do_not_read_each_other():
    redis_8 = discovery.Server("/r", "8.2.3", "PATH")
    valkey_9 = discovery.Server("/v", "9.0.0", "PATH", "Valkey")
    assert not valkey_9.can_read(redis_8)
    assert not redis_8.can_read(valkey_9)
    assert redis_8.can_read(discovery.Server("/r", "8.2.9", "PATH"))


def test_without_a_server_it_is_said_what_to_install(tmp_path, monkeypatch):
    only(monkeypatch)
    with pytest.raises(EmbeddedRedisError, match="apt install redis-server"):
        EmbeddedRedis(tmp_path).start()
    assert running(tmp_path) is None


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedRedisError, match="cannot be used: Not a directory"):
        EmbeddedRedis(tmp_path / "file" / "data").start()


def test_data_that_cannot_be_loaded_end_in_one_line(tmp_path, monkeypatch):
    only(monkeypatch, require_redis("7.0"))
    run_once(tmp_path)
    manifest = tmp_path / "appendonlydir" / "appendonly.aof.manifest"
    manifest.write_text("nonsense\n")
    with pytest.raises(EmbeddedRedisError, match="ended as it started") as caught:
        EmbeddedRedis(tmp_path).start()
    assert "\n" not in str(caught.value)


def test_a_port_taken_meanwhile_is_replaced(tmp_path):
    with EmbeddedRedis(tmp_path) as first:
        url = first.url
    record = embedded._read_record(tmp_path)
    with socket.create_server(("127.0.0.1", record.port)), EmbeddedRedis(tmp_path) as second:
        assert second.url != url


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_no_server_outlives_its_starter(how, tmp_path):
    code = (
        "import sys, pathlib, signal\n"
        "from orchestrator.servers.embedded import EmbeddedRedis\n"
        "server = EmbeddedRedis(pathlib.Path(sys.argv[1])); server.start()\n"
        "print(server.pid, flush=True)\n"
        "signal.pause()"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as starter:
        pid = int(starter.stdout.readline())
        with redis.Redis.from_url(running(tmp_path).url) as client:
            client.set("run", "kept")
        starter.send_signal(how)
    wait_until(lambda: not alive(pid), 5, "the server to end with its starter")
    with EmbeddedRedis(tmp_path) as again, redis.Redis.from_url(again.url) as client:
        assert client.get("run") == b"kept"


def run_once(folder: Path) -> None:
    with EmbeddedRedis(folder) as server_, redis.Redis.from_url(server_.url) as client:
        client.set("run", "kept")


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
