"""A whole engine as child processes of one command: Redis, a scheduler, workers, web. `up` and `demo` use it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

from orchestrator.cli.processes.command_lines import scheduler_command, web_command, worker_command
from orchestrator.cli.processes.supervise import Child, Supervisor
from orchestrator.client import Client
from orchestrator.model.errors import Unavailable
from orchestrator.servers.addresses import broker_url, store_url
from orchestrator.servers.embedded import EmbeddedRedis
from orchestrator.servers.probe import require_store
from orchestrator.settings import FROM_FILES, PREFIX, Settings


class Stack:
    """A context manager that starts the processes, the Redis first, and stops them, the Redis last.

    With `ORCHESTRATOR_REDIS_URL` set, that Redis is used and none is started.
    """

    def __init__(
        self, settings: Settings, *, workers: int, app: str | None, tell: Callable[[str], None], web: bool = False
    ) -> None:
        self.tell = tell
        self.data_dir = settings.data_dir
        self.logs = settings.data_dir / "logs"
        self.redis = None if settings.redis_url else EmbeddedRedis(settings.data_dir)
        self.settings = settings
        self._workers = workers
        self._app = app
        self._web = web
        self._supervisor: Supervisor | None = None
        self.client: Client | None = None

    def __enter__(self) -> Stack:
        try:
            if self.redis is not None:
                self.settings = self.settings.model_copy(update={"redis_url": self.redis.start()})
            self.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
            require_store(self.settings)  # without a Redis, nothing is started
            self.client = Client(self.settings)
            self._supervisor = Supervisor(list(self._children()), self._environment(), self.tell)
            self._supervisor.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def tend(self) -> None:
        """Restart the processes that died. The Redis is restarted too, with its data."""
        assert self._supervisor is not None
        if self.redis is not None and not self.redis.alive:
            self.tell("Redis died; starting it again with its data")
            self.redis.stop()
            self.redis.start()
        self._supervisor.tend()

    @property
    def ready(self) -> bool:
        """Whether every worker node is alive.

        Raises:
            Unavailable: a process does not come up; the error has the last line of its log.
        """
        assert self._supervisor is not None
        assert self.client is not None
        for child in self._supervisor.given_up:
            raise Unavailable(f"the {child.name} does not start: {_last_line(child.log)}", where=str(child.log))
        return len(self.client.nodes.list()) >= self._workers

    def close(self) -> None:
        """Stop everything, the Redis last."""
        if self._supervisor is not None:
            self._supervisor.stop()
            self._supervisor = None
        if self.client is not None:
            self.client.close()
            self.client = None
        if self.redis is not None:
            self.redis.stop()

    def _environment(self) -> dict[str, str]:
        """Return our environment with the addresses in it, so that no `.env` and no file gives the children others."""
        named = {f"{PREFIX}{name.upper()}_FILE" for name in FROM_FILES} | {"CELERY_APP"}  # the commands name the app
        return {
            **{name: value for name, value in os.environ.items() if name not in named},
            f"{PREFIX}REDIS_URL": store_url(self.settings),
            f"{PREFIX}BROKER_URL": broker_url(self.settings),
            f"{PREFIX}NAMESPACE": self.settings.namespace,
        }

    def _children(self) -> Iterator[Child]:
        yield Child("scheduler", scheduler_command(self._app), self.logs / "scheduler.log")
        slots = max(2, (os.cpu_count() or 2) // self._workers)
        # On a Redis that others use too, another `up` of this host may have workers of the same numbers.
        own = "" if self.redis is not None else f"-{secrets.token_hex(3)}"
        for number in range(1, self._workers + 1):
            name = f"worker{number}"
            command = worker_command(
                self._app, "-n", f"{name}{own}@%h", "-c", str(slots), "--loglevel", self.settings.log_level
            )
            yield Child(name, command, self.logs / f"{name}.log")
        if self._web:
            yield Child("web", web_command(self._app), self.logs / "web.log")


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it left no word"


def with_data_dir(settings: Settings, data: Path | None) -> Settings:
    """Return the settings, with another data folder if one is given."""
    return settings.model_copy(update={"data_dir": data}) if data else settings
