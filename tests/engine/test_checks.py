"""The doctor's checks of Redis and broker, against servers that are set up wrong."""

from __future__ import annotations

import pytest

from orchestrator.client.checks import broker_checks
from orchestrator.model.checks import Check
from orchestrator.servers.checks import redis_checks, secrecy
from orchestrator.servers.discovery import Server
from orchestrator.settings import Settings
from support.needs import all_servers


def failed(checks: list[Check]) -> dict[str, Check]:
    """Return the checks that are not ok; each must have a remedy, and only those."""
    assert all((check.remedy is None) == check.ok for check in checks)
    return {check.name: check for check in checks if not check.ok}


@pytest.mark.parametrize("server", all_servers(), ids=str)
def test_a_well_kept_redis_has_nothing_to_complain_of(make_redis, server: Server):
    settings = Settings(redis_url=make_redis(server).url)
    assert failed(redis_checks(settings) + broker_checks(settings)) == {}


def test_what_would_lose_runs_is_told(make_redis):
    args = ("--appendonly", "no", "--maxmemory", "2mb", "--maxmemory-policy", "allkeys-lru")
    bad = failed(redis_checks(Settings(redis_url=make_redis(args=args).url)))
    assert bad["redis eviction"].detail == "maxmemory-policy is allkeys-lru"
    assert bad["redis persistence"].detail == "the append-only file is off"


def test_memory_that_runs_short_is_told(make_redis):
    server = make_redis(args=("--maxmemory", "20mb"))
    with server.client() as client:
        client.setrange("ballast", 17 << 20, b"x")
    assert "of 20 MiB" in failed(redis_checks(Settings(redis_url=server.url)))["redis memory"].detail


def test_a_user_without_rights_is_told(make_redis):
    server = make_redis()
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "app", "on", ">pw", "~o:{other}:*", "+@all")
    settings = Settings(redis_url=server.url.replace("//", "//app:pw@"))
    assert "redis rights" in failed(redis_checks(settings))
    assert failed(redis_checks(Settings(redis_url=settings.redis_url, namespace="other"))) == {}


def test_a_wrong_password_is_told_without_the_password(make_redis):
    server = make_redis(args=("--requirepass", "right"))
    bad = failed(redis_checks(Settings(redis_url=server.url.replace("//", "//:wrong@"))))
    assert "ORCHESTRATOR_REDIS_URL" in str(bad["redis"].remedy)
    assert "wrong@" not in bad["redis"].detail


def test_a_replica_cannot_hold_the_state(make_redis):
    settings = Settings(redis_url=make_redis(args=("--replicaof", "127.0.0.1", "1")).url)
    assert "redis rights" in failed(redis_checks(settings))


def test_clocks_that_differ_are_told(make_redis, monkeypatch):
    settings = Settings(redis_url=make_redis().url)
    monkeypatch.setattr("orchestrator.servers.checks.time.time", lambda: 0.0)
    assert "behind Redis" in failed(redis_checks(settings))["clock"].detail


def test_servers_that_are_not_there(tmp_path):
    assert "does not answer" in failed(redis_checks(Settings(redis_url="redis://127.0.0.1:1")))["redis"].detail
    assert "cannot be used" in failed(redis_checks(Settings(redis_url="redis+cluster://127.0.0.1:1")))["redis"].detail
    assert "does not answer" in failed(broker_checks(Settings(broker_url="amqp://127.0.0.1:1//")))["broker"].detail
    nothing = Settings(data_dir=tmp_path)
    assert "orchestrator up" in str(failed(redis_checks(nothing))["redis"].remedy)
    assert "orchestrator up" in str(failed(broker_checks(nothing))["broker"].remedy)


def test_a_password_in_plain_text_over_the_network_is_told(monkeypatch):
    assert not secrecy("redis", "redis://:pw@db.example:6379").ok
    assert secrecy("redis", "rediss://:pw@db.example:6379").ok
    assert secrecy("redis", "redis://:pw@127.0.0.1:6379").ok
    assert secrecy("broker", "amqp://mq.example//").ok


def test_a_cluster_is_judged_by_the_node_that_holds_the_namespace(redis_cluster):
    settings = Settings(redis_url=redis_cluster.url.replace("redis://", "redis+cluster://"))
    assert failed(redis_checks(settings)) == {}
    assert "Cluster" in failed(broker_checks(settings))["broker"].detail


@pytest.mark.rabbitmq
def test_rabbitmq(rabbitmq):
    assert failed(broker_checks(Settings(broker_url=rabbitmq.url))) == {}
    wrong = rabbitmq.url.replace("guest:guest", "guest:wrong")
    assert "***" in failed(broker_checks(Settings(broker_url=wrong)))["broker"].detail
