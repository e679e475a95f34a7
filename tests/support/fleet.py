"""A whole engine for a test: workers as processes, a scheduler in a thread, a client; and one-job workflows."""

from __future__ import annotations

import threading
import uuid
from pathlib import Path
from types import TracebackType
from typing import Any

import redis

from orchestrator import Client, Run, Workflow
from orchestrator.dispatch.broker import Broker
from orchestrator.dispatch.permits import Publisher
from orchestrator.model.run import JobRun
from orchestrator.scheduler.duties import Tools
from orchestrator.scheduler.process import run, standard_duties
from orchestrator.settings import Settings
from orchestrator.state.store import Store
from support.workers import Worker


class Fleet:
    """Leaving the context stops everything and deletes the namespace."""

    def __init__(self, folder: Path, redis_url: str, broker_url: str | None = None, namespace: str = "") -> None:
        self.folder = folder
        self.redis_url = redis_url
        self.broker_url = broker_url or redis_url
        self.namespace = namespace or f"f{uuid.uuid4().hex[:10]}"
        self.route = "celery"
        settings = Settings(redis_url=redis_url, broker_url=self.broker_url, namespace=self.namespace)
        self.client = Client(settings)
        self.workers: list[Worker] = []
        self._stop = threading.Event()
        store = Store.connect(redis_url, self.namespace)
        publisher = Publisher(Broker.of_url(self.broker_url), self.namespace)
        tools = Tools(store, publisher.publish)
        self._scheduler = threading.Thread(
            target=run, args=(tools, standard_duties(3600, publisher=publisher), self._stop), daemon=True
        )
        self._close = (store.close, publisher.close)

    def worker(self, *args: str, name: str = "w1", **options: Any) -> Worker:
        """Return a worker of this fleet, not yet started."""
        made = Worker(
            self.folder, self.redis_url, self.namespace, *args, name=name, broker_url=self.broker_url, **options
        )
        self.workers.append(made)
        return made

    def stop_scheduler(self) -> None:
        """End the scheduler in this process: a test has its own, or none."""
        self._stop.set()
        self._scheduler.join()

    def submit(self, signature: Any, route: str = "celery", **options: Any) -> Run:
        """Start a run of one job, which is called `job`."""
        workflow = Workflow("one")
        workflow.job("job", signature, route=route, **options)
        return self.client.submit(workflow)

    def outcome(self, signature: Any, *, wait_s: float = 20.0, **options: Any) -> tuple[JobRun, Run]:
        """Run one job to the run's end, and return what became of it."""
        made = self.submit(signature, **options)
        made.wait(timeout=wait_s)
        return made.jobs()[0], made

    def __enter__(self) -> Fleet:
        self._scheduler.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self.workers:
            if worker.process is not None:
                worker.stop()
        self.stop_scheduler()
        for close in self._close:
            close()
        self.client.close()
        with redis.Redis.from_url(self.redis_url) as server:
            for pattern in (f"o:{{{self.namespace}}}:*", f"{self.namespace}:*"):
                for key in server.scan_iter(pattern, count=1000):
                    server.unlink(key)
