from __future__ import annotations

from typing import Any

import pytest

from orchestrator.model.states import RunState
from orchestrator.state.transitions.replies import NoPlan, Outdated, Skipped, Started, Waits
from orchestrator.state.transitions.runs import Forget
from orchestrator.state.transitions.values import Permits
from support.machine import NORMAL, Machine, plan_of
from support.starters import MINUTE, Starters


def test_the_planned_time_has_its_run_and_the_next_is_set(starters: Starters, machine: Machine) -> None:
    own = starters.starter()
    at = starters.record(own).next or 0
    assert starters.start(facts=b'{"a":1}') == Started((Permits("default", NORMAL, 1),), False)
    (past,) = starters.past(own)
    assert (past.at_ms, past.occasion, past.word, past.end) == (at, str(at), "run", None)
    assert machine.info(past.run or "").facts == {"a": 1}
    assert (starters.record(own).next, starters.record(own).due) == (at + MINUTE, at + MINUTE)
    assert machine.timers()[f"schedule/{own}"] == 2 * MINUTE


def test_sent_again_it_makes_no_second_run(starters: Starters, machine: Machine) -> None:
    """Its reply was cut: the run is there, and healing permits for it."""
    own = starters.starter()
    record = starters.record(own)
    again: dict[str, Any] = {"generation": record.generation, "planned": str(record.next), "run": "0" * 20}
    assert isinstance(starters.start(**again), Started)
    before = machine.snapshot()
    assert starters.start(**again) == Outdated()
    assert machine.snapshot() == before
    machine.wait(2001)
    beaten = machine.node().beat(idle=2)
    assert beaten.permits == (Permits("default", NORMAL, 1),)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "wrong", [{"generation": 0}, {"generation": 99}, {"planned": "1800000000000"}, {"planned": "1.80000006e12"}]
)
def test_who_thinks_of_another_time_or_definition_is_late(
    starters: Starters, machine: Machine, wrong: dict[str, Any]
) -> None:
    starters.starter()
    before = machine.snapshot()
    assert starters.start(**wrong) == Outdated()
    assert machine.snapshot() == before


def test_one_that_is_paused_or_gone_starts_nothing(starters: Starters, machine: Machine) -> None:
    own = starters.starter(enabled=False)
    before = machine.snapshot()
    assert starters.start(planned=str(machine.now + MINUTE)) == Outdated()
    assert machine.snapshot() == before
    assert starters.record(own).next is None


def test_without_a_plan_nothing_is_changed(starters: Starters, machine: Machine) -> None:
    starters.starter()
    before = machine.snapshot()
    assert starters.start(plan="nowhere") == NoPlan()
    assert machine.snapshot() == before


def test_after_the_last_planned_time_there_is_none(starters: Starters, machine: Machine) -> None:
    own = starters.starter()
    starters.start(next="", due=0)
    assert starters.record(own).next is None
    assert machine.client.zcard(machine.keys.agenda) == 0
    assert f"schedule/{own}" not in machine.timers()


def test_times_are_kept_as_whole_numbers(starters: Starters, machine: Machine) -> None:
    own = starters.starter()
    starters.start()
    key = machine.keys.starter(own)
    assert machine.client.hmget(key, "next", "due") == [b"%d" % (machine.now + 2 * MINUTE)] * 2
    assert machine.client.hget(key, "created") == b"%d" % machine.now


def test_skip_leaves_out_what_comes_while_a_run_lives(starters: Starters) -> None:
    own = starters.starter(overlap="skip", limit=1)
    assert isinstance(starters.start(), Started)
    assert starters.start() == Skipped()
    assert [(each.word, each.detail) for each in starters.past(own)][1] == ("skipped", "an earlier run is not over")
    starters.finish()
    assert isinstance(starters.start(), Started)


def test_queue_one_keeps_the_first_that_waits(starters: Starters, machine: Machine) -> None:
    own = starters.starter(overlap="queue_one", limit=1)
    starters.start()
    assert [starters.start(), starters.start()] == [Waits(), Skipped()]
    assert starters.waiting(own) == [str(machine.now + 2 * MINUTE)]
    starters.finish()
    # Its run is about to start, so one more may wait.
    assert [starters.start(), starters.start()] == [Waits(), Skipped()]


def test_queue_all_keeps_them_in_order_up_to_a_bound(starters: Starters, machine: Machine) -> None:
    own = starters.starter(overlap="queue_all", limit=1)
    starters.start()
    assert [starters.start(), starters.start()] == [Waits(), Waits()]
    assert starters.waiting(own) == [str(machine.now + 2 * MINUTE), str(machine.now + 3 * MINUTE)]
    machine.client.rpush(machine.keys.waiting(own), *range(9_998))
    assert starters.start() == Skipped()
    assert starters.past(own)[-1].detail == "too many wait already"
    machine.client.ltrim(machine.keys.waiting(own), 0, 1)


def test_cancel_old_lets_only_the_newest_go_on(starters: Starters, machine: Machine) -> None:
    own = starters.starter(overlap="cancel_old", limit=1)
    starters.start()
    (first,) = starters.runs(own)
    assert [starters.start(), starters.start(), starters.start()] == [Waits()] * 3
    assert machine.state(first) is RunState.cancelling
    assert machine.info(first).who == own
    assert starters.waiting(own) == [str(machine.now + 4 * MINUTE)]
    assert [each.word for each in starters.past(own)] == ["run", "skipped", "skipped"]
    machine.carry_on(first)
    assert machine.state(first) is RunState.cancelled
    assert machine.timers()[f"room/{own}"] == 0


def test_after_a_failure_what_depends_on_the_past_waits(starters: Starters) -> None:
    own = starters.starter(overlap="queue_all", limit=1, depends_on_past=True)
    starters.start()
    slot = starters.machine.node().slot()
    slot.take()
    slot.finish("failed")
    assert starters.start() == Waits()
    assert f"room/{own}" not in starters.machine.timers()
    skipping = starters.starter(id="w/k", overlap="skip", limit=1, depends_on_past=True)
    starters.start(skipping)
    slot.take()
    slot.finish("failed")
    assert starters.start(skipping) == Skipped()
    assert starters.past(skipping)[-1].detail == "an earlier run did not succeed"


def test_many_roots_are_left_to_advance(starters: Starters, machine: Machine) -> None:
    own = starters.starter()
    plan = plan_of(600, workflow="w")
    machine.store.put_plan(plan)
    started = starters.start(plan=plan.digest)
    assert started.todo
    machine.carry_on(starters.runs(own)[0])


def test_of_the_past_a_thousand_are_kept(starters: Starters, machine: Machine) -> None:
    own = starters.starter()
    machine.client.zadd(machine.keys.journal(own), {f"{at}\nskipped\n": at for at in range(1000)})
    starters.start()
    past = starters.past(own)
    assert (len(past), past[0].at_ms, past[-1].word) == (1000, 1, "run")


def test_a_run_that_is_forgotten_stays_in_the_past(starters: Starters, machine: Machine) -> None:
    own = starters.starter()
    starters.start()
    starters.finish()
    (run,) = starters.runs(own)
    machine.do(Forget(run))
    (past,) = starters.past(own)
    assert (past.run, past.end) == (run, RunState.succeeded)
