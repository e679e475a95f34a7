"""Have Redis rewrite its append-only file after a restart, before what it acknowledges is trusted.

A file whose tail broke inside a transaction is cut after its last whole command, not before the MULTI. What is written
next then stands in the broken transaction, and may be cut off with it at the restart after that. A file that is written
anew has no such tail. Redis does not say that it cut the tail, so every restart counts.
"""

from __future__ import annotations

import logging

from orchestrator.model.errors import StoreUnavailable
from orchestrator.state.store import Store

log = logging.getLogger(__name__)


def rewrite_after_restart(store: Store, server: str) -> None:
    """Have the file rewritten if another run of the server was the last that a scheduler of the namespace saw.

    `server` is the id of the server's run (`run_id` of INFO). What Redis refuses is logged.
    """
    (known,) = store.pipeline([("HGET", store.keys.meta, "server")])
    if known is None or known.decode() == server:
        return
    try:
        (info,) = store.pipeline([("INFO", "persistence")])
        if info.get("aof_enabled") != 1 or info.get("aof_rewrite_in_progress") == 1:
            return
        store.pipeline([("BGREWRITEAOF",)])
    except StoreUnavailable as error:
        log.warning("Redis was restarted, and its append-only file cannot be rewritten: run BGREWRITEAOF (%s)", error)
    else:
        log.info("Redis was restarted: its append-only file is rewritten, in case that its tail was torn")
