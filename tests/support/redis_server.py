"""Real Redis servers for tests: one alone, or a cluster."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
from pathlib import Path

import redis

from orchestrator import children
from orchestrator.servers.discovery import Server
from support.waiting import wait_until

SLOTS = 16384


class RedisServer:
    """A Redis server on a loopback port, with append-only file, that a test may kill and start again."""

    def __init__(self, server: Server, folder: Path, args: tuple[str, ...] = ()) -> None:
        self.server = server
        self.folder = folder
        self.args = args
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def client(self, **options: object) -> redis.Redis:
        """Return a new client, which the caller closes."""
        return redis.Redis.from_url(self.url, **options)  # type: ignore[arg-type]

    def start(self) -> RedisServer:
        """Start it, at its former port and with its former data if it ran before, and wait until it answers."""
        for _ in range(5):
            self.port = self.port or free_port()
            if self._launch():
                return self
            self.port = 0
        raise AssertionError(f"{self.server} does not start: {(self.folder / 'redis.log').read_text()}")

    def kill(self) -> None:
        """End it as a power cut would: SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End it in order."""
        if self.process is not None:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGCONT)
            children.stop(self.process)

    def restart(self) -> None:
        """Kill it and start it again on its data."""
        self.kill()
        self.start()

    def freeze(self) -> None:
        """Stop it from running, connections kept (SIGSTOP)."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it run on (SIGCONT)."""
        os.kill(self.pid, signal.SIGCONT)

    def _launch(self) -> bool:
        self.folder.mkdir(parents=True, exist_ok=True)
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", ""]
        options += ["--appendonly", "yes", "--loglevel", "warning", *self.args]
        with (self.folder / "redis.log").open("wb") as log:
            process = children.spawn([self.server.path, *options], stdout=log, stderr=log, start_new_session=True)
        self.process = process

        def up() -> bool:
            if process.poll() is not None:
                return True
            client = redis.Redis(port=self.port, socket_timeout=5, retry=None)
            try:
                return bool(client.ping())
            except redis.AuthenticationError:  # a test gave it a password: it answers all the same
                return True
            except redis.RedisError:
                return False
            finally:
                client.close()

        wait_until(up, 30, f"{self.server} to answer on port {self.port}")
        return process.poll() is None


class RedisCluster:
    """Three masters on loopback that share the slots."""

    def __init__(self, server: Server, folder: Path) -> None:
        options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
        self.nodes = [RedisServer(server, folder / f"node{number}", options) for number in range(3)]

    @property
    def url(self) -> str:
        """The address of the first node, from which a cluster client finds the others."""
        return self.nodes[0].url

    def start(self) -> RedisCluster:
        """Start the nodes, let them meet, give out the slots, and wait until each node sees the whole."""
        clients = []
        for node in self.nodes:
            node.port = free_port(also=10_000)  # a node's own bus listens 10,000 above its port
            clients.append(node.start().client(decode_responses=True))
        bounds = [SLOTS * number // 3 for number in range(4)]
        for number, (client, (first, last)) in enumerate(zip(clients, itertools.pairwise(bounds), strict=True), 1):
            client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number)
            client.execute_command("CLUSTER", "ADDSLOTS", *range(first, last))
            clients[0].execute_command("CLUSTER", "MEET", "127.0.0.1", self.nodes[number - 1].port)
        for client, node in zip(clients, self.nodes, strict=True):
            wait_until(
                lambda client=client: (
                    "cluster_state:ok" in str(client.execute_command("CLUSTER", "INFO"))
                    and str(client.execute_command("CLUSTER", "NODES")).count("connected") == 3
                ),
                30,
                f"the cluster to be whole for the node at port {node.port}",
            )
            client.close()
        return self

    def stop(self) -> None:
        for node in self.nodes:
            node.stop()


def free_port(*, also: int | None = None) -> int:
    """Return a free loopback port; with `also`, one for which the port that much above it is free too."""
    for _ in range(100):
        with socket.socket() as probe, socket.socket() as other:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
            if also is None:
                return port
            # The kernel gives out high ports; the cluster bus needs room above, so come down when there is none.
            port = port if port + also < 65_536 else port - 2 * also
            try:
                other.bind(("127.0.0.1", port + also))
                if port != probe.getsockname()[1]:
                    with socket.socket() as lower:
                        lower.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise AssertionError("no free port")
