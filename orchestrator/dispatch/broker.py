"""Which broker carries the permits: the one place that knows it, for a Celery app and for settings.

Where there is an app, its broker is the broker, with all of the app's settings of it: its addresses and the order in
which they are tried, transport options, TLS, user. Without an app, the settings name the broker by one address.

Two processes are of one broker if they have an id in common. An id is a digest of one address (host, port, database or
virtual host, key prefix; never a user or a password), or of the name that the server gives itself. The latter finds one
server under two addresses (`localhost` here, `redis` in a container).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Set
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from kombu import Connection

from orchestrator.model.urls import mask_url
from orchestrator.servers.addresses import broker_url
from orchestrator.settings import Settings

if TYPE_CHECKING:
    from celery import Celery

CONNECT_S = 2.0
"""Seconds that connecting, or one answer of the broker, may take."""
_REDIS = "redis"
_AMQP = "amqp"
_HERE = frozenset({"localhost", "::1", ""})
_ID_LENGTH = 12


class _Address(NamedTuple):
    """One address of a broker, without its secrets."""

    scheme: str
    host: str
    port: int | None
    part: str
    """The database of Redis, the virtual host of RabbitMQ."""
    prefix: str
    """What the transport options put before each name: a key prefix, and the name of Sentinel's master."""

    @property
    def id(self) -> str:
        secure = {"rediss": _REDIS, "amqps": _AMQP, "pyamqp": _AMQP}
        return _digest(self._replace(scheme=secure.get(self.scheme, self.scheme)))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        part = self.part if self.part.startswith("/") else f"/{self.part}"
        if self.host.startswith("/"):
            return f"{self.scheme}+socket://{self.host}?virtual_host={self.part}"
        return f"{self.scheme}://{host}{port}{part}" + (f" ({self.prefix})" if self.prefix else "")


class Broker:
    """A broker as Celery reaches it. Nothing is connected before `connect` or `server_id` is called."""

    def __init__(self, write: Callable[..., Connection], read: Callable[..., Connection] | None = None) -> None:
        self._write = write
        self._read = read or write

    @classmethod
    def of(cls, settings: Settings, app: Celery | None = None) -> Broker:
        """Return the app's broker, without an app that of the settings.

        An app whose broker is in memory has none that another process could reach: it counts as no app.

        Raises:
            StoreUnavailable: no broker is set, and no embedded Redis runs.
            SettingsError: the store is a Redis Cluster, which Celery cannot use, and no other broker is set.
        """
        if app is not None:
            found = cls.of_app(app)
            if found.driver != "memory":
                return found
        return cls.of_url(broker_url(settings))

    @classmethod
    def of_app(cls, app: Celery) -> Broker:
        """Return the broker that an app writes to and reads from."""
        return cls(app.connection_for_write, app.connection_for_read)

    @classmethod
    def of_url(cls, url: str) -> Broker:
        """Return the broker at an address (`redis://`, `redis+socket://`, `amqp://` …)."""
        return cls(partial(Connection, url))

    def connect(self, timeout_s: float = CONNECT_S) -> Connection:
        """Return a connection to publish by, not yet open, in which no call takes much longer than `timeout_s`."""
        if self.driver == _AMQP:
            options: dict[str, Any] = {"read_timeout": timeout_s, "write_timeout": timeout_s, "confirm_publish": False}
        else:
            options = {"socket_timeout": timeout_s, "socket_connect_timeout": timeout_s}
        made = self._write(connect_timeout=timeout_s)
        made.transport_options = {**(made.transport_options or {}), **options}
        return made

    @cached_property
    def driver(self) -> str:
        """The kind of broker: `redis`, `amqp`, `memory` …"""
        return str(self._write().get_transport_cls().driver_type)

    @cached_property
    def name(self) -> str:
        """Its addresses, without users and passwords, for people to read."""
        written = list(map(str, _addresses(self._write())))
        read = [each for each in map(str, _addresses(self._read())) if each not in written]
        return "; ".join(dict.fromkeys(written)) + (f", read at {'; '.join(dict.fromkeys(read))}" if read else "")

    @cached_property
    def urls(self) -> list[str]:
        """The addresses that it is written to by, with their secrets."""
        connection = self._write()
        return list(connection.alt) or [connection.as_uri(include_password=True)]

    @cached_property
    def masked(self) -> str:
        """The addresses that it is written to by, with their users, and without their passwords."""
        return "; ".join(map(mask_url, self.urls))

    @property
    def encrypted(self) -> bool:
        """Whether the app has TLS for all addresses, whatever each says."""
        return bool(self._write().ssl)

    @cached_property
    def ids(self) -> frozenset[str]:
        """The ids of its addresses: those that it is written to by, and those that it is read at."""
        return frozenset(each.id for way in (self._write, self._read) for each in _addresses(way()))

    def server_id(self, timeout_s: float = CONNECT_S) -> str | None:
        """Ask the server who it is, over a connection of its own; None where it does not answer or say."""
        connection = self.connect(timeout_s)
        try:
            channel = open_channel(connection)
            first = next(_addresses(connection))
            if self.driver == _AMQP:
                server = connection.connection.server_properties.get("cluster_name")
            elif self.driver == _REDIS:
                server = channel.client.info("server").get("run_id")
            else:
                server = None
        except Exception:  # noqa: BLE001 — each transport has its own tree of errors; a server that won't say is no fault
            return None
        finally:
            release(connection)
        return _digest(("server", server, first.part, first.prefix)) if server else None

    def all_ids(self) -> frozenset[str]:
        """Return the ids of its addresses, and the server's own, for which the server is asked."""
        server = self.server_id()
        return self.ids | {server} if server else self.ids

    def is_one_of(self, ids: Set[str]) -> bool:
        """Tell whether this is the broker that has these ids. The server is asked only if the addresses differ."""
        return not self.ids.isdisjoint(ids) or self.server_id() in ids


def open_channel(connection: Connection) -> Any:
    """Connect, or fail at once where nobody listens: kombu's own `connect` sleeps two seconds and tries again.

    Of several addresses each is tried.
    """
    tries = max(1, len(connection.alt or ()))
    connection.ensure_connection(max_retries=tries, interval_start=0, interval_step=0)
    return connection.channel()


def release(connection: Connection) -> None:
    """Close a connection, whatever state it is in."""
    try:
        connection.release()
    except Exception:  # noqa: BLE001 — it is broken, or it is closed: both are fine
        return


def _addresses(connection: Connection) -> Iterator[_Address]:
    """Yield each address that a connection may go to, with the app's settings for what the address leaves out."""
    options = connection.transport_options or {}
    given = (options.get("master_name"), options.get("global_keyprefix"))
    prefix = " ".join(str(each) for each in given if each)
    urls: list[str | None] = list(connection.alt) or [None]
    for url in urls:
        if url is not None:
            connection.switch(url)
        yield _address(connection.info(), prefix)


def _address(info: dict[str, Any], prefix: str) -> _Address:
    scheme, host, port = str(info["transport"]), str(info["hostname"] or ""), info["port"]
    part = str(info["virtual_host"] or "")
    if "://" in host:  # a socket of Redis, or a transport that reads its address itself
        parts = urlsplit(host)
        part = parse_qs(parts.query).get("virtual_host", [part])[0]
        host, port = (parts.hostname or "") + parts.path, None
    elif host.lower() in _HERE:
        host = "127.0.0.1"
    if scheme.startswith((_REDIS, "sentinel")):
        part = part.strip("/") or "0"
    return _Address(scheme, host.lower(), port, part or "/", prefix)


def _digest(parts: tuple[object, ...]) -> str:
    text = "\0".join(map(str, parts))
    return hashlib.sha256(text.encode()).hexdigest()[:_ID_LENGTH]
