"""The embedded Redis: a server of our own, with its data in a folder of its own.

The folder holds the append-only file, the server's log, `server.json` and `lock`. `server.json` names the server that
wrote last, its address and its password, so only its owner can read it. The process that started the server holds the
lock, and so does the server itself. A second start is refused as long as the data is in use, even if the process that
started the server was killed.

The server listens on a loopback port with a password, and not on a Unix socket: redis-py, Celery and Flower then share
one address, and the path of the folder may have any length. A restart keeps port and password if it can, so that
connected clients find the server again.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import socket
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import redis

from orchestrator import children
from orchestrator.model.errors import EmbeddedRedisError
from orchestrator.servers.discovery import Server, find_server

START_S = 60.0
"""How long a server may take to load its data."""
_LOCK_S = 2.0  # a server whose parent was killed needs a moment to write its data and end
_TICK_S = 0.01


@dataclass(frozen=True)
class Record:
    """The content of `server.json`: the server that wrote the folder last, and its address."""

    path: str
    version: str
    origin: str
    family: str
    port: int
    password: str

    @property
    def server(self) -> Server:
        """The program that wrote the folder."""
        return Server(self.path, self.version, self.origin, self.family)

    @property
    def url(self) -> str:
        """The address, with the password."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"


class EmbeddedRedis:
    """A Redis server on a data folder. It ends with the thread that started it (see `children.spawn`)."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self._lock: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._record: Record | None = None

    @property
    def server(self) -> Server:
        """The program that runs."""
        return self._running.server

    @property
    def url(self) -> str:
        """The address of the running server, with its password."""
        return self._running.url

    @property
    def pid(self) -> int:
        """The process that runs."""
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def _running(self) -> Record:
        assert self._record is not None, "not started"
        return self._record

    def start(self) -> str:
        """Start the server, wait until it has loaded its data, and return its address.

        Raises:
            EmbeddedRedisError: there is no server, it does not start, or the folder cannot be used or is in use.
        """
        self._lock = _take(self.data_dir)
        try:
            before = _read_record(self.data_dir)
            server = find_server(before.server if before else None, where=str(self.data_dir))
            for attempt in range(5):
                # Another program may take the port before the server listens on it. Then another port is chosen.
                port = _free_port(before.port if before and attempt == 0 else 0)
                password = before.password if before else secrets.token_urlsafe(24)
                self._record = Record(server.path, server.version, server.provenance, server.family, port, password)
                # Written before the server runs: its data must never be without the name of its writer.
                _write_record(self.data_dir, self._record)
                if self._launch(self._record):
                    return self.url
            raise EmbeddedRedisError(f"{server} does not start: {self._last_words()}", where=str(self.data_dir))
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Let the server write its data and end, and unlock the folder. Without effect if it is stopped."""
        if self._process is not None:
            children.stop(self._process, patience_s=30)
        if self._lock is not None:
            os.close(self._lock)
        self._process = self._lock = self._record = None

    def __enter__(self) -> EmbeddedRedis:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _launch(self, record: Record) -> bool:
        """Start the process and wait until it answers. False if another program took its port meanwhile."""
        assert self._lock is not None
        with (self.data_dir / "redis.log").open("wb") as log:
            self._process = children.spawn(
                [record.path, "-"],  # the configuration comes by stdin: everybody can read the arguments of a process
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=(self._lock,),
                start_new_session=True,  # Ctrl-C reaches only this process, which stops the server after the workers
            )
        assert self._process.stdin is not None
        with self._process.stdin as stdin:
            stdin.write(_configuration(record, self.data_dir).encode())
        client = redis.Redis.from_url(record.url, socket_timeout=1, retry=None)
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                words = self._last_words()
                if "address already in use" in words.lower():
                    return False
                raise EmbeddedRedisError(
                    f"{record.server} ended as it started: {words}",
                    where=str(self.data_dir),
                    remedy="see redis.log there",
                )
            try:
                client.ping()
                return True
            except redis.RedisError:  # not listening yet, or still loading its data
                time.sleep(_TICK_S)  # noqa: TID251 — a bounded poll: a starting server sends no signal
            finally:
                client.close()
        raise EmbeddedRedisError(
            f"{record.server} has not loaded its data in {START_S:.0f} s: {self._last_words()}",
            where=str(self.data_dir),
        )

    def _last_words(self) -> str:
        lines = (self.data_dir / "redis.log").read_text(errors="replace").strip().splitlines()
        telling = [line for line in lines if "error" in line.lower() or "address already in use" in line.lower()]
        return (telling or lines or ["it left no word"])[-1]


def running(data_dir: Path) -> Record | None:
    """Return the record of the server that serves a data folder now, or None. It may still be loading."""
    try:
        lock = os.open(data_dir / "lock", os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except BlockingIOError:
        return _read_record(data_dir)
    finally:
        os.close(lock)


def _take(data_dir: Path) -> int:
    """Lock a data folder, made if it is not there, and return the file descriptor of the lock."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise EmbeddedRedisError(f"cannot be used: {error.strerror}", where=str(data_dir)) from None
    deadline = time.monotonic() + _LOCK_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(lock)
                raise EmbeddedRedisError(
                    "in use by another `orchestrator up`",
                    where=str(data_dir),
                    remedy="stop that one, or give this one a folder of its own: --data DIR",
                ) from None
            time.sleep(_TICK_S)  # noqa: TID251 — a bounded poll: a lock that is let go sends no signal


def _free_port(wanted: int) -> int:
    """Return the wanted loopback port if it is free, else another one."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise EmbeddedRedisError("no loopback port is free")


def _configuration(record: Record, data_dir: Path) -> str:
    folder = str(data_dir.resolve()).replace("\\", "\\\\").replace('"', '\\"')
    return f"""
        bind 127.0.0.1
        port {record.port}
        requirepass {record.password}
        dir "{folder}"
        daemonize no
        loglevel warning
        appendonly yes
        appendfsync everysec
        save ""
        maxmemory-policy noeviction
    """


def _read_record(data_dir: Path) -> Record | None:
    path = data_dir / "server.json"
    try:
        return Record(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise EmbeddedRedisError(f"cannot be read: {error}", where=str(path)) from None


def _write_record(data_dir: Path, record: Record) -> None:
    draft = data_dir / "server.json.new"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(asdict(record), file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(data_dir / "server.json")
