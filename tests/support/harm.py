"""What fault tests share: workflows of ledger steps, real schedulers, and the unreported at the end of each test."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from orchestrator import Run, Workflow, children
from orchestrator.model.states import JobState, RunState
from orchestrator.state.store import Store
from support import ledger as tasks
from support.checker import check
from support.fleet import Fleet
from support.ledger import Ledger
from support.waiting import wait_until

APP = "support.ledger"
QUICK = ("-c", "2", "--without-gossip", "--without-mingle")


def layers(ledger: Ledger, wide: int, deep: int, seconds: float = 0.01, route: str = "celery") -> Workflow:
    """Make layers of steps with three random parents each."""
    rng = random.Random(7)
    workflow = Workflow("layers")
    above: list[str] = []
    for layer in range(deep):
        here = [f"l{layer}n{number}" for number in range(wide)]
        for name in here:
            after = rng.sample(above, min(3, len(above)))
            workflow.job(name, tasks.step.s(str(ledger), seconds), route=route, after=after)
        above = here
    return workflow


def done(run: Run) -> int:
    """Return how many jobs of a run have succeeded."""
    info = run.refresh().info
    assert info is not None
    return info.counts.get(JobState.succeeded, 0)


def assert_sound(fleet: Fleet, ledger: Ledger | None, *runs: Run, state: RunState = RunState.succeeded) -> None:
    """The runs ended so; the transitions replay to what is stored; the ledger, if one is kept, tells the same."""
    assert [run.refresh().state for run in runs] == [state] * len(runs)
    store = Store.connect(fleet.redis_url, fleet.namespace)
    wrong: list[str] = []

    def at_rest() -> bool:
        wrong[:] = check(store)
        return not wrong

    try:
        wait_until(at_rest, 10, "the namespace to be at rest", every=0.2)
        if ledger is not None:
            wrong += tasks.check_all(ledger, store, runs)
    except AssertionError as error:
        raise AssertionError("\n".join(wrong)) from error
    finally:
        store.close()
    assert not wrong, "\n".join(wrong)


def told(what: str, values: list[float], unit: str = "s") -> None:
    """Print a measured figure (shown by pytest -s, and of a test that fails)."""
    print(f"\n{what}: median {median(values):.3f}, max {max(values):.3f} {unit}, of {len(values)}")


def env_of(fleet: Fleet) -> dict[str, str]:
    """Return the environment of a process of this fleet."""
    return {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parent.parent),
        "ORCHESTRATOR_REDIS_URL": fleet.redis_url,
        "ORCHESTRATOR_BROKER_URL": fleet.broker_url,
        "ORCHESTRATOR_NAMESPACE": fleet.namespace,
    }


class Scheduler:
    """One `orchestrator scheduler` process; `env` is added to its environment."""

    def __init__(self, fleet: Fleet, name: str, env: Mapping[str, str] | None = None) -> None:
        self.log = fleet.folder / f"{name}.log"
        self._env = {**env_of(fleet), **(env or {})}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Scheduler:
        """Start it."""
        with self.log.open("ab") as output:
            argv = [sys.executable, "-m", "orchestrator", "scheduler", "--json"]
            self.process = children.spawn(argv, env=self._env, stdout=output, stderr=output)
        return self

    def at_work(self) -> bool:
        """Tell whether it has begun: the last that it says before is its process id."""
        return self.process is not None and f'"pid": {self.process.pid}' in self.log.read_text(errors="replace")

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End it in order."""
        if self.process is not None:
            children.stop(self.process)
