"""Task events of attempts, as Flower and `celery events` know them: under the task's own name and the attempt's id.

Celery's worker sends such events for messages; an attempt has none. They are buffered and sent by a thread of their own
at most a quarter of a second later, in one message: a broker that hangs never holds an attempt, and one that is
gone costs the oldest events.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import Any

from celery import Celery

from orchestrator import threads
from orchestrator.dispatch.broker import Broker, open_channel

logger = logging.getLogger(__name__)

FLUSH_S = 0.25
_BATCH = 96
_KEEP = 10_000


class TaskEvents:
    """Sends task events for one process. Nothing is connected and no thread runs before the first event."""

    def __init__(self, app: Celery, hostname: str) -> None:
        self._app = app
        self._hostname = hostname
        self._buffer: deque[tuple[str, dict[str, Any]]] = deque(maxlen=_KEEP)
        self._wake = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._thread: threading.Thread | None = None
        self._dispatcher: Any = None
        self._closed = False

    def send(self, kind: str, uuid: str, **fields: Any) -> None:
        """Buffer one event; `kind` is Celery's (`task-started` …)."""
        self._buffer.append((kind, {"uuid": uuid, "timestamp": time.time(), **fields}))
        if not self._wake.is_set():
            if self._thread is None:
                self._thread = threads.start("orchestrator-events", self._run)
            self._idle.clear()
            self._wake.set()

    def flush(self, timeout_s: float) -> None:
        """Wait until what is buffered was sent, but not for long."""
        self._idle.wait(timeout_s)

    def close(self) -> None:
        """Send what is buffered, within a second, and end the thread."""
        self.flush(1.0)
        self._closed = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(1.0)

    def _run(self) -> None:
        while True:
            self._wake.wait()
            if self._closed:
                return
            time.sleep(FLUSH_S)  # noqa: TID251 — gathers what comes meanwhile into one message
            self._wake.clear()
            while self._buffer:
                batch = [self._buffer.popleft() for _ in range(min(_BATCH, len(self._buffer)))]
                try:
                    self._publish(batch)
                except Exception as error:  # noqa: BLE001 — monitoring never harms what it watches
                    logger.debug("task events are lost: %s", error)
                    self._dispatcher = None
                    break
            self._idle.set()

    def _publish(self, batch: list[tuple[str, dict[str, Any]]]) -> None:
        if self._dispatcher is None:
            connection = Broker.of_app(self._app).connect()
            self._dispatcher = self._app.events.Dispatcher(
                connection,
                hostname=self._hostname,
                channel=open_channel(connection),
                buffer_while_offline=False,
                buffer_group=frozenset({"task"}),
                buffer_limit=len(batch) + _BATCH,
            )
        for kind, fields in batch:
            self._dispatcher.send(kind, **fields)
        self._dispatcher.flush()
