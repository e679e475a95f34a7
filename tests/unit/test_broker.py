"""Which broker an app or the settings mean: its ids and its name without secrets, and who is of one broker."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from celery import Celery

from orchestrator.dispatch.agreement import Agreement, apart, unheard
from orchestrator.dispatch.broker import Broker
from orchestrator.model.run import NodeInfo, QueueInfo
from orchestrator.model.states import PriorityClass
from orchestrator.settings import Settings
from orchestrator.state.transitions.values import Permits


def app(**conf: Any) -> Celery:
    made = Celery("shop", set_as_current=False)
    made.conf.update(conf)
    return made


def broker(**conf: Any) -> Broker:
    return Broker.of_app(app(**conf))


@pytest.mark.parametrize(
    ("conf", "name"),
    [
        ({"broker_url": "redis://:pw@h:1/2"}, "redis://h:1/2"),
        ({"broker_url": "rediss://me:pw@h/2?ssl_cert_reqs=none"}, "rediss://h:6379/2"),
        ({"broker_url": ["redis://h/1", "redis://:pw@g/1"]}, "redis://h:6379/1; redis://g:6379/1"),
        ({"broker_url": "amqp://u:pw@h/v;amqp://u:pw@g/v"}, "amqp://h:5672/v; amqp://g:5672/v"),
        (
            {
                "broker_url": "sentinel://:pw@a;sentinel://:pw@b:1",
                "broker_transport_options": {"master_name": "main", "sentinel_kwargs": {"password": "pw"}},
            },
            "sentinel://a:26379/0 (main); sentinel://b:1/0 (main)",
        ),
        (
            {"broker_url": "redis://h", "broker_transport_options": {"global_keyprefix": "acme_"}},
            "redis://h:6379/0 (acme_)",
        ),
        ({"broker_url": "redis+socket://:pw@/run/r.sock?virtual_host=3"}, "redis+socket:///run/r.sock?virtual_host=3"),
        ({"broker_read_url": "redis://r", "broker_write_url": "redis://w"}, "redis://w:6379/0, read at redis://r:6379/0"),
        (
            {"broker_url": "h", "broker_transport": "pyamqp", "broker_user": "me", "broker_password": "pw",
             "broker_vhost": "v"},
            "amqp://h:5672/v",
        ),
        ({}, "amqp://127.0.0.1:5672/"),
    ],
)  # fmt: skip
def test_a_name_has_all_addresses_and_no_secrets(conf: dict[str, Any], name: str) -> None:
    assert broker(**conf).name == name
    assert "pw" not in broker(**conf).name


def same(one: Broker, other: Broker) -> bool:
    return not one.ids.isdisjoint(other.ids)


def test_passwords_users_tls_and_further_addresses_make_no_other_broker() -> None:
    one = broker(broker_url="redis://h/1")
    for other in (
        broker(broker_url="redis://me:pw@h:6379/1"),
        broker(broker_url="rediss://h/1"),
        broker(broker_url="redis://h/1", broker_use_ssl={"ssl_cert_reqs": None}),
        broker(broker_url=["redis://g/1", "redis://h/1"], broker_failover_strategy="shuffle"),
        broker(broker_url="redis://h/1", broker_transport_options={"visibility_timeout": 9, "socket_timeout": 1}),
        broker(broker_write_url="redis://h/1", broker_read_url="redis://replica/1"),
        Broker.of_url("redis://h/1"),
    ):
        assert same(one, other)


def test_another_database_prefix_or_master_is_another_broker() -> None:
    one = broker(broker_url="redis://h/1")
    for other in (
        broker(broker_url="redis://h/0"),
        broker(broker_url="redis://h:6380/1"),
        broker(broker_url="redis://h/1", broker_transport_options={"global_keyprefix": "acme_"}),
        broker(broker_url="amqp://h/1"),
    ):
        assert not same(one, other)
    assert same(broker(broker_url="redis://localhost"), broker(broker_url="redis://127.0.0.1:6379/0"))


def test_the_app_comes_before_the_settings_unless_its_broker_is_in_memory() -> None:
    settings = Settings(redis_url="redis://state/0", broker_url="redis://queue/0")
    assert Broker.of(settings).name == "redis://queue:6379/0"
    assert Broker.of(settings, app(broker_url="amqp://h")).name == "amqp://h:5672/"
    assert Broker.of(settings, app(broker_url="memory://")).name == "redis://queue:6379/0"


def test_a_connection_has_the_apps_options_and_short_time_limits() -> None:
    options = {"global_keyprefix": "acme_", "visibility_timeout": 9, "socket_timeout": 100}
    made = broker(broker_url=["redis://a", "redis://b"], broker_transport_options=options, broker_use_ssl=True).connect(
        2
    )
    assert made.transport_options == {**options, "socket_timeout": 2, "socket_connect_timeout": 2}
    assert (made.connect_timeout, made.alt, made.ssl) == (2, ["redis://a", "redis://b"], True)
    made = broker(broker_url="pyamqp://h").connect(2)
    assert made.transport_options == {"read_timeout": 2, "write_timeout": 2, "confirm_publish": False}


# -- agreement --------------------------------------------------------------------------------------------------------


def node(name: str, route: str, listens_to: Broker | None) -> NodeInfo:
    info = {} if listens_to is None else {"broker": listens_to.name}
    ids = frozenset[str]() if listens_to is None else listens_to.ids
    return NodeInfo(name, 1, 1, ((route, tuple(PriorityClass)),), (), 0, info, ids)


HERE, THERE = Broker.of_url("memory://here"), Broker.of_url("memory://there")


def test_a_route_whose_workers_all_listen_elsewhere_is_told_with_both_names() -> None:
    nodes = [node("a@h", "mail", THERE), node("b@h", "mail", THERE), node("c@h", "web", HERE)]
    assert [each.name for each in unheard(HERE, nodes)["mail"]] == ["a@h", "b@h"]
    waiting = QueueInfo("mail", PriorityClass.normal, 1, None, 1, 0)
    line = "permits from here go to memory://here/, but a@h, b@h listen to memory://there/"
    assert apart(HERE, nodes, [waiting]) == line
    assert apart(HERE, nodes, [replace(waiting, ready=0)]) == "", "two apps with a broker each may share a namespace"
    assert apart(HERE, nodes[:2], []) == line


def test_one_worker_of_ours_is_enough_and_who_does_not_say_is_ours() -> None:
    assert apart(HERE, [node("a@h", "mail", THERE), node("b@h", "mail", HERE)], []) == ""
    assert apart(HERE, [node("a@h", "mail", None)], []) == ""
    assert apart(HERE, [], []) == ""


def test_permits_that_nobody_would_hear_are_left_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    agreement = Agreement(HERE)
    permits = [Permits("mail", 0, 1), Permits("web", 0, 1)]
    assert agreement.stale
    assert agreement.heard(permits) == permits
    agreement.learn([node("a@h", "mail", THERE)])
    assert not agreement.stale
    for _ in range(3):
        assert agreement.heard(permits) == [Permits("web", 0, 1)]
    assert len(caplog.records) == 1
