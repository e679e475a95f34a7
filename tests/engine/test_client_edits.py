"""Changes of schedules while schedulers are at work: when they hold, and what they never lose or double."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator import Calendar, Client, Every, Schedule, Trigger
from orchestrator.model.errors import Conflict, DefinitionError
from orchestrator.state.transitions.definitions import Apply
from support.ahead import MINUTE, START_MS, one_job, put
from support.starters import Starters


def test_an_edit_holds_before_the_next_planned_time(client: Client, ahead: Starters) -> None:
    own = put(client, Schedule(Every("10m")))
    ahead.run_clock(11 * MINUTE)
    client.schedules.put("shop", Schedule(Every("1m")))
    ahead.run_clock(3 * MINUTE)
    assert [each.at_ms - START_MS for each in ahead.past(own)] == [n * MINUTE for n in (10, 12, 13, 14)]


def test_an_edit_loses_no_planned_time_that_has_not_started_yet(client: Client, ahead: Starters) -> None:
    own = put(client, Schedule(Every("10m"), jitter="9m"))
    planned = client.schedules.get(own)
    assert planned.next_ms is not None
    assert planned.starts_ms is not None
    ahead.machine.wait(planned.next_ms + 1 - ahead.machine.now)
    client.schedules.put("shop", Schedule(Every("10m"), jitter="9m", description="changed"))
    assert client.schedules.get(own).next_ms == planned.next_ms
    ahead.machine.wait(planned.starts_ms - ahead.machine.now)
    ahead.work()
    assert [each.at_ms for each in ahead.past(own)] == [planned.next_ms]


def test_who_has_seen_an_older_one_is_refused(client: Client) -> None:
    client.workflows.register(one_job())
    first = client.schedules.put("shop", Schedule(Every("1m")), generation=0)
    client.schedules.put("shop", Schedule(Every("2m")), generation=first.generation)
    for generation in (0, first.generation):
        with pytest.raises(Conflict, match="changed meanwhile"):
            client.schedules.put("shop", Schedule(Every("3m")), generation=generation)
    with pytest.raises(Conflict, match="is a schedule"):
        client.triggers.put("shop", Trigger(name="default", event="x"))


def test_a_planned_time_that_starts_meanwhile_is_not_planned_again(
    client: Client, ahead: Starters, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = put(client, Schedule(Every("1m"), name="edited"))
    client.calendars.put("all", Calendar(weekdays="mon-sun"))
    client.schedules.put("shop", Schedule(Every("1m"), name="kept", days="all"))
    run, meanwhile = ahead.store.run, iter([MINUTE, MINUTE])

    def late(transition: Any) -> Any:
        if isinstance(transition, Apply) and (ms := next(meanwhile, None)):
            ahead.machine.wait(ms)
            ahead.work()
        return run(transition)

    monkeypatch.setattr(ahead.store, "run", late)
    client.schedules.put("shop", Schedule(Every("1m"), name="edited", description="thought over before"))
    client.calendars.put("all", Calendar(weekdays="fri"))
    ahead.run_clock(MINUTE)
    for each in (own, "shop/kept"):
        assert [entry.at_ms - START_MS for entry in ahead.past(each)] == [n * MINUTE for n in (1, 2, 3)], each
    assert len(client.runs.list()) == 6


def test_register_replaces_what_came_from_code_and_nothing_else(client: Client, ahead: Starters) -> None:
    first = one_job()
    first.schedule(Every("1m"), name="kept")
    first.schedule(Every("2m"), name="gone")
    first.trigger(event="a.*", name="heard")
    client.workflows.register(first)
    client.schedules.put("shop", Schedule(Every("3m"), name="mine"))
    client.schedules.pause("shop/kept")
    before = ahead.machine.snapshot()
    assert not client.workflows.register(first).new
    assert ahead.machine.snapshot() == before, "a second time changes nothing"
    second = one_job()
    second.schedule(Every("5m"), name="kept")
    client.workflows.register(second)
    assert [info.id for info in client.schedules.list()] == ["shop/kept", "shop/mine"]
    assert client.triggers.list() == []
    assert client.schedules.get("shop/kept").state == "paused"
    clash = one_job()
    clash.schedule(Every("1m"))
    with pytest.raises(DefinitionError, match="another name"):
        clash.trigger(event="x")
