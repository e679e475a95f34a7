"""The script `apply`: definitions change together, or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator import Workflow
from orchestrator.dsl.documents import define
from orchestrator.model.complaints import Complaint
from orchestrator.model.errors import DefinitionError
from orchestrator.state.layouts.change_ops import (
    Starter,
    drop_calendar,
    drop_starter,
    drop_workflow,
    pause,
    put_calendar,
    put_starter,
    put_workflow,
    resume,
    watch,
)
from orchestrator.state.reads import starters as reads
from orchestrator.state.transitions.definitions import Applied, Changed, NotUploaded, StaleEdit
from orchestrator.state.transitions.replies import Outdated, Started
from orchestrator.timing.intervals import Every
from support.machine import Machine, chain, plan_of
from support.starters import MINUTE, PLAN, Starters


def made(name: str, **fields: Any) -> Starter:
    given: dict[str, Any] = {"kind": "trigger", "workflow": "w", "spec": b"{}", "enabled": True}
    return Starter(id=name, **(given | fields))


def test_all_of_them_or_none(starters: Starters, machine: Machine) -> None:
    starters.apply([put_calendar("c", b"{}"), put_starter(made("w/t"))])
    before = machine.snapshot()
    ops = [put_calendar("d", b"{}"), drop_calendar("c"), put_starter(made("w/u"))]
    for last, reply in [
        (put_workflow("w", "nowhere"), NotUploaded("w")),
        (put_starter(made("w/t"), "0"), StaleEdit("w/t")),
        (put_starter(made("w/t"), "77"), StaleEdit("w/t")),
        (drop_starter("w/v", "3"), StaleEdit("w/v")),
        (pause("w/t", "77"), StaleEdit("w/t")),
    ]:
        assert starters.apply([*ops, last]) == reply
        assert machine.snapshot() == before
    assert isinstance(starters.apply(ops), Applied)
    assert set(machine.store.read(reads.calendars(machine.keys))) == {"d"}
    assert machine.store.read(reads.ids(machine.keys, "trigger")) == ["w/t", "w/u"]


def test_an_edit_of_what_somebody_changed_is_refused(starters: Starters, machine: Machine) -> None:
    first = starters.apply([put_calendar("c", b"{}")], expected=0)
    assert first == Applied(1, 0)
    before = machine.snapshot()
    assert starters.apply([drop_calendar("c")], expected=0) == Changed(1)
    assert machine.snapshot() == before
    assert starters.apply([drop_calendar("c")], expected=1) == Applied(2, 0)


def test_revisions_are_numbered_and_the_last_are_kept(starters: Starters, machine: Machine) -> None:
    for number in range(1, 203):
        assert starters.apply([], revision=b"r%d" % number).revision == number
    kept = machine.client.hkeys(machine.keys.revisions)
    assert sorted(map(int, kept)) == list(range(3, 203))


def test_a_time_that_a_scheduler_starts_meanwhile_stops_the_edit(starters: Starters) -> None:
    """It would be planned again otherwise."""
    own = starters.starter()
    seen = starters.record(own)
    starters.start()
    again = made(own, kind="schedule", next=seen.next, due=seen.next)
    assert starters.apply([put_starter(again, seen.seen)]) == StaleEdit(own)
    assert starters.record(own).next == (seen.next or 0) + MINUTE


def test_a_time_that_an_edit_passes_over_is_told(starters: Starters, machine: Machine) -> None:
    own = starters.starter()
    planned = starters.record(own).next or 0
    machine.wait(MINUTE)
    starters.starter(next=planned + 5 * MINUTE, due=planned + 5 * MINUTE)
    (past,) = starters.past(own)
    assert (past.at_ms, past.word) == (planned, "skipped")
    machine.wait(MINUTE)
    starters.starter()  # nothing had come that this passes over
    assert len(starters.past(own)) == 1


def test_one_of_the_same_name_is_another(starters: Starters, machine: Machine) -> None:
    """Who has seen the one that was deleted, can change nothing in the one that came after."""
    own = starters.starter()
    old = starters.record(own)
    starters.apply([drop_starter(own)])
    assert [key for key in machine.client.scan_iter(match="*starter:*") if old.id.encode() in key] == []
    assert machine.timers() == {}
    starters.starter()
    assert starters.record(own).generation > old.generation
    before = machine.snapshot()
    assert starters.start(generation=old.generation) == Outdated()
    assert starters.apply([drop_starter(own, str(old.generation))]) == StaleEdit(own)
    assert machine.snapshot() == before


def test_an_edit_keeps_runs_what_waits_and_the_past(starters: Starters, machine: Machine) -> None:
    own = starters.starter(overlap="queue_all", limit=1)
    starters.start()
    starters.start()
    waiting, past, created = starters.waiting(own), starters.past(own), starters.record(own).created_ms
    machine.wait(10)
    starters.starter(overlap="skip", limit=1)
    assert (starters.waiting(own), starters.past(own)) == (waiting, past)
    assert starters.record(own).created_ms == created
    starters.finish()
    assert isinstance(starters.start_waiting(), Started)


def test_a_schedule_that_becomes_a_trigger_is_no_schedule_any_more(starters: Starters, machine: Machine) -> None:
    own = starters.starter()
    starters.apply([put_starter(made(own))])
    assert machine.store.read(reads.ids(machine.keys, "schedule")) == []
    assert machine.timers() == {}


def test_an_old_token_leads_nowhere(starters: Starters, machine: Machine) -> None:
    def hook(token: str) -> str | None:
        return machine.store.read(reads.hook(machine.keys, token))

    starters.apply([put_starter(made("w/t", token="one"))])
    starters.apply([put_starter(made("w/t", token="two"))])
    assert [hook("one"), hook("two")] == [None, "w/t"]
    starters.apply([put_starter(made("w/t"))])
    assert hook("two") is None
    starters.apply([put_starter(made("w/t", token="three")), drop_starter("w/t")])
    assert hook("three") is None


def test_a_poll_stands_while_its_trigger_is_on(starters: Starters, machine: Machine) -> None:
    starters.apply([put_starter(made("w/t", poll_ms=5000))])
    assert machine.timers() == {"poll/w/t": 0}
    starters.apply([pause("w/t")])
    assert machine.timers() == {}
    starters.apply([resume("w/t", "", None, None)])
    assert machine.timers() == {"poll/w/t": 0}
    starters.apply([put_starter(made("w/t", poll_ms=5000, enabled=False))])
    assert machine.timers() == {}


def test_a_pause_outlives_an_edit(starters: Starters, machine: Machine) -> None:
    own = starters.starter()
    at = starters.record(own).next
    starters.apply([pause(own), pause(own)])
    record = starters.record(own)
    assert (record.enabled, record.next, record.held, record.paused_ms) == (False, None, at, machine.now)
    starters.starter()
    assert (starters.record(own).enabled, machine.timers()) == (False, {})
    starters.apply([resume(own, "", at, at)])
    assert machine.timers() == {f"schedule/{own}": MINUTE}


def test_as_many_occasions_wait_as_there_are(starters: Starters) -> None:
    starters.store.put_plan(PLAN)
    times = list(range(1_000, 31_000))
    own = starters.backfill("w/s", times)
    assert starters.store.read(reads.waiting(starters.keys, own, 40_000)) == [str(at) for at in times]


def test_workflows_change_with_their_schedules(starters: Starters, machine: Machine) -> None:
    first, second = plan_of(1, workflow="w"), plan_of(2, workflow="w")
    machine.store.put_plan(first)
    machine.store.put_plan(second)
    edits = machine.store.read(reads.edits(machine.keys))
    starters.apply([put_workflow("w", first.digest), watch("w")])
    assert machine.store.read(reads.current_plans(machine.keys, ["w"])) == {"w": first.digest}
    assert machine.store.read(reads.edits(machine.keys)) > edits
    starters.apply([drop_workflow("w")])
    assert machine.store.read(reads.current_plans(machine.keys, ["w"])) == {}


def test_a_plan_that_becomes_current_is_an_edit_and_the_same_again_is_none(machine: Machine) -> None:
    machine.store.put_plan(chain(2))
    edits = machine.store.read(reads.edits(machine.keys))
    machine.store.put_plan(chain(2))
    assert machine.store.read(reads.edits(machine.keys)) == edits
    machine.store.put_plan(chain(3))
    assert machine.store.read(reads.edits(machine.keys)) == edits + 1


@pytest.mark.parametrize("text", [b"", b"\0", b"\n", "ü".encode(), b"\xff" * 70_000])
def test_texts_are_taken_as_they_are(starters: Starters, machine: Machine, text: bytes) -> None:
    starters.apply([put_calendar("c", text)])
    assert machine.client.hget(machine.keys.calendars, "c") == text


def test_a_schedule_and_a_trigger_of_one_workflow_have_names_of_their_own() -> None:
    """Both are stored as `workflow/name`."""
    workflow = Workflow("w")
    workflow.schedule(Every("1m"))
    with pytest.raises(DefinitionError, match="there is already a schedule 'default'"):
        workflow.trigger(event="e")
    complaints: list[Complaint] = []
    jobs = {"a": {"task": "noop"}}
    starts = {"schedules": {"s": {"every": "1m"}}, "triggers": {"s": {"event": "e"}}}
    define({"name": "w", "jobs": jobs, **starts}, complaints)
    assert complaints == [Complaint(("triggers", "s"), "there is already a schedule of that name")]
