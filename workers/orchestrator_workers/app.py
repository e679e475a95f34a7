"""The stock Celery app: `orchestrator worker`, or `celery -A orchestrator_workers.app worker`.

Its tasks are those of the task packs: distributions that name a module under the entry-point group
`orchestrator.tasks`. The pack of stock tasks is one of them.
"""

from __future__ import annotations

import logging
from importlib.metadata import entry_points

from celery import Celery

from orchestrator import install
from orchestrator.model.errors import StoreUnavailable
from orchestrator.servers.addresses import broker_url
from orchestrator.settings import get_settings
from orchestrator.telemetry.sentry import init_sentry

PACKS = "orchestrator.tasks"
log = logging.getLogger(__name__)


def make_app() -> Celery:
    """Return the app, configured by the settings and with the tasks of every pack."""
    app = Celery("orchestrator", broker=_broker())
    app.conf.update(
        task_default_queue="default",
        task_default_queue_type="quorum" if (app.conf.broker_url or "").startswith("amqp") else "classic",
        task_ignore_result=True,
        accept_content=["json"],
        result_accept_content=["json"],
        worker_prefetch_multiplier=1,
        broker_connection_retry_on_startup=True,
    )
    for pack in entry_points(group=PACKS):
        try:
            pack.load()
        except Exception:  # one broken pack must not stop the tasks of the others
            log.exception("the task pack %s (%s) cannot be loaded; its tasks are missing here", pack.name, pack.value)
    install(app)
    init_sentry()
    return app


def _broker() -> str | None:
    """Return the broker's address. Without one the app still compiles workflows, and a worker refuses to start."""
    try:
        return broker_url(get_settings())
    except StoreUnavailable:
        return None


app = make_app()
