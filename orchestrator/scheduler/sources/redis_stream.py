"""Messages of a Redis stream, by a consumer group of the trigger's own.

The group begins with the oldest message that the stream still has. What another scheduler read and did not finish is
claimed after `IDLE_MS`; if it lives after all, both deliver the same.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis

from orchestrator.model.errors import SettingsError, Unavailable
from orchestrator.model.urls import mask_url
from orchestrator.scheduler.sources.inbox import Found, Inbox, refers, reveal, said, secrets_in
from orchestrator.scheduler.sources.listener import READ, WAIT_S
from orchestrator.scheduler.sources.messages import payload_of_fields
from orchestrator.servers.addresses import store_url
from orchestrator.settings import Settings
from orchestrator.state.store import Store

IDLE_MS = 10_000
"""How long a message stays with whoever has read it."""
CLAIM_S = 3.0
DEFAULT_GROUP = "orchestrator"


def connect(inbox: Inbox, settings: Settings) -> Stream:
    """Connect to the stream of a trigger."""
    source = inbox.trigger.redis_stream
    assert source is not None
    given = source.url or store_url(settings)
    url = reveal(given)
    group = source.group
    if group == DEFAULT_GROUP:  # triggers that share a stream each get all of it
        group = f"{DEFAULT_GROUP}:{inbox.store.namespace}:{inbox.id}"
    return Stream(url, source.stream, group, given if refers(given) else mask_url(given))


class Stream:
    """See `listener.Source`. Its connection has no retries of its own: a reply that was cut off is read again."""

    def __init__(self, url: str, stream: str, group: str, shown: str) -> None:
        self._stream, self._group, self._url, self._shown = stream, group, url, shown
        self._consumer = f"{socket.gethostname()}-{os.getpid()}"
        self._read: list[bytes] = []
        self._own = True
        """Whether it may have messages that it read before and did not finish."""
        self._claim_at = 0.0
        with self._errors():
            self._client: Any = Store.connect(url, retries=0).client
            try:
                self._client.xgroup_create(stream, group, id="0", mkstream=True)
            except redis.exceptions.ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    self._client.close()
                    raise
            except redis.exceptions.RedisError:
                self._client.close()
                raise

    def read(self) -> Sequence[Found]:
        """See `Source`."""
        with self._errors():
            messages = self._again() or self._new()
        self._read = [message_id for message_id, _ in messages]
        finds = [Found(message_id.decode(), payload_of_fields(fields)) for message_id, fields in messages if fields]
        if self._read and not finds:
            self.done()  # they were deleted from the stream before anybody could deliver them
        return finds

    def done(self) -> None:
        """See `Source`."""
        if self._read:
            with self._errors():
                self._client.xack(self._stream, self._group, *self._read)
            self._read = []

    def close(self) -> None:
        """See `Source`. A consumer that has nothing leaves the group."""
        try:
            if not self._read and not self._own:
                self._client.xgroup_delconsumer(self._stream, self._group, self._consumer)
        except redis.exceptions.RedisError:
            pass
        self._client.close()

    def _again(self) -> list[tuple[bytes, dict[bytes, bytes] | None]]:
        """Return messages that were read already: here, or by another who let them lie."""
        if self._own:
            if found := self._xread("0", None):
                return found
            self._own = False
        if time.monotonic() < self._claim_at:
            return []
        claimed = self._client.xautoclaim(
            self._stream, self._group, self._consumer, min_idle_time=IDLE_MS, start_id="0-0", count=READ
        )[1]
        found = [(message_id, fields) for message_id, fields in claimed if message_id is not None]
        self._own = len(found) < len(claimed)  # Redis 6.2 claims what was deleted, but does not name it
        if not found:
            self._claim_at = time.monotonic() + CLAIM_S
        return found

    def _new(self) -> list[tuple[bytes, dict[bytes, bytes] | None]]:
        return self._xread(">", int(WAIT_S * 1000))

    def _xread(self, after: str, block: int | None) -> list[tuple[bytes, dict[bytes, bytes] | None]]:
        reply = self._client.xreadgroup(self._group, self._consumer, {self._stream: after}, count=READ, block=block)
        if isinstance(reply, dict):
            return [message for part in reply.get(self._stream.encode(), []) for message in part]
        return [message for _, messages in reply or [] for message in messages]

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (redis.exceptions.RedisError, OSError) as error:
            raise Unavailable(said(error, *secrets_in(self._url)), where=self._shown) from None
        except ValueError as error:
            raise SettingsError(said(error, *secrets_in(self._url)), where=self._shown) from None
