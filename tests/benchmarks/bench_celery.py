"""Celery 5.7 as it comes: Redis as broker and result backend, nothing tuned."""

from __future__ import annotations

import os

import bench_tasks  # noqa: F401 — registers the task
from celery import Celery

URL = os.environ["BENCH_REDIS"]
app = Celery("bench_celery", broker=f"{URL}/1", backend=f"{URL}/2")
app.conf.broker_connection_retry_on_startup = True
