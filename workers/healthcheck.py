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
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from orchestrator.state.keys import Keys
    from orchestrator.state.reads.base import Command, Read

T = TypeVar("T")
STALE_S = 15


def worker() -> str | None:
    """Return what is wrong with the worker of this host."""
    from orchestrator.state import reads

    host = socket.gethostname()
    alive = any(node.name.endswith(f"@{host}") for node in ask(reads.nodes))
    return None if alive else f"no node of {host} is alive"


def scheduler() -> str | None:
    """Return what is wrong with the namespace's schedulers."""
    from orchestrator.state.reads import health

    late_ms = ask(health.since_tick)
    return "no scheduler has ticked lately" if late_ms is None or late_ms >= STALE_S * 1000 else None


def ask(read: Callable[[Keys], Read[T]]) -> T:
    """Read from the store.

    A plain address in the environment is asked by a socket. Settings and a client take six times the CPU time, which
    every 15 s is more than an idle worker or scheduler takes.
    """
    url = os.environ.get("ORCHESTRATOR_REDIS_URL", "")
    if url.startswith("redis://") and "?" not in url and not os.path.exists(".env"):
        from orchestrator.state.keys import Keys

        return _ask_by_socket(url, read(Keys(os.environ.get("ORCHESTRATOR_NAMESPACE") or "default")))
    from orchestrator.servers.addresses import store_url
    from orchestrator.settings import get_settings
    from orchestrator.state.store import Store

    settings = get_settings()
    with closing(Store.connect(store_url(settings), settings.namespace)) as store:
        return store.read(read(store.keys))


def _ask_by_socket(url: str, steps: Read[T]) -> T:
    from urllib.parse import unquote, urlsplit

    import hiredis

    parts = urlsplit(url)
    reader = hiredis.Reader()
    with socket.create_connection((parts.hostname or "localhost", parts.port or 6379), timeout=5) as connection:

        def replies(commands: Sequence[Command]) -> list[Any]:
            connection.sendall(b"".join(hiredis.pack_command(command) for command in commands))
            found: list[Any] = []
            while len(found) < len(commands):
                reply = reader.gets()
                if isinstance(reply, hiredis.HiredisError):
                    raise reply
                if reply is not False:
                    found.append(reply)
                elif data := connection.recv(65_536):
                    reader.feed(data)
                else:
                    raise ConnectionError("Redis closed the connection")
            return found

        if parts.password:
            replies([("AUTH", *([unquote(parts.username)] if parts.username else []), unquote(parts.password))])
        if parts.path.strip("/"):
            replies([("SELECT", parts.path.strip("/"))])
        try:
            commands = next(steps)
            while True:
                commands = steps.send(replies(commands))
        except StopIteration as end:
            result: T = end.value
            return result


def web() -> str | None:
    """Return what is wrong with the web process. Raises if it does not answer or is not ready."""
    port = os.environ.get("ORCHESTRATOR_WEB_PORT", "8080")
    from urllib.request import urlopen

    with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
        return None if answer.status == 200 else f"status {answer.status}"


def flower() -> str | None:
    """Return what is wrong with Flower. Raises if it does not answer."""
    port = os.environ.get("FLOWER_PORT", "5555")
    from urllib.request import urlopen

    with urlopen(f"http://127.0.0.1:{port}/healthcheck", timeout=5) as answer:
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
