"""The containers' health check: `python healthcheck.py worker|scheduler|web|flower`. Exits with 0 if all is well.

worker     this host's node is alive in the store: it beats
scheduler  this scheduler, or another of the namespace, has ticked within the last 15 s
web        it answers, and the store answers it
flower     Flower answers
"""

from __future__ import annotations

import gc
import os
import socket
import sys
import urllib.request
from contextlib import closing

STALE_S = 15


def worker() -> str | None:
    """Return what is wrong with the worker of this host."""
    from orchestrator import Client

    host = socket.gethostname()
    with Client() as client:
        alive = [node.name for node in client.nodes.list()]
    return None if any(name.endswith(f"@{host}") for name in alive) else f"no node of {host} is alive"


def scheduler() -> str | None:
    """Return what is wrong with the namespace's schedulers."""
    from orchestrator.servers.addresses import store_url
    from orchestrator.settings import get_settings
    from orchestrator.state.reads import health
    from orchestrator.state.store import Store

    settings = get_settings()
    with closing(Store.connect(store_url(settings), settings.namespace)) as store:
        late_ms = store.read(health.since_tick(store.keys))
    return "no scheduler has ticked lately" if late_ms is None or late_ms >= STALE_S * 1000 else None


def web() -> str | None:
    """Return what is wrong with the web process. Raises if it does not answer or is not ready."""
    port = os.environ.get("ORCHESTRATOR_WEB_PORT", "8080")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
        return None if answer.status == 200 else f"status {answer.status}"


def flower() -> str | None:
    """Return what is wrong with Flower. Raises if it does not answer."""
    port = os.environ.get("FLOWER_PORT", "5555")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthcheck", timeout=5) as answer:
        return None if answer.status == 200 else f"status {answer.status}"


def main(what: str) -> int:
    """Check one service."""
    try:
        trouble = {"worker": worker, "scheduler": scheduler, "web": web, "flower": flower}[what]()
    except Exception as error:  # noqa: BLE001 — whatever it is, the service is not healthy
        trouble = f"{type(error).__name__}: {error}"
    if trouble:
        sys.stderr.write(f"{what}: {trouble}\n")
    return 1 if trouble else 0


if __name__ == "__main__":
    gc.disable()  # this process runs every few seconds for less than one; a third of its CPU time went into garbage
    code = main(sys.argv[1])
    sys.stderr.flush()
    os._exit(code)
