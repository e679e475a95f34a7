"""The containers' health check: `python healthcheck.py worker|scheduler|web|flower`. Exits with 0 if all is well.

worker     this host's node is alive in the store: it beats
scheduler  timers and leases were looked after within the last 15 s (by this scheduler or by another of the namespace)
web        it answers, and the store answers it
flower     Flower answers
"""

from __future__ import annotations

import os
import socket
import sys
import urllib.request

STALE_S = 15


def worker() -> str | None:
    """Return what is wrong with the worker of this host."""
    from orchestrator import Client

    host = socket.gethostname()
    with Client() as client:
        alive = [node.name for node in client.nodes()]
    return None if any(name.endswith(f"@{host}") for name in alive) else f"no node of {host} is alive"


def scheduler() -> str | None:
    """Return what is wrong with the namespace's schedulers."""
    from orchestrator.servers.addresses import store_url
    from orchestrator.settings import get_settings
    from orchestrator.state.store import Store

    settings = get_settings()
    store = Store.connect(store_url(settings), settings.namespace)
    try:
        tick, (seconds, _) = store.client.hget(store.keys.meta, "tick"), store.client.time()
    finally:
        store.close()
    late = seconds - int(tick or 0) / 1000
    return None if late < STALE_S else "no scheduler has ticked lately"


def web() -> str | None:
    """Return what is wrong with the web process; an exception tells that it does not answer, or is not ready."""
    port = os.environ.get("ORCHESTRATOR_WEB_PORT", "8080")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
        return None if answer.status == 200 else f"status {answer.status}"


def flower() -> str | None:
    """Return what is wrong with Flower; an exception tells that it does not answer."""
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
    sys.exit(main(sys.argv[1]))
