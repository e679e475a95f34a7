"""However slow the store is, no duty of a scheduler keeps another from its turn; leases and timers come first."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import redis

from orchestrator.scheduler import process
from orchestrator.scheduler.duties import STEP_S, Duty, Tools
from orchestrator.scheduler.duties.retention import Retention
from orchestrator.scheduler.duties.timers import Timers
from orchestrator.scheduler.duties.todos import Todos
from orchestrator.state.store import Store
from orchestrator.state.transitions.base import Transition
from orchestrator.state.transitions.events import Deliver
from support.machine import SET_CLOCK, Machine, plan_of

SLOW_S = 0.05
"""What a call takes to a store far away."""
LATE_S = STEP_S + 6 * SLOW_S
"""How long a step may take: its limit, and what one part of its work needs beyond it."""
MANY = 30


class Far(Store):
    """A store that takes its time to answer."""

    def run(self, transition: Transition[Any]) -> Any:
        threading.Event().wait(SLOW_S)
        return super().run(transition)


@pytest.fixture
def machine(redis_client: redis.Redis, ns: str) -> Machine:
    made = Machine(redis_client, ns)
    made.wait(1_700_000_000_000 - made.now)  # some reads go by the clock of the server
    return made


@pytest.fixture
def tools(machine: Machine) -> Tools:
    return Tools(Far(machine.client, machine.store.namespace, SET_CLOCK), lambda _permits: None)


def ended(machine: Machine) -> int:
    return int(machine.client.zcard(machine.keys.ended))


def over(machine: Machine) -> Duty:
    """Runs that ended long ago."""
    for _ in range(MANY):
        machine.submit(plan_of(1))
    machine.node().slot().work()
    return Retention(60)


def left_behind(machine: Machine) -> Duty:
    """Runs with something left to do."""
    for _ in range(MANY):
        machine.submit(plan_of(600), carry_on=False)
    return Todos()


def handed_out(machine: Machine) -> Duty:
    """Timers whose handler has a call for each."""

    def handle(tools: Tools, refs: Any, now_ms: int) -> None:
        for ref in refs[:6]:
            tools.store.run(Deliver(f"again {ref}", "event:a", "test", b"{}"))

    for at in range(90):
        machine.do(Deliver(f"d{at}", "event:a", "test", b"{}"))
    return Timers({"delivery": handle})


@pytest.mark.parametrize("work", [over, left_behind, handed_out])
def test_a_step_gives_its_turn_back_and_goes_on_later(
    machine: Machine, tools: Tools, work: Callable[[Machine], Duty]
) -> None:
    duty = work(machine)
    began = time.monotonic()
    assert duty.step(tools) == 0, "more is to do"
    assert time.monotonic() - began < LATE_S


def test_what_is_over_goes_in_several_steps(machine: Machine, tools: Tools) -> None:
    retention = over(machine)
    steps = 1
    while retention.step(tools) == 0:
        steps += 1
    assert steps > 1
    assert ended(machine) == 0


class Busy:
    """A duty whose work never ends."""

    interval_s = 0.0
    patience_s = 1.0

    def __init__(self, name: str) -> None:
        self.name = name
        self.steps = 0

    def step(self, tools: Tools) -> float:
        self.steps += 1
        threading.Event().wait(SLOW_S)
        return 0


class Prompt:
    """A duty that is to be done in time, and stops the scheduler at the end."""

    name = "prompt"
    interval_s = 3 * SLOW_S
    patience_s = 0.0

    def __init__(self, stop: threading.Event) -> None:
        self.stop = stop
        self.others_since: list[int] = []
        self.busy: list[Busy] = []

    def step(self, tools: Tools) -> float:
        self.others_since.append(sum(each.steps for each in self.busy))
        if len(self.others_since) == 10:
            self.stop.set()
        return self.interval_s


def test_the_duty_whose_patience_ends_first_goes_first(tools: Tools) -> None:
    stop = threading.Event()
    prompt = Prompt(stop)
    prompt.busy = [Busy(f"busy {at}") for at in range(8)]
    process.run(tools, [*prompt.busy, prompt], stop)
    between = [after - before for before, after in zip(prompt.others_since, prompt.others_since[1:], strict=False)]
    assert max(between) <= 4, "its interval, and the step that was under way"
    assert all(each.steps for each in prompt.busy), "the others have their turns too"
