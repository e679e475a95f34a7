"""Addresses of servers: what they may look like, and how they are shown."""

from __future__ import annotations

from urllib.parse import parse_qsl, quote, urlencode, urlsplit

MASK = "***"
_LOOPBACK = ("localhost", "::1", "")


def mask_url(url: str) -> str:
    """Return the address with its password hidden, fit for logs, errors and screens."""
    try:
        parts = urlsplit(url)
    except ValueError:  # not an address at all: nothing in it can be told from a secret
        return MASK
    if "://" not in url:
        return MASK if "@" in url else url
    credentials, at, host = parts.netloc.rpartition("@")
    user, colon, _ = credentials.partition(":")
    query = [(name, MASK if "password" in name.lower() else value) for name, value in parse_qsl(parts.query)]
    options = f"?{urlencode(query, safe='*/')}" if query else ""
    return f"{parts.scheme}://{user}{colon and ':' + MASK}{at}{host}{parts.path}{options}"


def is_local(url: str) -> bool:
    """Tell whether an address stays on this machine: a Unix socket or the loopback interface."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return "unix" in parts.scheme or "socket" in parts.scheme or host in _LOOPBACK or host.startswith("127.")


def is_encrypted(url: str) -> bool:
    """Tell whether what travels to an address is encrypted (`rediss`, `amqps`)."""
    return urlsplit(url).scheme in ("rediss", "amqps")


def redis_broker_url(url: str) -> str:
    """Return the address under which Celery reaches the Redis that redis-py knows as `url`."""
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return url
    options = dict(parse_qsl(parts.query))
    database = options.get("db", "0")
    credentials = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    return f"redis+socket://{credentials}{quote(parts.path)}?virtual_host={database}"
