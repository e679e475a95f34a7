"""The body of a listener's thread: read messages, deliver them, and only then let the source forget them.

A listener that dies in between leaves messages that another scheduler reads again. They have the same ids, so they are
delivered once. A source that fails is tried again, ever less often, and logged once.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Protocol

from orchestrator.model.errors import OrchestratorError
from orchestrator.scheduler.sources.inbox import Found, Inbox
from orchestrator.scheduler.sources.polls import MOST_WAITING
from orchestrator.state.reads import source_memory

log = logging.getLogger(__name__)

RESUME = MOST_WAITING * 4 // 5
"""Reading stops at `MOST_WAITING` and goes on below this."""
FIRST_S, LONGEST_S = 1.0, 30.0
READ = 200
"""Messages of one read at most."""
WAIT_S = 1.0


class Source(Protocol):
    """A connection to a source of messages. Every failure is an `OrchestratorError`."""

    def read(self) -> Sequence[Found]:
        """Return the messages that have come; wait for one second at most."""
        ...

    def done(self) -> None:
        """Let the source forget the messages of the last read."""
        ...

    def close(self) -> None:
        """End the connection. Messages that were read and not done come again to the next reader."""
        ...


def listen(inbox: Inbox, connect: Callable[[], Source], stop: threading.Event) -> None:
    """Listen until told to stop, with a pause while too much waits already."""
    patience_s, failing = FIRST_S, False
    while not stop.is_set():
        try:
            if _backlog(inbox) >= RESUME:
                stop.wait(WAIT_S)
                continue
            with closing(connect()) as source:
                while not stop.is_set():
                    finds = source.read()
                    if finds:
                        inbox.deliver(finds)
                        source.done()
                    if failing:
                        log.info("%s: its source answers again", inbox.id)
                        patience_s, failing = FIRST_S, False
                    if finds and _backlog(inbox) >= MOST_WAITING:
                        break
        except OrchestratorError as error:
            if not failing:
                log.warning("%s: its source cannot be listened to; it is tried again: %s", inbox.id, error)
            failing = True
            stop.wait(patience_s)
            patience_s = min(patience_s * 2, LONGEST_S)


def _backlog(inbox: Inbox) -> int:
    return inbox.store.read(source_memory.backlog(inbox.store.keys, inbox.id))
