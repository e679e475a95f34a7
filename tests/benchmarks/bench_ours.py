"""The same Celery with one more line."""

from __future__ import annotations

import os

import bench_tasks  # noqa: F401 — registers the task
from celery import Celery

import orchestrator

URL = os.environ["BENCH_REDIS"]
os.environ.setdefault("ORCHESTRATOR_REDIS_URL", f"{URL}/3")
app = Celery("bench_ours", broker=f"{URL}/3")
app.conf.broker_connection_retry_on_startup = True
orchestrator.install(app)
