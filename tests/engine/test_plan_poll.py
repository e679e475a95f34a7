from __future__ import annotations

import pytest

from orchestrator.starters.trigger import Trigger
from orchestrator.state.layouts.change_ops import drop_starter, pause
from orchestrator.state.transitions.sources import PlanPoll, PollKept, PollPlanned, PollStopped
from support.machine import Machine, plan_of
from support.starters import Starters


@pytest.fixture
def own(starters: Starters) -> str:
    return starters.trigger(
        plan_of(1, workflow="w"), Trigger(name="t", http={"url": "http://localhost/", "every": "1h"})
    )


@pytest.mark.parametrize("wait_ms", [0, 500, 3_600_000])
def test_the_next_poll_is_planned(machine: Machine, own: str, wait_ms: int) -> None:
    assert machine.do(PlanPoll(own, wait_ms)) == PollPlanned()
    assert machine.timers()[f"poll/{own}"] == wait_ms


def test_it_is_brought_forward_and_never_put_off(machine: Machine, own: str) -> None:
    machine.do(PlanPoll(own, 1000))
    assert machine.do(PlanPoll(own, 200, earlier=1)) == PollPlanned()
    before = machine.snapshot()
    for later in (200, 201, 5000):
        assert machine.do(PlanPoll(own, later, earlier=1)) == PollKept()
    assert machine.snapshot() == before


def test_a_timer_that_was_lost_stands_again(machine: Machine, own: str) -> None:
    machine.client.zrem(machine.keys.timers, f"poll/{own}")
    assert machine.do(PlanPoll(own, 1000, earlier=1)) == PollPlanned()
    assert machine.timers()[f"poll/{own}"] == 1000


@pytest.mark.parametrize("earlier", [0, 1])
@pytest.mark.parametrize("change", [drop_starter, pause])
def test_a_trigger_that_polls_no_more_loses_its_timer(
    starters: Starters, own: str, change: object, earlier: int
) -> None:
    starters.apply([change(own)])  # type: ignore[operator]
    starters.machine.client.zadd(starters.keys.timers, {f"poll/{own}": 1})  # by a poll that was under way
    assert starters.machine.do(PlanPoll(own, 0, earlier)) == PollStopped()
    assert f"poll/{own}" not in starters.machine.timers()


@pytest.mark.parametrize("other", ["w/nosuch", "w/s"])
def test_what_polls_nothing_gets_no_timer(starters: Starters, own: str, other: str) -> None:
    starters.starter(id="w/s")
    before = starters.machine.snapshot()
    assert starters.machine.do(PlanPoll(other, 0)) == PollStopped()
    assert starters.machine.snapshot() == before
