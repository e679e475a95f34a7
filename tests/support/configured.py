"""A Celery app whose settings and queues (name, exchange, type, key) a test gives as JSON in `CONF` and `QUEUES`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from celery import Celery
from kombu import Exchange, Queue
from kombu.common import Broadcast

import orchestrator


def configured(conf: dict[str, Any], queues: list[list[str]] | None = None) -> Celery:
    """Make the app, in a worker and in the test."""
    app = Celery("configured", set_as_current=False)
    app.conf.update({"broker_connection_retry_on_startup": True, "worker_hijack_root_logger": False, **conf})
    if queues:
        app.conf.task_queues = [
            Broadcast(name) if kind == "broadcast" else Queue(name, Exchange(exchange, kind), key)
            for name, exchange, kind, key in queues
        ]
    app.task(name="note")(note)
    orchestrator.install(app)
    return app


def note(path: str, text: str) -> str:
    with Path(path).open("a") as file:
        file.write(text + "\n")
    return text


if "CONF" in os.environ:
    app = configured(json.loads(os.environ["CONF"]), json.loads(os.environ.get("QUEUES", "null")))
