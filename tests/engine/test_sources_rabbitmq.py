"""Messages of RabbitMQ queues that schedulers read for triggers, from a real broker."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from kombu import Connection, Producer, Queue

from orchestrator.model.errors import SettingsError, Unavailable
from orchestrator.scheduler.sources import rabbitmq as source
from orchestrator.scheduler.sources.inbox import Inbox
from orchestrator.settings import Settings
from support.machine import Machine
from support.rabbitmq import RabbitMQ
from support.waiting import wait_until
from support.watched import Watched


@pytest.fixture
def watched(redis_client: redis.Redis, redis_url: str, ns: str) -> Watched:
    return Watched(Machine(redis_client, ns), Settings(redis_url=redis_url))


@pytest.fixture
def queue(rabbitmq: RabbitMQ) -> Iterator[tuple[Any, str]]:
    """A producer to a queue, and its name."""
    name = f"orders{uuid.uuid4().hex[:8]}"
    with Connection(rabbitmq.url) as connection:
        channel: Any = connection.channel()
        Queue(name, durable=True)(channel).declare()
        yield Producer(channel, routing_key=name), name
        channel.queue_delete(name)


def inbox(watched: Watched, url: str | None, name: str) -> Inbox:
    return watched.inbox(watched.put_trigger(rabbitmq={"queue": name, **({"url": url} if url else {})}))


@pytest.mark.rabbitmq
def test_each_message_starts_one_run(
    watched: Watched, rabbitmq: RabbitMQ, queue: tuple[Any, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_BROKER", rabbitmq.url)
    producer, name = queue
    own = watched.put_trigger(rabbitmq={"queue": name, "url": "env:SHOP_BROKER"})
    producer.publish({"n": 1}, serializer="json", message_id="one")
    producer.publish({"n": 1}, serializer="json", message_id="one")
    producer.publish({"n": 2}, serializer="json")
    producer.publish({"n": 2}, serializer="json")
    producer.publish(b"\xff", content_type="application/data", content_encoding="binary")
    producer.publish("hello", serializer="raw", content_type="text/plain", content_encoding="utf-8")
    watched.listeners.step(watched.tools)
    try:
        wait_until(lambda: len(watched.deliveries()) >= 5, 15, "five deliveries")
    finally:
        watched.listeners.close()
    watched.work()
    payloads = sorted(json.dumps(json.loads(each.body)) for each in watched.deliveries())
    assert payloads == ['{"base64": "/w=="}', '{"n": 1}', '{"n": 2}', '{"n": 2}', '{"text": "hello"}']
    assert len(watched.machine.client.smembers(watched.keys.living(own))) == 5
    with Connection(rabbitmq.url) as connection:
        channel: Any = connection.channel()
        assert channel.queue_declare(name, passive=True).message_count == 0


@pytest.mark.rabbitmq
def test_a_queue_must_be_there(watched: Watched, rabbitmq: RabbitMQ) -> None:
    own = inbox(watched, "env:SHOP_BROKER", "none")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOP_BROKER", rabbitmq.url)
        with pytest.raises(Unavailable, match="no queue 'none'"):
            source.connect(own, Settings())


@pytest.mark.rabbitmq
def test_what_is_not_done_comes_again(watched: Watched, rabbitmq: RabbitMQ, queue: tuple[Any, str]) -> None:
    producer, name = queue
    own = inbox(watched, None, name)
    settings = Settings(broker_url=rabbitmq.url)
    for n in range(3):
        producer.publish({"n": n}, serializer="json", message_id=f"m{n}")
    for _ in range(2):
        connected = source.connect(own, settings)
        assert [found.source_id for found in connected.read()] == ["m0", "m1", "m2"]
        connected.close()
    connected = source.connect(own, settings)
    connected.read()
    connected.done()
    assert connected.read() == []
    connected.close()


def test_another_broker_is_told(watched: Watched) -> None:
    own = inbox(watched, None, "orders")
    with pytest.raises(SettingsError, match="no RabbitMQ"):
        source.connect(own, watched.settings)


def test_a_broker_that_is_away_is_told_without_its_password(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_BROKER", "amqp://guest:tiger4711@127.0.0.1:1//")
    with pytest.raises(Unavailable, match="refused") as caught:
        source.connect(inbox(watched, "env:SHOP_BROKER", "orders"), Settings())
    assert "4711" not in str(caught.value)
