"""Checks of the broker (`orchestrator doctor`): does it answer, and is it the broker to which the workers listen?"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from orchestrator.dispatch.agreement import REMEDY, apart
from orchestrator.dispatch.broker import Broker, open_channel, release
from orchestrator.model.checks import Check
from orchestrator.model.errors import OrchestratorError, SettingsError, StoreUnavailable
from orchestrator.servers.addresses import store_url
from orchestrator.servers.checks import PATIENCE_S, secrecy
from orchestrator.settings import Settings
from orchestrator.state import reads
from orchestrator.state.store import Store

if TYPE_CHECKING:
    from celery import Celery


def broker_checks(settings: Settings, app: Celery | None = None) -> list[Check]:
    """Check the broker that carries the permits: the app's, or else that of the settings."""
    try:
        broker = Broker.of(settings, app)
        shown = broker.masked
    except (StoreUnavailable, SettingsError) as error:
        return [Check("broker", False, error.what, error.remedy)]
    connection = broker.connect(PATIENCE_S)
    try:
        open_channel(connection)
    except Exception as error:  # noqa: BLE001 — each transport of kombu has its own errors; all mean the same here
        place = "ORCHESTRATOR_BROKER_URL" if app is None else "the app's broker_url"
        remedy = f"start it, or correct {place} (user, password and virtual host too)"
        return [Check("broker", False, f"{shown} does not answer: {error}", remedy)]
    finally:
        release(connection)
    return [Check("broker", True, f"{shown} answers"), secrecy("broker", *broker.urls, encrypted=broker.encrypted)]


def agreement_checks(settings: Settings, app: Celery | None = None) -> list[Check]:
    """Check that the workers listen to the broker that this process publishes to."""
    try:
        broker = Broker.of(settings, app)
        with closing(Store.connect(store_url(settings), settings.namespace)) as store:
            nodes, queues = store.read(reads.nodes(store.keys)), store.read(reads.queues(store.keys))
    except OrchestratorError:
        return []  # told by the checks of Redis and of the broker
    line = apart(broker, nodes, queues)
    if line:
        return [Check("workers' broker", False, line, REMEDY)]
    return [Check("workers' broker", True, f"the workers listen to {broker.name}")] if nodes else []
