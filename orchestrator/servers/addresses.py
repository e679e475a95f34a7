"""The addresses of the servers that the settings name."""

from __future__ import annotations

from orchestrator.model.errors import SettingsError, StoreUnavailable
from orchestrator.model.urls import redis_broker_url
from orchestrator.servers.embedded import running
from orchestrator.settings import Settings


def store_url(settings: Settings) -> str:
    """Return the address of the Redis that holds the state: the one that is set, else the embedded one that runs.

    Raises:
        StoreUnavailable: no address is set, and no embedded Redis runs.
    """
    if settings.redis_url:
        return settings.redis_url
    embedded = running(settings.data_dir)
    if embedded is None:
        raise StoreUnavailable(
            f"ORCHESTRATOR_REDIS_URL is not set, and no embedded Redis runs in {settings.data_dir}",
            remedy="set it, or start one with `orchestrator up`",
        )
    return embedded.url


def broker_url(settings: Settings) -> str:
    """Return the address of the settings' broker, as Celery takes it: the one that is set, else the store's.

    Raises:
        SettingsError: the store is a Redis Cluster, which Celery cannot use as its broker.
        StoreUnavailable: no address is set, and no embedded Redis runs.
    """
    if settings.broker_url:
        return settings.broker_url
    url = store_url(settings)
    if url.startswith("redis+cluster:"):
        raise SettingsError(
            "Celery cannot use a Redis Cluster as its broker",
            where="ORCHESTRATOR_BROKER_URL",
            remedy="set it to a single Redis, or to RabbitMQ",
        )
    return redis_broker_url(url)
