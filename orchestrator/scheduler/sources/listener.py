"""Listen to one source: read messages, deliver them, and only then let the source forget them. The body of a thread.

Whoever dies in between leaves messages that come again, to another scheduler: as they have the same ids, they are
delivered once. A source that fails is tried again, ever less often, and said once.
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
"""Messages that are read together."""
WAIT_S = 1.0


class Source(Protocol):
    """A connection to where messages come from. Whatever goes wrong is an `OrchestratorError`."""

    def read(self) -> Sequence[Found]:
        """Return what has come, after a second at most."""
        ...

    def done(self) -> None:
        """Let go of what was read last: it need not come again."""
        ...

    def close(self) -> None:
        """End the connection. What was read and is not done comes again to whoever reads next."""
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
