"""Names of broker queues, and which a worker serves."""

from __future__ import annotations

import pytest
from kombu import Exchange, Queue
from kombu.common import Broadcast

from orchestrator.dispatch.topology import class_queues, names_beside, parse_queue, queue_name, subscriptions
from orchestrator.state.transitions.values import Subscription

CLASSES = ("critical", "high", "normal", "low")


def consumed(*names: str, **arguments: object) -> dict[str, Queue]:
    return {name: Queue(name, Exchange(name), name, queue_arguments=arguments or None) for name in names}


@pytest.mark.parametrize(
    ("namespace", "route", "priority", "name"),
    [
        ("default", "mail", 0, "mail.critical"),
        ("default", "a.b", 3, "a.b.low"),
        ("acme", "mail", 1, "acme:mail.high"),
    ],
)
def test_a_name_is_read_back(namespace: str, route: str, priority: int, name: str) -> None:
    assert queue_name(namespace, route, priority) == name
    assert parse_queue(namespace, name) == (route, priority)


@pytest.mark.parametrize(
    ("namespace", "name"),
    [
        ("default", "mail"),
        ("default", "mail.urgent"),
        ("default", "acme:mail.high"),
        ("default", ".high"),
        ("acme", "mail.high"),
        ("acme", "other:mail.high"),
    ],
)
def test_other_queues_are_not_ours(namespace: str, name: str) -> None:
    assert parse_queue(namespace, name) is None


def test_a_plain_queue_brings_its_four_classes_most_urgent_first() -> None:
    names = [queue.name for queue in class_queues("default", consumed("mail", "web"))]
    assert names == [f"{route}.{priority}" for priority in CLASSES for route in ("mail", "web")]


def test_a_class_queue_stands_for_itself() -> None:
    assert [queue.name for queue in class_queues("default", consumed("mail.critical"))] == ["mail.critical"]


def test_in_a_namespace_a_class_queue_is_the_namespaces_own() -> None:
    assert [queue.name for queue in class_queues("acme", consumed("mail.critical"))] == ["acme:mail.critical"]
    assert [queue.name for queue in class_queues("acme", consumed("acme:mail.low"))] == ["acme:mail.low"]


def test_excluded_names_are_left_out() -> None:
    names = {queue.name for queue in class_queues("default", consumed("mail"), ["mail.low"])}
    assert names == {"mail.critical", "mail.high", "mail.normal"}
    names = {queue.name for queue in class_queues("acme", consumed("mail"), ["acme:mail.low", "mail.high"])}
    assert names == {"acme:mail.critical", "acme:mail.normal"}


def test_quorum_queues_have_quorum_queues_beside_them() -> None:
    (first, *_) = class_queues("default", consumed("mail", **{"x-queue-type": "quorum"}))
    assert first.queue_arguments == {"x-queue-type": "quorum"}


def test_a_queue_that_cannot_be_a_route_is_left_alone() -> None:
    assert class_queues("default", consumed("other:mail", "mail box")) == []


def test_the_apps_own_queue_of_such_a_name_is_kept_with_its_binding() -> None:
    own = Queue("mail.high", Exchange("mail", type="topic"), "mail.urgent.#")
    assert class_queues("default", {"mail.high": own}, declared={"mail.high"}) == [own]
    both = class_queues("default", {"mail.high": own, **consumed("mail")}, declared={"mail.high", "mail"})
    assert next(queue for queue in both if queue.name == "mail.high") is own
    elsewhere = class_queues("default", consumed("mail"), declared={"mail.high"})
    assert "mail.high" not in [queue.name for queue in elsewhere], "it is not consumed: its messages are others'"
    assert class_queues("acme", {"mail.high": own}, declared={"mail.high"}) == []


def test_a_queue_that_goes_with_its_worker_has_none_beside_it() -> None:
    queues = [Broadcast("news"), Queue("mine", exclusive=True), Queue("brief", auto_delete=True)]
    assert class_queues("default", {queue.name: queue for queue in queues}) == []


def test_class_queues_are_bound_to_nothing_and_last_as_long_as_their_model() -> None:
    (first, *_) = class_queues("default", {"mail": Queue("mail", Exchange("news", "fanout"), expires=9, durable=False)})
    assert (first.exchange.name, first.bindings, first.expires, first.durable) == ("", set(), 9, False)


def test_what_is_cancelled_with_a_queue() -> None:
    assert names_beside("default", "mail") == [f"mail.{priority}" for priority in CLASSES]
    assert names_beside("acme", "mail.high") == ["acme:mail.high"]
    assert names_beside("default", "mail box") == []


def test_what_a_worker_may_take() -> None:
    names = ["celery", "mail.low", "mail.critical", "web.normal", "acme:mail.high"]
    assert subscriptions("default", names) == (Subscription("mail", (0, 3)), Subscription("web", (2,)))
    assert subscriptions("acme", names) == (Subscription("mail", (1,)),)
