"""Publishing permits: small ready-made Celery messages that open turns.

A permit carries no state, and healing replaces a lost one, so the publisher never fails its caller and never holds it
up for long: a broker that does not answer is told once in the log, and the next try comes a second later. What could
not be sent is owed, a few permits a queue, and goes out with the next call that reaches the broker: a node calls at
every beat, so that its workers are woken at once when the broker is back.

On Redis a list of permits goes out as one pipeline. On RabbitMQ all are sent, then all confirms are awaited together:
waiting for each would cost a round trip a message.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import threading
import time
from collections.abc import Sequence
from typing import Any

from kombu import Connection, Producer

from orchestrator.dispatch.agreement import Agreement
from orchestrator.dispatch.broker import CONNECT_S, Broker, open_channel, release
from orchestrator.dispatch.topology import TURN, queue_name
from orchestrator.state.transitions.values import Permits

logger = logging.getLogger(__name__)

BACKOFF_S = 1.0
"""Seconds after a failure in which nothing is tried."""
_AT_ONCE_S = 0.5
_OWED = 16
"""How many permits a queue may be owed: enough to wake a worker; healing and its turns see to the rest."""
# Celery's own time limits would span a whole turn; ours are the node's (`runtime.slot_monitor`). So long is none.
_NO_LIMIT = 1_000_000_000

_abandoned: list[Any] = []  # connections of a parent process: closing them here would close the parent's


class Publisher:
    """Publishes the permits of one namespace. Threads may share it; after a fork it connects anew."""

    def __init__(self, broker: Broker, namespace: str) -> None:
        self.broker = broker
        self.agreement = Agreement(broker)
        self._namespace = namespace
        self._lock = threading.Lock()
        self._channel: _Channel | None = None
        self._pid = os.getpid()
        self._not_before = 0.0
        self._owed: dict[tuple[str, int], int] = {}
        self._down = False

    @property
    def down(self) -> bool:
        """Whether the broker did not answer the last time."""
        return self._down

    def publish(self, permits: Sequence[Permits]) -> None:
        """Publish those of the permits that are heard, and before them what a broker that was away is still owed."""
        permits = self.agreement.heard(permits)
        if not permits and not self._owed:
            return
        with self._lock:
            if os.getpid() != self._pid:
                _abandoned.append(self._channel)
                self._channel, self._pid = None, os.getpid()
            wanted = self._owed
            for route, priority, count in permits:
                wanted[route, priority] = wanted.get((route, priority), 0) + count
            self._owed = {route_class: min(count, _OWED) for route_class, count in wanted.items()}
            if time.monotonic() < self._not_before:
                return
            messages = [
                (queue_name(self._namespace, *route_class), self._permit(*route_class))
                for route_class, count in wanted.items()
                for _ in range(count)
            ]
            began, used = time.monotonic(), self._channel is not None
            error = self._try(messages)
            if error is not None and used and time.monotonic() - began < _AT_ONCE_S:
                error = self._try(messages)  # it stood idle, and the other end had closed it
            self._note(error, time.monotonic() - began)

    def close(self) -> None:
        """Close the connection to the broker."""
        with self._lock:
            if self._channel is not None and os.getpid() == self._pid:
                self._channel.close()
            self._channel = None

    def _try(self, messages: list[tuple[str, _Message]]) -> Exception | None:
        try:
            if self._channel is None:
                self._channel = _Channel(self.broker.connect())
            self._channel.send(messages)
        except Exception as error:  # noqa: BLE001 — each transport has its own tree of errors, and none may escape
            if self._channel is not None:
                self._channel.close()
                self._channel = None
            return error
        return None

    def _note(self, error: Exception | None, took_s: float) -> None:
        """Keep in mind whether the broker answers. A slow failure is followed by a longer pause."""
        if error is not None:
            self._not_before = time.monotonic() + max(BACKOFF_S, 2 * took_s)
            if not self._down:
                logger.warning("%s takes no permits (%s): workers are woken when it does", self.broker.name, error)
        else:
            self._owed = {}
            if self._down:
                logger.warning("%s takes permits again", self.broker.name)
        self._down = error is not None

    def _permit(self, route: str, priority: int) -> _Message:
        ident = secrets.token_hex(8)
        arguments = [self._namespace, route, priority]
        headers = {
            "lang": "py",
            "task": TURN,
            "id": ident,
            "root_id": ident,
            "parent_id": None,
            "group": None,
            "retries": 0,
            "eta": None,
            "expires": None,
            "timelimit": [_NO_LIMIT, _NO_LIMIT],
            "ignore_result": True,
            "argsrepr": repr(tuple(arguments)),
            "kwargsrepr": "{}",
            "origin": "orchestrator",
        }
        return json.dumps([arguments, {}, {}]).encode(), headers, ident


_Message = tuple[bytes, dict[str, Any], str]


class _Channel:
    """A connection to the broker that sends lists of messages."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._channel = open_channel(connection)
        self._confirms = connection.transport.driver_type == "amqp"
        if self._confirms:
            self._channel.confirm_select()
            self._sent = self._confirmed = 0
            self._early: set[int] = set()
            self._channel.events["basic_ack"].add(self._on_confirm)
            self._channel.events["basic_nack"].add(self._on_confirm)  # refused: healing publishes it again
        else:
            self._producer: Any = Producer(self._channel, auto_declare=False)

    def send(self, messages: list[tuple[str, _Message]]) -> None:
        if self._confirms:
            self._send_confirmed(messages)
        elif len(messages) == 1:
            self._send_one(*messages[0])
        else:
            with self._producer.batch():
                for queue, message in messages:
                    self._send_one(queue, message)

    def _send_one(self, queue: str, message: _Message) -> None:
        body, headers, ident = message
        self._producer.publish(
            body,
            routing_key=queue,
            exchange="",
            content_type="application/json",
            content_encoding="utf-8",
            headers=headers,
            delivery_mode=1,
            correlation_id=ident,
        )

    def _send_confirmed(self, messages: list[tuple[str, _Message]]) -> None:
        for queue, (body, headers, ident) in messages:
            prepared = self._channel.prepare_message(
                body, 0, "application/json", "utf-8", headers, {"delivery_mode": 1, "correlation_id": ident}
            )
            self._channel._basic_publish(prepared, exchange="", routing_key=queue)
            self._sent += 1
        deadline = time.monotonic() + CONNECT_S
        while self._confirmed < self._sent:
            self._connection.drain_events(timeout=max(0.01, deadline - time.monotonic()))

    def _on_confirm(self, tag: int, multiple: bool) -> None:
        """Note a confirm: of one tag, or of all up to it; those that come early wait for the gap to close."""
        if multiple:
            self._confirmed = max(self._confirmed, tag)
        else:
            self._early.add(tag)
        while self._confirmed + 1 in self._early:
            self._confirmed += 1
        self._early = {early for early in self._early if early > self._confirmed}

    def close(self) -> None:
        release(self._connection)
