"""Schedules in the store, worked by the scheduler's own code under a clock that is set."""

from __future__ import annotations

from typing import Any

from orchestrator.timing.intervals import Every
from orchestrator.timing.schedule import Schedule
from support.machine import chain, plan_of
from support.starters import Starters


def minutely(**fields: Any) -> Schedule:
    return Schedule(Every("1m"), **fields)


def test_each_planned_time_makes_one_run(starters: Starters) -> None:
    own = starters.schedule(plan_of(1), minutely())
    starters.run_clock(180_000)
    past = starters.past(own)
    start = starters.machine.now - 180_000
    assert [each.at_ms for each in past] == [at for at in range(start + 1, start + 180_001) if at % 60_000 == 0]
    facts = [starters.machine.info(each.run or "").facts for each in past]
    assert [fact["logical_ms"] for fact in facts] == [each.at_ms for each in past]
    assert all(fact["interval_ms"] == [fact["logical_ms"] - 60_000, fact["logical_ms"]] for fact in facts)


def test_what_waits_starts_when_the_run_before_is_over(starters: Starters) -> None:
    own = starters.schedule(chain(1), minutely(overlap="queue_all"))
    starters.run_clock(240_000)
    assert len(starters.runs(own)) == 1
    assert len(starters.waiting(own)) == 3
    for n in (2, 3, 4):
        starters.finish()
        starters.work()
        assert len(starters.runs(own)) == n
