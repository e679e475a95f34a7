from __future__ import annotations

import pytest

from orchestrator.state.transitions.timers import EndTimers, Removed
from support.machine import Machine
from support.starters import Starters


def test_timers_whose_work_is_done_are_removed(starters: Starters, machine: Machine) -> None:
    for name in ("a", "b", "c"):
        starters.deliver(name, "event:none")
    assert machine.do(EndTimers("delivery", ("a", "c", "nosuch"))) == Removed(2)
    assert list(machine.timers()) == ["delivery/b"]
    before = machine.snapshot()
    assert machine.do(EndTimers("delivery", ("a", "c"))) == Removed(0)
    assert machine.snapshot() == before
    machine.do(EndTimers("delivery", ("b",)))


@pytest.mark.parametrize(("kind", "refs"), [("ended", ("a",)), ("delivery", ()), ("delivery", ("b", "a\n", ""))])
def test_timers_of_another_kind_or_name_stay(starters: Starters, kind: str, refs: tuple[str, ...]) -> None:
    starters.deliver("a", "event:none")
    before = starters.machine.snapshot()
    assert starters.machine.do(EndTimers(kind, refs)) == Removed(0)
    assert starters.machine.snapshot() == before
    starters.work()


def test_more_timers_than_one_command_takes_are_removed(machine: Machine) -> None:
    refs = tuple(f"d{at}" for at in range(2_500))
    machine.client.zadd(machine.keys.timers, {f"delivery/{ref}": 1 for ref in refs})
    assert machine.do(EndTimers("delivery", refs)) == Removed(2_500)
