"""Messages of a Kafka topic, by a consumer group of the trigger's own, from the oldest on.

Offsets are committed after delivery. A message's id is its topic, partition and offset.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from orchestrator.model.errors import SettingsError, Unavailable
from orchestrator.scheduler.sources.inbox import Found, Inbox, said
from orchestrator.scheduler.sources.listener import READ, WAIT_S
from orchestrator.scheduler.sources.messages import payload_of
from orchestrator.settings import Settings

SESSION_MS = 10_000
"""How long the partitions of a listener that died stay its own."""
DEFAULT_GROUP = "orchestrator"
_quiet = logging.getLogger(f"{__name__}.client")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False  # librdkafka says the same again and again; what matters comes as an error


def connect(inbox: Inbox, settings: Settings) -> Topic:
    """Connect to the topic of a trigger."""
    source = inbox.trigger.kafka
    assert source is not None
    group = source.group
    if group == DEFAULT_GROUP:  # triggers that share a topic each get all of it
        group = f"{DEFAULT_GROUP}.{inbox.store.namespace}.{inbox.id}"
    return Topic(source.servers, source.topic, group)


class Topic:
    """See `listener.Source`."""

    def __init__(self, servers: Sequence[str], topic: str, group: str) -> None:
        try:
            from confluent_kafka import Consumer, KafkaException
        except ImportError:
            remedy = "pip install 'celery-orchestrator[kafka]'"
            raise SettingsError("reading Kafka needs confluent-kafka", remedy=remedy) from None
        self._error: type[Exception] = KafkaException
        self._where = ",".join(servers)
        self._trouble: Any = None
        self._read: list[Any] = []
        try:
            self._consumer = Consumer(
                {
                    "bootstrap.servers": self._where,
                    "group.id": group,
                    "client.id": "orchestrator",
                    "enable.auto.commit": False,
                    "auto.offset.reset": "earliest",
                    "session.timeout.ms": SESSION_MS,
                    "error_cb": self._failed,
                },
                logger=_quiet,
            )
            self._consumer.subscribe([topic])
        except KafkaException as error:
            raise SettingsError(said(error), where=self._where) from None

    def read(self) -> Sequence[Found]:
        """See `Source`."""
        try:
            messages = self._consumer.consume(READ, timeout=WAIT_S)
        except self._error as error:
            raise Unavailable(said(error), where=self._where) from None
        good = [message for message in messages if message.error() is None]
        trouble = self._trouble or next((each.error() for each in messages if each.error() is not None), None)
        if trouble is not None and not good:
            self._trouble = None
            raise Unavailable(trouble.str(), where=self._where)
        self._read = good
        return [Found(_own(message), payload_of(message.value() or b"")) for message in good]

    def done(self) -> None:
        """See `Source`."""
        from confluent_kafka import TopicPartition

        following = {(message.topic(), message.partition()): message.offset() + 1 for message in self._read}
        offsets = [TopicPartition(topic, part, offset) for (topic, part), offset in following.items()]
        self._read = []
        try:
            self._consumer.commit(offsets=offsets, asynchronous=False)
        except self._error as error:
            raise Unavailable(said(error), where=self._where) from None

    def close(self) -> None:
        """See `Source`."""
        self._consumer.close()

    def _failed(self, error: Any) -> None:
        self._trouble = error


def _own(message: Any) -> str:
    return f"{message.topic()}:{message.partition()}:{message.offset()}"
