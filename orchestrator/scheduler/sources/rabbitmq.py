"""Messages of a RabbitMQ queue, acknowledged once they are delivered.

A message is told from others by its property `message_id`; `unnamed` helps where a producer sets none.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from kombu import Connection, Consumer, Message, Queue

from orchestrator.model.errors import SettingsError, Unavailable
from orchestrator.model.urls import mask_url
from orchestrator.scheduler.sources.inbox import Found, Inbox, digest, fit, refers, reveal, said, secrets_in
from orchestrator.scheduler.sources.listener import READ, WAIT_S
from orchestrator.scheduler.sources.message_ids import Unnamed
from orchestrator.scheduler.sources.messages import payload_of
from orchestrator.servers.addresses import broker_url
from orchestrator.settings import Settings

PREFETCH = 2 * READ
HEARTBEAT_S = 20
CONNECT_S = 5
PAUSE_S = 0.02
"""How long more is waited for once something has come."""


def connect(inbox: Inbox, settings: Settings) -> Messages:
    """Connect to the queue of a trigger. It must be there: what kind of queue it is, its owner decides."""
    source = inbox.trigger.rabbitmq
    assert source is not None
    given = source.url or broker_url(settings)
    url = reveal(given)
    shown = given if refers(given) else mask_url(given)
    if urlsplit(url).scheme not in ("amqp", "amqps"):
        raise SettingsError(
            "this is no RabbitMQ", where=shown, remedy="give the trigger's source the url of one: amqp://…"
        )
    return Messages(url, source.queue, shown, Unnamed(inbox.store, inbox.id))


class Messages:
    """See `listener.Source`."""

    def __init__(self, url: str, queue: str, shown: str, unnamed: Unnamed) -> None:
        self._shown, self._url, self._unnamed = shown, url, unnamed
        self._come: deque[Message] = deque()
        self._read: list[Message] = []
        self._names: list[str] = []
        """The ids among those read last that are not the producer's."""
        self._channel: Any = None
        self._connection: Any = Connection(url, heartbeat=HEARTBEAT_S, connect_timeout=CONNECT_S)
        known = (*self._connection.connection_errors, *self._connection.channel_errors)
        self._failures: tuple[type[BaseException], ...] = (OSError, *known)
        try:
            with self._errors():
                self._connection.connect()
                self._channel = self._connection.channel()
                self._channel.queue_declare(queue, passive=True)
                self._channel.basic_qos(0, PREFETCH, False)
                bound = Queue(queue, no_declare=True)
                Consumer(self._channel, [bound], on_message=self._come.append, auto_declare=False).consume()
        except BaseException:
            self.close()
            raise

    def read(self) -> Sequence[Found]:
        """See `Source`."""
        with self._errors():
            self._wait()
            self._connection.heartbeat_check()
        self._read = [self._come.popleft() for _ in range(min(len(self._come), READ))]
        bodies = [_bytes(message) for message in self._read]
        ids = [_given_id(message) for message in self._read]
        nameless = [at for at, message_id in enumerate(ids) if message_id is None]
        self._names = self._unnamed.name(
            [(digest(bodies[at]), bool((self._read[at].delivery_info or {}).get("redelivered"))) for at in nameless]
        )
        ids_of = dict(zip(nameless, self._names, strict=True))
        return [Found(message_id or ids_of[at], payload_of(bodies[at])) for at, message_id in enumerate(ids)]

    def done(self) -> None:
        """See `Source`."""
        if not self._read:
            return
        with self._errors():
            self._channel.basic_ack(self._read[-1].delivery_tag, multiple=True)
            if self._names:
                self._channel.basic_qos(0, PREFETCH, False)  # answered only after the broker has taken what went before
        self._unnamed.done(self._names)
        self._read, self._names = [], []

    def close(self) -> None:
        """See `Source`."""
        self._come.clear()
        try:
            self._connection.release()
        except self._failures:
            pass

    def _wait(self) -> None:
        until = time.monotonic() + WAIT_S
        while len(self._come) < READ and (left := until - time.monotonic()) > 0:
            try:
                self._connection.drain_events(timeout=PAUSE_S if self._come else left)
            except TimeoutError:
                if self._come:
                    return

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except self._failures as error:
            raise Unavailable(said(error, *secrets_in(self._url)), where=self._shown) from None


def _given_id(message: Message) -> str | None:
    message_id = (message.properties or {}).get("message_id")
    return fit(str(message_id)) if message_id else None


def _bytes(message: Message) -> bytes:
    body = message.body
    return body.encode() if isinstance(body, str) else bytes(body or b"")
