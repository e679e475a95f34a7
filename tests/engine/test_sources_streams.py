"""Messages that schedulers read for triggers: a Redis stream, and Kafka as librdkafka's own test server speaks it."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from orchestrator.model.errors import Unavailable
from orchestrator.scheduler.sources import kafka, listener, message_ids, redis_stream
from orchestrator.scheduler.sources.inbox import Found, fit
from orchestrator.scheduler.sources.message_ids import Unnamed
from orchestrator.scheduler.sources.messages import payload_of, payload_of_fields
from orchestrator.settings import Settings
from orchestrator.state.layouts.change_ops import drop_starter, pause, resume
from support.machine import Machine
from support.redis_server import RedisServer
from support.waiting import wait_until
from support.watched import Watched


@pytest.fixture
def watched(redis_client: redis.Redis, redis_url: str, ns: str) -> Iterator[Watched]:
    made = Watched(Machine(redis_client, ns), Settings(redis_url=redis_url))
    yield made
    made.listeners.close()


@pytest.fixture
def stream(watched: Watched) -> str:
    """A stream that goes with the test's namespace."""
    return f"{watched.keys.prefix}orders"


def delivered(watched: Watched, number: int) -> list[Any]:
    wait_until(lambda: len(watched.deliveries()) >= number, 30, f"{number} deliveries")
    watched.work()
    return [json.loads(each.body) for each in watched.deliveries()]


def idle(watched: Watched) -> bool:
    """Tell whether no thread listens any more."""
    watched.listeners.step(watched.tools)
    return not watched.listeners.running and not watched.listeners.ending


def test_each_message_starts_one_run(watched: Watched, stream: str) -> None:
    client = watched.machine.client
    client.xadd(stream, {"data": '{"n": 0}'})
    own = watched.put_trigger(redis_stream={"stream": stream})
    watched.listeners.step(watched.tools)
    for n in range(1, 50):
        client.xadd(stream, {"data": json.dumps({"n": n})})
    client.xadd(stream, {"n": "7", "text": "no {json"})
    payloads = delivered(watched, 51)
    assert {"fields": {"n": "7", "text": "no {json"}} in payloads
    assert sorted(each["n"] for each in payloads if "n" in each) == list(range(50))
    assert len(client.smembers(watched.keys.living(own))) == 51
    group = f"orchestrator:{watched.store.namespace}:{own}"
    wait_until(lambda: client.xpending(stream, group)["pending"] == 0, 5, "all to be acknowledged")


def test_a_trigger_is_listened_to_while_it_is_there_and_not_paused(watched: Watched, stream: str) -> None:
    client = watched.machine.client
    own = watched.put_trigger(redis_stream={"stream": stream})
    watched.listeners.step(watched.tools)
    client.xadd(stream, {"n": "1"})
    delivered(watched, 1)
    watched.apply([pause(own)])
    wait_until(lambda: idle(watched), 5, "the listener to end")
    client.xadd(stream, {"n": "2"})
    watched.apply([resume(own, "", None, None)])
    watched.listeners.step(watched.tools)
    delivered(watched, 2)
    watched.apply([drop_starter(own)])
    wait_until(lambda: idle(watched), 5, "the listener to end")


def test_what_a_dead_listener_had_read_is_claimed(
    watched: Watched, stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_stream, "IDLE_MS", 300)
    monkeypatch.setattr(redis_stream, "CLAIM_S", 0.1)
    client = watched.machine.client
    own = watched.put_trigger(redis_stream={"stream": stream, "group": "mine"})
    for n in range(10):
        client.xadd(stream, {"n": str(n)})
    client.xgroup_create(stream, "mine", id="0")
    client.xreadgroup("mine", "dead", {stream: ">"}, count=7)
    gone, *_ = client.xrange(stream)
    client.xdel(stream, gone[0])
    watched.listeners.step(watched.tools)
    delivered(watched, 9)
    assert len(client.smembers(watched.keys.living(own))) == 9
    wait_until(lambda: client.xpending(stream, "mine")["pending"] == 0, 5, "all to be acknowledged")


def test_what_was_delivered_and_not_acknowledged_is_not_delivered_again(watched: Watched, stream: str) -> None:
    client = watched.machine.client
    own = watched.put_trigger(redis_stream={"stream": stream})
    client.xadd(stream, {"n": "1"})
    inbox = watched.inbox(own)
    source = redis_stream.connect(inbox, watched.settings)
    inbox.deliver(source.read())
    source.close()
    group = f"orchestrator:{watched.store.namespace}:{own}"
    assert client.xpending(stream, group)["pending"] == 1
    watched.listeners.step(watched.tools)
    wait_until(lambda: client.xpending(stream, group)["pending"] == 0, 10, "it to be read again")
    assert len(delivered(watched, 1)) == 1


def test_the_id_of_a_trigger_tells_messages_apart(watched: Watched, stream: str) -> None:
    own = watched.put_trigger(redis_stream={"stream": stream}, id="event.payload.order")
    for order in (1, 1, 2):
        watched.machine.client.xadd(stream, {"data": json.dumps({"order": order})})
    watched.machine.client.xadd(stream, {"other": "has no id of its own, and is not lost"})
    watched.listeners.step(watched.tools)
    delivered(watched, 3)
    assert len(watched.machine.client.smembers(watched.keys.living(own))) == 3


def test_reading_stops_while_much_waits(watched: Watched, stream: str) -> None:
    own = watched.put_trigger(redis_stream={"stream": stream})
    client = watched.machine.client
    client.rpush(watched.keys.waiting(own), *["x"] * 5_000)
    client.xadd(stream, {"n": "1"})
    watched.listeners.step(watched.tools)
    time_left = time.monotonic() + 1.5
    wait_until(lambda: time.monotonic() > time_left, 5, "some time to pass")
    assert client.xinfo_groups(stream) == []
    client.ltrim(watched.keys.waiting(own), 0, 99)
    wait_until(lambda: watched.deliveries(), 10, "reading to go on")
    client.delete(watched.keys.waiting(own))


def test_a_source_that_is_away_is_told_once_and_tried_again(
    watched: Watched,
    make_redis: Callable[..., RedisServer],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(listener, "FIRST_S", 0.05)
    monkeypatch.setattr(listener, "LONGEST_S", 0.1)
    server = make_redis()
    watched.put_trigger(redis_stream={"stream": "orders", "url": server.url})
    watched.listeners.step(watched.tools)
    with server.client() as client:
        client.xadd("orders", {"n": "1"})
        delivered(watched, 1)
        with caplog.at_level(logging.INFO):
            server.kill()
            wait_until(lambda: "cannot be listened to" in caplog.text, 10, "the failure to be told")
            server.start()
            client.xadd("orders", {"n": "2"})
            delivered(watched, 2)
    assert caplog.text.count("cannot be listened to") == 1
    assert caplog.text.count("answers again") == 1


@pytest.mark.parametrize(
    ("body", "payload"),
    [
        (b'{"a": 1}', {"a": 1}), (b"5", 5), (b"hello", {"text": "hello"}), (b"", {"text": ""}),
        (b"\xff\xfe", {"base64": "//4="}), (b"NaN", {"text": "NaN"}), (b"1e999", {"text": "1e999"}),
        (b'"\\ud800"', {"text": '"\\ud800"'}), (b"[" * 100_000, {"text": "[" * 100_000}),
        (b"x" * ((1 << 20) + 1), {"bytes": (1 << 20) + 1}),
    ],
    ids=range(10),
)  # fmt: skip
def test_a_message_that_is_no_json_is_delivered_all_the_same(body: bytes, payload: Any) -> None:
    assert payload_of(body) == payload


def test_a_field_of_json_is_the_payload_and_others_are_text() -> None:
    assert payload_of_fields({b"data": b"[1]"}) == [1]
    assert payload_of_fields({b"data": b"1"}) == {"fields": {"data": "1"}}
    assert payload_of_fields({b"data": b"{"}) == {"fields": {"data": "{"}}
    assert payload_of_fields({b"a": b"{}", b"b": b"\xff"}) == {"fields": {"a": "{}", "b": "\ufffd"}}
    assert payload_of_fields({b"a": b"x" * (1 << 20)}) == {"bytes": (1 << 20) + 1}


def test_ids_fit_into_keys() -> None:
    assert fit("order-7") == "order-7"
    for strange in ("two words", "line\nbreak", "x" * 1_000, "", "é", "\udcff"):
        assert len(fit(strange)) == 32
        assert fit(strange) == fit(strange)


def test_messages_without_an_id_keep_the_one_that_they_are_given(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(message_ids, "PATIENCE_MS", 500)
    own = watched.put_trigger(rabbitmq={"queue": "q", "url": "amqp://host/"})
    first, second = Unnamed(watched.store, own), Unnamed(watched.store, own)
    ids = first.name([("a", False), ("a", False), ("b", False)])
    assert len(set(ids)) == 3, "two that say the same are two"
    first.done(ids[2:])
    began = time.monotonic()
    again = second.name([("a", True), ("b", True), ("c", False), ("a", True), ("a", True)])
    assert time.monotonic() - began > 0.4, "the first may be alive, and at work"
    assert {again[0], again[3]} == set(ids[:2])
    assert not {again[1], again[2], again[4]} & set(ids)
    second.done(again)
    assert watched.machine.client.hlen(watched.keys.seen(own)) == 0


@pytest.fixture
def servers() -> tuple[Any, str]:
    """A producer, and the address of the broker that librdkafka brings for tests: it speaks Kafka's protocol."""
    confluent = pytest.importorskip("confluent_kafka")
    producer = confluent.Producer({"test.mock.num.brokers": 1}, logger=kafka._quiet)
    (broker,) = producer.list_topics(timeout=10).brokers.values()
    return producer, f"{broker.host}:{broker.port}"


@pytest.mark.slow
def test_messages_of_a_kafka_topic_start_one_run_each(watched: Watched, servers: tuple[Any, str]) -> None:
    producer, address = servers
    for n in range(100):
        producer.produce("orders", value=json.dumps({"n": n}).encode())
    producer.flush(10)
    own = watched.put_trigger(kafka={"topic": "orders", "servers": [address]})
    source = kafka.connect(watched.inbox(own), Settings())
    first: list[Found] = []
    wait_until(lambda: first.extend(source.read()) or first, 20, "Kafka to give messages")
    source.close()  # before it is done with them: they come again
    watched.listeners.step(watched.tools)
    payloads = delivered(watched, 100)
    assert sorted(each["n"] for each in payloads) == list(range(100))
    watched.look()
    assert len(watched.machine.client.smembers(watched.keys.living(own))) == 100
    watched.listeners.close()
    second = kafka.connect(watched.inbox(own), Settings())
    producer.produce("orders", value=b"last")
    producer.flush(10)
    last: list[Found] = []
    wait_until(lambda: last.extend(second.read()) or last, 30, "Kafka to give the last message")
    second.done()
    second.close()
    assert [each.payload for each in last] == [{"text": "last"}], "the others were committed"


def test_a_kafka_that_is_away_is_told(watched: Watched) -> None:
    pytest.importorskip("confluent_kafka")
    own = watched.put_trigger(kafka={"topic": "orders", "servers": ["127.0.0.1:1"]})
    source = kafka.connect(watched.inbox(own), Settings())
    with pytest.raises(Unavailable, match=r"brokers are down|Connect"):
        wait_until(source.read, 15, "never")
    source.close()
