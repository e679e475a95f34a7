from __future__ import annotations

from typing import Any

import pytest

from orchestrator.model.states import RunState
from orchestrator.state.layouts.change_ops import clear, drop_starter, pause, resume
from orchestrator.state.transitions.replies import NoPlan, Outdated, Started, Waits
from orchestrator.state.transitions.starters import Full
from orchestrator.state.transitions.values import Permits
from support.machine import NORMAL, Machine
from support.starters import MINUTE, Starters


@pytest.fixture
def own(starters: Starters) -> str:
    """A schedule of which one run lives and two planned times wait."""
    made = starters.starter(overlap="queue_all", limit=1)
    assert isinstance(starters.start(), Started)
    assert [starters.start(), starters.start()] == [Waits(), Waits()]
    return made


def test_what_waits_longest_starts_once_there_is_room(starters: Starters, machine: Machine, own: str) -> None:
    assert starters.start_waiting() == Full()
    assert f"room/{own}" not in machine.timers()
    starters.finish()
    assert machine.timers()[f"room/{own}"] == 0
    first, second = starters.waiting(own)
    assert starters.start_waiting() == Started((Permits("default", NORMAL, 1),), False)
    assert starters.waiting(own) == [second]
    assert f"room/{own}" not in machine.timers()
    assert starters.past(own)[-1].occasion == first


@pytest.mark.parametrize("wrong", [{"generation": 0}, {"occasion": "1"}, {"count": 2}, {"count": 0}])
def test_who_is_late_changes_nothing(starters: Starters, machine: Machine, own: str, wrong: dict[str, Any]) -> None:
    starters.finish()
    before = machine.snapshot()
    assert starters.start_waiting(**wrong) == Outdated()
    assert machine.snapshot() == before


def test_sent_again_it_starts_no_second_run(starters: Starters, machine: Machine, own: str) -> None:
    starters.finish()
    head, _ = starters.waiting(own)
    assert isinstance(starters.start_waiting(occasion=head), Started)
    before = machine.snapshot()
    assert starters.start_waiting(occasion=head) == Outdated()
    assert machine.snapshot() == before


def test_without_a_plan_nothing_is_changed(starters: Starters, machine: Machine, own: str) -> None:
    starters.finish()
    before = machine.snapshot()
    assert starters.start_waiting(plan="nowhere") == NoPlan()
    assert machine.snapshot() == before


def test_a_pause_keeps_what_waits(starters: Starters, machine: Machine, own: str) -> None:
    starters.apply([pause(own)])
    starters.finish()
    assert starters.start_waiting() == Full()
    assert f"room/{own}" not in machine.timers()
    starters.apply([resume(own, "", machine.now + MINUTE, machine.now + MINUTE)])
    assert machine.timers()[f"room/{own}"] == 0
    assert isinstance(starters.start_waiting(), Started)


def test_more_room_wakes_for_what_waits_and_less_does_not(starters: Starters, machine: Machine, own: str) -> None:
    starters.starter(overlap="queue_all", limit=3)
    assert machine.timers()[f"room/{own}"] == 0
    starters.starter(overlap="queue_all", limit=1)
    assert f"room/{own}" not in machine.timers()
    starters.starter(overlap="allow", limit=0)
    assert machine.timers()[f"room/{own}"] == 0
    assert [type(starters.start_waiting()) for _ in range(3)] == [Started, Started, Outdated]


def test_what_is_cleared_starts_nothing(starters: Starters, machine: Machine, own: str) -> None:
    starters.apply([clear(own)])
    starters.finish()
    assert starters.waiting(own) == []
    assert starters.record(own).cleared == 2
    assert f"room/{own}" not in machine.timers()


def test_a_failure_keeps_what_waits_until_a_backfill_of_it_succeeds(starters: Starters, machine: Machine) -> None:
    own = starters.starter(overlap="queue_all", limit=1, depends_on_past=True)
    at = starters.record(own).next or 0
    starters.start()
    slot = machine.node().slot()
    slot.take()
    starters.start()
    slot.finish("failed")
    assert starters.record(own).last_end == RunState.failed.value
    assert starters.start_waiting() == Full()
    back = starters.backfill(own, [at - MINUTE, at], depends_on_past=True)
    assert isinstance(starters.start_waiting(back), Started)
    starters.finish()
    assert starters.start_waiting() == Full()  # the success of an earlier time says nothing
    assert isinstance(starters.start_waiting(back), Started)
    _, instead = starters.runs(own)
    assert machine.info(instead).facts == {}
    starters.finish()
    assert machine.timers()[f"room/{own}"] == 0
    assert isinstance(starters.start_waiting(), Started)
    assert [each.end for each in starters.past(own)] == [RunState.succeeded, RunState.succeeded, None]


def test_a_backfill_that_fails_stops_by_itself(starters: Starters, machine: Machine) -> None:
    own = starters.starter()
    at = starters.record(own).next or 0
    back = starters.backfill(own, [at - 2 * MINUTE, at - MINUTE], depends_on_past=True)
    starters.start_waiting(back)
    slot = machine.node().slot()
    slot.take()
    slot.finish("failed")
    assert starters.start_waiting(back) == Full()
    assert f"room/{back}" not in machine.timers()
    assert isinstance(starters.start(), Started)  # those of its schedule go on


def test_a_backfill_goes_on_as_many_at_a_time_as_it_says(starters: Starters, machine: Machine) -> None:
    own = starters.starter()
    at = starters.record(own).next or 0
    back = starters.backfill(own, [at - n * MINUTE for n in range(5, 0, -1)], limit=2)
    assert machine.timers()[f"room/{back}"] == 0
    assert [type(starters.start_waiting(back)) for _ in range(3)] == [Started, Started, Full]
    assert len(starters.runs(own)) == 2  # they are told of in the past of the schedule
    assert starters.past(back) == []


def test_the_runs_of_one_that_was_deleted_concern_no_other_of_its_name(starters: Starters, machine: Machine) -> None:
    own = starters.starter(overlap="queue_all", limit=1, depends_on_past=True)
    starters.start()
    starters.apply([drop_starter(own)])
    machine.wait(1)
    starters.starter(overlap="queue_all", limit=1, depends_on_past=True)
    slot = machine.node().slot()
    slot.take()
    slot.finish("failed")
    assert starters.record(own).last_end is None
    assert starters.record(own).ended == {}
    assert isinstance(starters.start(), Started)


def test_a_batch_that_is_not_due_gathers_on(starters: Starters, machine: Machine) -> None:
    own = starters.starter(id="w/t", kind="trigger", next=None, wait_ms=MINUTE, size=2)
    starters.offer("a")
    assert starters.start_waiting(own) == Full()
    starters.offer("b")
    assert starters.start_waiting(own) == Outdated()  # there is one more now
    assert isinstance(starters.start_waiting(own, count=2), Started)
    (run,) = starters.runs(own)
    for name in ("c", "d"):
        starters.offer(name)
    assert isinstance(starters.start_waiting(own, count=1, part=1), Started)  # two would be too much for one run
    assert starters.waiting(own) == ["d"]
    assert [starters.outcome("a"), starters.outcome("b")] == [run, run]
