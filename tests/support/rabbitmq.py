"""A private RabbitMQ for tests: own node name, folders, ports and epmd, so that it never meets an installed one."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path
from subprocess import Popen

from orchestrator import children
from support.redis_server import free_port
from support.waiting import wait_until

# Debian's `rabbitmq-server` changes to the user `rabbitmq`, who may not write into a test's folder; this one does not.
_PROGRAM = "/usr/lib/rabbitmq/bin/rabbitmq-server"


class RabbitMQ:
    """A broker node that a test may kill and start again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self._dist_port, self._epmd_port = free_port(), free_port(), free_port()
        self._processes: list[Popen[bytes]] = []

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    @property
    def environment(self) -> dict[str, str]:
        """What rabbitmqctl needs too, to reach this node."""
        folder = self.folder
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(("RABBITMQ_", "ERL_"))},
            "HOME": str(folder),  # the Erlang cookie stands there
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"orchestrator-test-{os.getpid()}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none",  # idle schedulers do not spin
        }

    def start(self) -> RabbitMQ:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "enabled_plugins").write_text("[].\n")
        (self.folder / "rabbitmq.conf").write_text(
            "loopback_users = none\nvm_memory_high_watermark.absolute = 512MiB\n"
        )
        (self.folder / "rabbitmq-env.conf").touch()
        # In the foreground and ours: left to itself, Erlang starts one that outlives the node.
        epmd = shutil.which("epmd") or "epmd"
        self._spawn(epmd, "-address", "127.0.0.1", "-port", str(self._epmd_port))
        wait_until(lambda: _listens(self._epmd_port), 10, "epmd to listen")
        program = _PROGRAM if Path(_PROGRAM).exists() else shutil.which("rabbitmq-server") or "rabbitmq-server"
        self._spawn(program)
        wait_until(self._answers, 60, f"RabbitMQ to listen on port {self.port} (see {self.folder}/log)", every=0.1)
        return self

    def stop(self) -> None:
        for process in reversed(self._processes):
            children.stop(process, patience_s=20)
        self._processes.clear()

    def _answers(self) -> bool:
        assert self._processes[-1].poll() is None, f"RabbitMQ ended: {(self.folder / 'output').read_text()[-2000:]}"
        return _listens(self.port)

    def _spawn(self, *argv: str) -> None:
        with (self.folder / "output").open("ab") as output:
            options = {"env": self.environment, "stdout": output, "stderr": output, "cwd": self.folder}
            self._processes.append(children.spawn(argv, start_new_session=True, **options))


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
