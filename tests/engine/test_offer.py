from __future__ import annotations

from typing import Any

import pytest

from orchestrator.model.states import RunState
from orchestrator.state.layouts.change_ops import drop_starter
from orchestrator.state.transitions.events import Known, Offer
from orchestrator.state.transitions.replies import Missing, Outdated, Skipped, Started, Waits
from orchestrator.state.transitions.starters import Full
from support.machine import Machine
from support.starters import MINUTE, Starters


def trigger(starters: Starters, **fields: Any) -> str:
    return starters.starter(**({"id": "w/t", "kind": "trigger", "next": None, "due": None} | fields))


def test_a_delivery_waits_for_its_run_once(starters: Starters, machine: Machine) -> None:
    own = trigger(starters)
    assert starters.offer("a") == Waits()
    assert (starters.waiting(own), starters.outcome("a"), machine.timers()) == (["a"], "waits", {"room/w/t": 0})
    before = machine.snapshot()
    assert machine.do(Offer(own, starters.record(own).generation, "a", "e")) == Known()
    assert machine.snapshot() == before
    starters.start_waiting(own)
    assert starters.outcome("a") == starters.runs(own)[0]
    assert machine.do(Offer(own, starters.record(own).generation, "a", "e")) == Known()


def test_who_is_late_changes_nothing(starters: Starters, machine: Machine) -> None:
    own = trigger(starters)
    starters.deliver("a", "event:e")
    before = machine.snapshot()
    assert machine.do(Offer(own, 0, "a", "e")) == Outdated()
    assert machine.do(Offer("w/other", 1, "a", "e")) == Outdated()
    assert machine.do(Offer(own, starters.record(own).generation, "b", "e")) == Missing()
    assert machine.snapshot() == before
    trigger(starters, enabled=False)
    assert machine.do(Offer(own, starters.record(own).generation, "a", "e")) == Outdated()
    assert starters.outcome("a") is None


def test_why_it_makes_no_run_is_told(starters: Starters) -> None:
    own = trigger(starters)
    assert starters.offer("a", why="no field 'id'") == Skipped()
    assert starters.outcome("a") == "failed no field 'id'"
    assert [(each.occasion, each.word, each.detail) for each in starters.past(own)] == [
        ("a", "failed", "no field 'id'")
    ]
    assert starters.waiting(own) == []


def test_skip_lets_go_what_comes_while_a_run_is_about_to_live_or_lives(starters: Starters) -> None:
    own = trigger(starters, overlap="skip", limit=1)
    assert [starters.offer("a"), starters.offer("b")] == [Waits(), Skipped()]
    starters.start_waiting(own)
    assert starters.offer("c") == Skipped()
    assert [starters.outcome("b"), starters.outcome("c")] == ["skipped", "skipped"]
    starters.finish()
    assert starters.offer("d") == Waits()


def test_queue_one_keeps_the_first_that_waits(starters: Starters) -> None:
    own = trigger(starters, overlap="queue_one", limit=1)
    assert [starters.offer(name) for name in "abc"] == [Waits(), Waits(), Skipped()]
    starters.start_waiting(own)
    assert starters.offer("d") == Skipped()
    assert starters.waiting(own) == ["b"]


def test_cancel_old_spares_what_there_is_room_for(starters: Starters, machine: Machine) -> None:
    own = trigger(starters, overlap="cancel_old", limit=2)
    for name in "ab":
        starters.offer(name)
        starters.start_waiting(own)
        machine.wait(1)
    first, second = starters.runs(own)
    assert starters.offer("c") == Waits()
    assert [machine.state(run) for run in (first, second)] == [RunState.cancelling, RunState.queued]
    assert starters.offer("d") == Waits()
    assert machine.state(second) is RunState.cancelling
    assert starters.offer("e") == Waits()
    assert (starters.waiting(own), starters.outcome("c")) == (["d", "e"], "skipped")
    for run in (first, second):
        machine.carry_on(run)
    assert machine.timers()[f"room/{own}"] == 0


def test_what_debounces_starts_after_so_long_a_quiet(starters: Starters, machine: Machine) -> None:
    own = trigger(starters, wait_ms=MINUTE)
    starters.offer("a")
    machine.wait(40_000)
    assert machine.timers() == {f"room/{own}": 20_000}
    starters.offer("b")
    assert machine.timers() == {f"room/{own}": MINUTE}
    machine.wait(MINUTE - 1)
    assert starters.start_waiting(own, 2) == Full()
    machine.wait(1)
    assert isinstance(starters.start_waiting(own, 2), Started)


@pytest.mark.parametrize("overlap", ["skip", "queue_one", "cancel_old"])
def test_what_gathers_is_one_run_to_its_policy(starters: Starters, machine: Machine, overlap: str) -> None:
    own = trigger(starters, wait_ms=MINUTE, overlap=overlap, limit=1)
    assert [starters.offer(name) for name in "abc"] == [Waits()] * 3
    machine.wait(MINUTE)
    assert isinstance(starters.start_waiting(own, 3), Started)
    (run,) = starters.runs(own)
    expected = Skipped() if overlap == "skip" else Waits()
    assert [starters.offer(name) for name in "de"] == [expected] * 2
    assert starters.waiting(own) == ([] if overlap == "skip" else ["d", "e"])
    assert (machine.state(run) is RunState.cancelling) == (overlap == "cancel_old")
    machine.carry_on(run)
    starters.finish()


def test_a_batch_starts_when_it_is_full_or_its_first_has_waited(starters: Starters, machine: Machine) -> None:
    own = trigger(starters, wait_ms=MINUTE, size=3)
    starters.offer("a")
    machine.wait(10_000)
    starters.offer("b")
    assert machine.timers() == {f"room/{own}": MINUTE - 10_000}
    starters.offer("c")
    assert machine.timers() == {f"room/{own}": 0}
    starters.offer("d")
    assert isinstance(starters.start_waiting(own, 3), Started)
    assert machine.timers() == {f"room/{own}": MINUTE}
    machine.wait(MINUTE)
    assert isinstance(starters.start_waiting(own, 1), Started)


def test_a_batch_is_one_run_that_waits(starters: Starters) -> None:
    own = trigger(starters, wait_ms=MINUTE, size=2, overlap="queue_one", limit=1)
    starters.offer("a")
    starters.offer("b")
    starters.start_waiting(own, 2)
    assert [starters.offer(name) for name in "cde"] == [Waits(), Waits(), Skipped()]


def test_all_datasets_start_one_run_with_the_last_of_each(starters: Starters, machine: Machine) -> None:
    own = trigger(starters, need=2)
    for name, dataset in (("a1", "a"), ("a2", "a"), ("b1", "b"), ("b2", "b")):
        machine.wait(1)
        assert starters.offer(name, name=dataset) == Waits()
    assert starters.waiting(own) == ["a2", "b1"]
    assert starters.outcome("a1") == "superseded"
    assert isinstance(starters.start_waiting(own, 2), Started)
    machine.wait(1)
    starters.offer("a3", name="a")
    assert starters.waiting(own) == ["b2", "a3"]


def test_datasets_have_to_come_within_their_window(starters: Starters, machine: Machine) -> None:
    own = trigger(starters, need=2, within_ms=MINUTE)
    starters.offer("a1", name="a")
    machine.wait(MINUTE + 1)
    starters.offer("b1", name="b")
    assert starters.waiting(own) == []
    assert starters.outcome("a1") == "expired"
    machine.wait(MINUTE)
    starters.offer("a2", name="a")
    assert starters.waiting(own) == ["b1", "a2"]


def test_an_edit_of_what_is_waited_for_begins_anew(starters: Starters) -> None:
    own = trigger(starters, need=2, spec=b'["a","b"]')
    starters.offer("a1", name="a")
    trigger(starters, need=2, spec=b'["b","c"]')
    starters.offer("b1", name="b")
    assert starters.waiting(own) == []
    starters.offer("c1", name="c")
    assert starters.waiting(own) == ["b1", "c1"]


def test_a_whole_set_is_skipped_while_a_run_lives(starters: Starters) -> None:
    own = trigger(starters, need=2, overlap="skip", limit=1)
    for name in "ab":
        starters.offer(f"{name}1", name=name)
    starters.start_waiting(own, 2)
    assert starters.offer("a2", name="a") == Waits()
    assert starters.offer("b2", name="b") == Skipped()
    assert [starters.outcome(name) for name in ("a2", "b2")] == ["skipped", "skipped"]
    assert starters.waiting(own) == []


def test_of_a_trigger_that_is_deleted_no_delivery_waits(starters: Starters) -> None:
    own, gathers = trigger(starters), trigger(starters, id="w/all", need=2)
    starters.offer("a")
    starters.offer("a1", gathers, name="a")
    starters.apply([drop_starter(own), drop_starter(gathers)])
    assert (starters.outcome("a"), starters.outcome("a1", gathers)) == ("cleared", "superseded")
