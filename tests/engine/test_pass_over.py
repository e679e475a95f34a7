from __future__ import annotations

from typing import Any

import pytest

from orchestrator.state.transitions.replies import Outdated
from orchestrator.state.transitions.starters import Passed, PassOver
from support.machine import Machine
from support.starters import MINUTE, Starters


def passed_over(starters: Starters, own: str = "w/s", **fields: Any) -> Any:
    record = starters.record(own)
    at = record.next or 0
    given: dict[str, Any] = {"generation": record.generation, "planned": str(at), "last": str(at + 4 * MINUTE),
             "word": "missed", "detail": f"5 {at}", "next": str(at + 5 * MINUTE), "due": at + 5 * MINUTE}  # fmt: skip
    return starters.machine.do(PassOver(id=own, **(given | fields)))


def test_what_was_missed_is_told_with_how_much_it_was(starters: Starters, machine: Machine) -> None:
    own = starters.starter()
    at = starters.record(own).next or 0
    assert passed_over(starters) == Passed()
    (past,) = starters.past(own)
    assert (past.at_ms, past.word, past.detail, past.run) == (at + 4 * MINUTE, "missed", f"5 {at}", None)
    assert (starters.record(own).next, starters.record(own).due) == (at + 5 * MINUTE,) * 2
    assert machine.timers()[f"schedule/{own}"] == 6 * MINUTE


@pytest.mark.parametrize("wrong", [{"generation": 0}, {"planned": "1"}])
def test_who_is_late_changes_nothing(starters: Starters, machine: Machine, wrong: dict[str, Any]) -> None:
    starters.starter()
    before = machine.snapshot()
    assert passed_over(starters, **wrong) == Outdated()
    assert machine.snapshot() == before


def test_sent_again_it_tells_nothing_twice(starters: Starters, machine: Machine) -> None:
    record = starters.record(starters.starter())
    again: dict[str, Any] = {"planned": str(record.next), "last": str(record.next)}
    passed_over(starters, **again)
    before = machine.snapshot()
    assert passed_over(starters, **again) == Outdated()
    assert machine.snapshot() == before


def test_the_last_planned_time_may_be_passed_over(starters: Starters, machine: Machine) -> None:
    own = starters.starter()
    passed_over(starters, next="", due=0)
    assert starters.record(own).next is None
    assert machine.timers() == {}


def test_a_run_of_it_later_takes_the_place_of_the_failure(starters: Starters, machine: Machine) -> None:
    """A schedule that cannot be used is passed over at its own next time, and tried again."""
    own = starters.starter()
    at = starters.record(own).next or 0
    tried: dict[str, Any] = {"last": str(at), "word": "failed", "detail": "no calendar\nof that name", "next": str(at)}
    for due in (at + MINUTE, at + 2 * MINUTE):
        assert passed_over(starters, **tried, due=due) == Passed()
    (past,) = starters.past(own)
    assert (past.word, past.detail) == ("failed", "no calendar\nof that name")
    assert starters.record(own).due == at + 2 * MINUTE
    starters.start()
    (past,) = starters.past(own)
    assert (past.at_ms, past.word) == (at, "run")
