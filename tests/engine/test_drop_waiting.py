from __future__ import annotations

import pytest

from orchestrator.state.transitions.replies import Dropped, Outdated
from orchestrator.state.transitions.starters import DropWaiting
from support.machine import Machine
from support.starters import Starters


def test_what_cannot_start_is_told_and_the_next_is_woken_for(starters: Starters, machine: Machine) -> None:
    own = starters.starter(overlap="queue_all", limit=1)
    for _ in range(3):
        starters.start()
    starters.finish()
    head, second = starters.waiting(own)
    drop = DropWaiting(own, starters.record(own).generation, head, 1, "there is no workflow")
    assert machine.do(drop) == Dropped()
    past = starters.past(own)[-1]
    assert (past.occasion, past.word, past.detail) == (head, "failed", "there is no workflow")
    assert starters.waiting(own) == [second]
    assert machine.timers()[f"room/{own}"] == 0
    before = machine.snapshot()
    assert machine.do(drop) == Outdated()
    assert machine.snapshot() == before


def test_several_deliveries_are_dropped_together(starters: Starters) -> None:
    own = starters.starter(id="w/t", kind="trigger", next=None, wait_ms=1000)
    for name in ("a", "b", "c"):
        starters.offer(name)
    generation = starters.record(own).generation
    assert starters.machine.do(DropWaiting(own, generation, "a", 2, "why")) == Dropped()
    assert starters.waiting(own) == ["c"]
    assert [starters.outcome(name) for name in ("a", "b", "c")] == ["failed why", "failed why", "waits"]


@pytest.mark.parametrize(("generation", "occasion", "count"), [(0, "", 1), (None, "1", 1), (None, "", 9)])
def test_who_is_late_changes_nothing(starters: Starters, generation: int | None, occasion: str, count: int) -> None:
    own = starters.starter(overlap="queue_all", limit=1)
    starters.start()
    starters.start()
    (head,) = starters.waiting(own)
    record = starters.record(own)
    before = starters.machine.snapshot()
    late = DropWaiting(own, record.generation if generation is None else generation, occasion or head, count, "why")
    assert starters.machine.do(late) == Outdated()
    assert starters.machine.snapshot() == before
