"""Schedules in the store, worked by the scheduler's own code under a clock that is set."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.model.errors import DefinitionError
from orchestrator.scheduling.records import backfill_record
from orchestrator.starters.schedule import Schedule
from orchestrator.starters.trigger import Trigger
from orchestrator.state.layouts.change_ops import drop_workflow, put_calendar, put_starter, put_waiting
from orchestrator.timing.calendars import Calendar
from orchestrator.timing.intervals import Every
from support.checker import check
from support.machine import CRITICAL, LOW, chain, plan_of
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


@pytest.mark.parametrize(
    ("misfire", "words"),
    [("skip", ["missed", "run"]), ("run_once", ["missed", "run"]), ("run_all", ["run"] * 61)],
)
def test_after_an_outage_what_was_missed_is_told(starters: Starters, misfire: Any, words: list[str]) -> None:
    own = starters.schedule(plan_of(1), minutely(misfire=misfire))
    starters.machine.wait(3_600_000 + 40_000)
    starters.work()
    past = starters.past(own)
    assert [each.word for each in past] == words[: len(past)]
    told = sum(int(each.detail.split()[0]) if each.word == "missed" else 1 for each in past)
    assert told == 60


def test_a_long_backlog_is_worked_off_in_parts(starters: Starters) -> None:
    own = starters.schedule(plan_of(1), Schedule(Every("1m"), misfire="run_all", overlap="queue_all"))
    starters.machine.wait(300 * 60_000)
    starters.work()
    assert len(starters.runs(own)) + len(starters.waiting(own)) == 300


def test_jitter_beyond_the_interval_loses_nothing(starters: Starters) -> None:
    own = starters.schedule(plan_of(1), minutely(jitter="10m", misfire="skip"))
    starters.run_clock(1_200_000)
    past = starters.past(own)
    assert {each.word for each in past} == {"run"}
    planned = [each.at_ms for each in past]
    assert planned == list(range(planned[0], planned[0] + 60_000 * len(planned), 60_000))
    assert len(planned) >= 9


def test_a_schedule_whose_calendar_is_gone_goes_on_once_it_is_back(starters: Starters) -> None:
    calendar = Calendar(weekdays=["mon", "tue", "wed", "thu", "fri", "sat", "sun"])
    own = starters.schedule(plan_of(1), minutely(days="always"), calendars={"always": calendar})
    starters.run_clock(130_000, 5000)
    (past,) = starters.past(own)
    assert past.word == "failed"
    assert "always" in past.detail
    starters.apply([put_calendar("always", json.dumps(calendar.document()).encode())])
    starters.run_clock(180_000, 5000)
    assert {each.word for each in starters.past(own)} <= {"run", "missed"}
    assert starters.runs(own)


def test_one_that_cannot_be_read_is_in_nobodys_way(starters: Starters, caplog: pytest.LogCaptureFixture) -> None:
    broken = starters.starter(id="w/broken", kind="trigger", next=None, spec=b'{"nonsense": 1}')
    starters.offer("a", broken)
    good = starters.trigger(plan_of(1), Trigger(event="e", name="good"))
    starters.apply([put_calendar("unreadable", b'{"nonsense": 1}')])
    unreadable = starters.starter(id="w/unreadable", spec=b'{"cron": "never"}')
    schedule = starters.schedule(plan_of(1), minutely())
    starters.deliver("b", "event:e")
    for _ in range(50):
        starters.machine.wait(2000)
        starters.work()
    assert [each.word for each in starters.past(unreadable)] == ["failed"]
    assert (len(starters.runs(good)), len(starters.runs(schedule))) == (1, 1)
    assert starters.waiting(broken) == ["a"]
    assert "w/broken: it cannot be used" in caplog.text


def test_without_its_workflow_a_planned_time_is_told_as_failed(starters: Starters) -> None:
    plan = plan_of(1)
    own = starters.schedule(plan, minutely())
    starters.apply([drop_workflow(plan.workflow)])
    starters.run_clock(61_000)
    (past,) = starters.past(own)
    assert (past.word, past.detail) == ("failed", f"there is no workflow {plan.workflow!r}")


def test_events_that_follow_each_other_are_one_run(starters: Starters) -> None:
    own = starters.trigger(plan_of(1), Trigger(event="e", debounce="10s"))
    for name in ("a", "b", "c"):
        starters.deliver(name, "event:e")
        starters.run_clock(5000)
    starters.run_clock(10_000)
    (run,) = starters.runs(own)
    assert starters.machine.info(run).facts == {"trigger": own, "deliveries": ["a", "b", "c"]}
    assert {starters.outcome(name, own) for name in ("a", "b", "c")} == {run}


COUNTING = replace(
    plan_of(1), digest="counting",
    head=b'{"name":"w","params":{"type":"object","properties":{"n":{"type":"integer"},"ids":{"type":"array"}}}}',
)  # fmt: skip


def deliver_many(starters: Starters, many: int, fields: int) -> None:
    for number in range(many):
        payload = {f"k{field}": f"{number:020}" for field in range(fields)}
        starters.deliver(f"e{number:04}", "event:e", json.dumps(payload).encode())
    starters.work()


def test_a_large_batch_can_be_counted_and_listed(starters: Starters) -> None:
    params = {"n": {"$expr": "size(events)"}, "ids": {"$expr": "events.map(e, e.payload.k0)"}}
    trigger = Trigger(event="e", batch={"size": 500, "within": "1h"}, params=params)
    own = starters.trigger(COUNTING, trigger)
    deliver_many(starters, 500, 3)
    (run,) = starters.runs(own)
    given = starters.machine.info(run).params
    assert (given["n"], given["ids"]) == (500, [f"{number:020}" for number in range(500)])


def test_events_that_are_too_much_at_once_start_several_runs(starters: Starters) -> None:
    params = {"ids": {"$expr": "events.map(e, e.payload.k0)"}}
    own = starters.trigger(COUNTING, Trigger(event="e", debounce="10s", params=params))
    deliver_many(starters, 1000, 40)
    starters.run_clock(20_000)
    infos = [starters.machine.info(run) for run in starters.runs(own)]
    assert 1 < len(infos) <= 16
    assert sorted(each for info in infos for each in info.params["ids"]) == [f"{number:020}" for number in range(1000)]
    assert starters.waiting(own) == []


def test_a_steady_stream_is_not_put_off_for_ever(starters: Starters) -> None:
    own = starters.trigger(plan_of(1), Trigger(event="e", debounce="10s"))
    for number in range(30):
        starters.deliver(str(number), "event:e")
        starters.run_clock(4000, 4000)
    assert len(starters.runs(own)) == 1
    assert len(starters.machine.info(starters.runs(own)[0]).facts["deliveries"]) == 25


def test_a_batch_may_be_as_large_as_a_run_takes(starters: Starters) -> None:
    own = starters.trigger(plan_of(1), Trigger(event="e", batch={"size": 1000, "within": "1h"}))
    for number in range(1001):
        starters.deliver(f"e{number:04}", "event:e")
    starters.work()
    assert len(starters.runs(own)) == 1
    assert starters.waiting(own) == ["e1000"]
    with pytest.raises(DefinitionError, match="1000"):
        Trigger(event="e", batch={"size": 1001, "within": "1h"})


def test_a_trigger_that_is_changed_while_it_is_offered_something_still_gets_it(starters: Starters) -> None:
    own = starters.trigger(plan_of(1), Trigger(event="e"))
    starters.deliver("a", "event:e")
    starters.interrupt(lambda: starters.trigger(plan_of(1), Trigger(event="e", priority="high")))
    starters.work()
    assert starters.outcome("a", own) is None
    starters.machine.wait(2000)
    starters.work()
    assert starters.outcome("a", own) == starters.runs(own)[0]


def test_whoever_dies_with_it_leaves_it_to_another(starters: Starters) -> None:
    own = starters.schedule(plan_of(1), minutely())
    starters.machine.wait(60_000)
    assert starters.machine.fire() == 1  # and then no more is heard
    starters.work()
    assert starters.past(own) == []
    starters.machine.wait(2000)
    starters.work()
    assert len(starters.runs(own)) == 1


def test_what_depends_on_the_past_cancels_nothing_of_it() -> None:
    with pytest.raises(DefinitionError, match="depends_on_past"):
        minutely(depends_on_past=True, overlap="cancel_old")


def test_a_backfill_comes_last_whatever_its_jobs_say(starters: Starters) -> None:
    machine = starters.machine
    plan = plan_of(1, classes={0: CRITICAL}, numbers={0: 0}, workflow="w")
    schedule = Schedule(Every("1d"), name="s", priority="low")
    own = starters.schedule(plan, schedule)
    record = backfill_record(starters.record(own), schedule, 1, 5)
    starters.apply([put_waiting(record.id, [86_400_000, 172_800_000]), put_starter(record)])
    starters.work()
    machine.wait(1000)
    live = machine.submit(plan_of(1, numbers={0: 250}), priority=LOW)
    first, *others = [ref.partition("/")[0] for ref in machine.ready()]
    assert (first, set(others)) == (live, set(starters.runs(own)))
    assert check(starters.store) == []
