"""Definitions of a namespace as a whole: applied, kept as revisions, gone back to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis

from orchestrator.client import AsyncClient, Client
from orchestrator.definitions.contents import Definitions
from orchestrator.definitions.desired import DesiredState
from orchestrator.definitions.files import read
from orchestrator.definitions.revisions import Note
from orchestrator.dsl.builder import Workflow
from orchestrator.model.errors import DefinitionError, NotFound
from orchestrator.scheduling.records import backfill_record, schedule_record
from orchestrator.settings import Settings
from orchestrator.starters.fields import validate
from orchestrator.starters.schedule import Schedule
from orchestrator.starters.trigger import Trigger
from orchestrator.state import reads
from orchestrator.state.layouts.change_ops import drop_starter, drop_workflow, pack, pause, put_workflow
from orchestrator.state.reads import starters as stored
from orchestrator.state.transitions.definitions import Apply
from orchestrator.timing.calendars import Calendar
from orchestrator.timing.intervals import Every
from support.machine import Machine
from support.namespace import Namespace, daily, desired_state, told, workflow

MINUTE = 60_000


@pytest.fixture
def space(redis_client: redis.Redis, ns: str) -> Namespace:
    return Namespace(Machine(redis_client, ns))


def test_what_is_applied_is_there_and_a_second_apply_changes_nothing(space: Namespace) -> None:
    wanted = desired_state(
        workflow(night=daily(days="office"), hook=Trigger(webhook={"secret": "env:HOOK"})),
        calendars={"office": Calendar(weekdays="mon-fri")},
    )
    assert told(space.propose(wanted)) == [
        "create calendar office", "create workflow nightly", "create schedule nightly/night",
        "create trigger nightly/hook",
    ]  # fmt: skip
    assert space.make(wanted, author="ann", reason="first", source="abc") == 1
    (revision,) = space.drive(space.steps.revisions(10))
    assert (revision.number, revision.changes, revision.time_ms) == (1, 4, space.machine.now)
    assert revision.note == Note("ann", "first", "abc")
    assert revision.definitions == wanted.definitions
    assert space.record("nightly/night").managed_by == "files"

    before = space.everything()
    space.machine.wait(1000)
    again = space.propose(wanted)
    assert not again.changes
    assert not again.ops
    assert space.make(wanted) == 0
    assert space.everything() == before


def test_an_apply_of_a_file_parses_each_schedule_and_trigger_once(
    space: Namespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[str] = []

    def counted(model: type[Any], value: dict[str, Any], complaints: list[Any]) -> Any:
        parsed.append(value.get("description", ""))
        return validate(model, value, complaints)

    monkeypatch.setattr("orchestrator.starters.schedule.validate", counted)
    monkeypatch.setattr("orchestrator.starters.trigger.validate", counted)
    file = tmp_path / "nightly.yaml"
    file.write_text(
        "calendars: {office: {weekdays: mon-fri}}\n"
        "workflows:\n"
        "  nightly:\n"
        "    jobs: {load: {task: t.load}}\n"
        "    schedules: {night: {cron: 0 2 * * *, days: office, description: schedule}}\n"
        "    triggers: {paid: {event: order.paid, description: trigger}}\n"
    )
    for revision in (1, 0):
        wanted = read([str(file)], "default", {}).desired_state()
        space.tick()
        proposal = space.propose(wanted)
        assert space.drive(space.steps.apply(wanted, proposal, Note())) == revision
        assert parsed == ["schedule", "trigger"]
        parsed.clear()


def test_what_does_not_change_keeps_its_next_time_and_its_generation(space: Namespace) -> None:
    space.make(desired_state(workflow(a=Schedule(Every("7m")), b=daily())))
    before = space.record("nightly/a")
    space.machine.wait(MINUTE)
    changed = desired_state(workflow(a=Schedule(Every("7m")), b=daily(3)))
    assert told(space.propose(changed)) == ["change schedule nightly/b"]
    space.make(changed)
    assert space.record("nightly/a") == before
    assert space.record("nightly/b").generation > before.generation


def test_a_change_holds_from_the_next_planned_time_on(space: Namespace) -> None:
    space.make(desired_state(workflow(a=Schedule(Every("1h")))))
    space.machine.wait(1000)
    changed_ms = space.machine.now
    space.make(desired_state(workflow(a=Schedule(Every("1m")))))
    space.run_clock(2 * MINUTE)
    assert [each.at_ms for each in space.past("nightly/a")] == [
        at for at in range(changed_ms + 1, changed_ms + 2 * MINUTE + 1) if at % MINUTE == 0
    ]


def test_a_planned_time_that_starts_between_plan_and_apply_is_not_planned_again(space: Namespace) -> None:
    space.make(desired_state(workflow(a=Schedule(Every("1m")))))
    due = space.record("nightly/a").next
    assert due is not None
    changed = desired_state(workflow(a=Schedule(Every("1m"), description="another")))
    space.machine.wait(due - space.machine.now - 1)
    seen = space.propose(changed)  # plans `due` anew
    space.machine.wait(2)
    space.work()  # starts it
    assert space.drive(space.steps.apply(changed, seen, Note())) == 2
    space.run_clock(2 * MINUTE)
    times = [each.at_ms for each in space.past("nightly/a")]
    assert times == [due, due + MINUTE, due + 2 * MINUTE]


def test_a_planned_time_that_has_come_but_not_started_is_not_lost(space: Namespace) -> None:
    space.make(desired_state(workflow(a=Schedule(Every("1m"), misfire="run_all"))))
    due = space.record("nightly/a").next
    space.machine.wait(5 * MINUTE)  # nobody is there
    space.make(desired_state(workflow(a=Schedule(Every("1m"), misfire="run_all", description="another"))))
    assert space.record("nightly/a").next == due
    space.work()
    assert len(space.runs("nightly/a")) == 5


def test_who_thinks_it_over_for_long_plans_no_runs_for_the_past(space: Namespace) -> None:
    wanted = desired_state(workflow(a=Schedule(Every("1m"))))
    seen = space.propose(wanted)
    space.run_clock(5 * MINUTE)
    space.tick()
    assert space.drive(space.steps.apply(wanted, seen, Note())) == 1
    following = space.record("nightly/a").next
    assert following is not None
    assert following > space.machine.now


def test_a_calendar_that_changes_plans_anew_who_uses_it(space: Namespace) -> None:
    """Also schedules that no file knows, and those that use it by way of another calendar."""
    space.make(
        desired_state(workflow(), calendars={"days": Calendar(weekdays="mon-sun"), "office": Calendar(calendar="days")})
    )
    plan = workflow().compile()
    known = {"days": Calendar(weekdays="mon-sun"), "office": Calendar(calendar="days")}
    own = space.schedule(plan, daily(days="office", name="mine"), calendars=known)
    other = space.schedule(plan, daily(name="other"))
    before, unchanged = space.record(own), space.record(other)
    changed = desired_state(
        workflow(), calendars={"days": Calendar(weekdays="sun"), "office": Calendar(calendar="days")}
    )
    proposal = space.propose(changed)
    assert told(proposal) == ["change calendar days"]
    assert proposal.planned_anew == (own,)
    space.make(changed)
    after = space.record(own)
    assert before.next is not None
    assert after.next is not None
    assert after.next > before.next
    assert (after.next // 86_400_000 + 4) % 7 == 0  # a Sunday
    assert space.record(other) == unchanged


def test_a_calendar_that_is_used_cannot_go(space: Namespace) -> None:
    office = {"office": Calendar(weekdays="mon-fri")}
    space.make(desired_state(workflow(), calendars=office))
    space.schedule(workflow().compile(), daily(days="office", name="mine"), calendars=office)
    before = space.everything()
    wanted = desired_state(workflow(mine=daily(days="office")), prune="all")
    with pytest.raises(DefinitionError, match="there is no calendar 'office'"):
        space.propose(wanted)
    assert space.everything() == before


def test_a_calendar_that_nobody_defines_is_an_error_with_its_place(space: Namespace) -> None:
    wanted = replace(desired_state(workflow(a=daily(days="offise"))), where=lambda kind, name: "f.yaml:3:1")
    with pytest.raises(DefinitionError) as caught:
        space.propose(wanted)
    assert str(caught.value).startswith("f.yaml:3:1: schedule nightly/a: there is no calendar 'offise'")
    assert not space.store.read(reads.workflows(space.keys))


def test_without_prune_nothing_is_deleted_with_it_all_that_is_not_wanted(space: Namespace) -> None:
    space.make(
        desired_state(workflow(a=daily()), workflow("other", b=daily()), calendars={"c": Calendar(weekdays="mon")})
    )
    fewer = desired_state(workflow())
    proposal = space.propose(fewer)
    assert told(proposal) == ["delete schedule nightly/a"]  # it was taken out of its workflow's own file
    assert set(proposal.difference.unmanaged) == {("calendar", "c"), ("workflow", "other"), ("schedule", "other/b")}
    pruned = replace(fewer, prune="all")
    assert told(space.propose(pruned)) == [
        "delete calendar c", "delete workflow other", "delete schedule nightly/a", "delete schedule other/b",
    ]  # fmt: skip
    space.make(pruned)
    assert space.store.read(reads.workflows(space.keys)) == ["nightly"]
    assert space.store.read(stored.ids(space.keys, "schedule")) == []
    assert space.store.read(stored.agenda(space.keys, 10)) == []


def test_what_is_taken_out_of_a_workflows_file_goes_and_what_no_file_made_stays(space: Namespace) -> None:
    space.make(desired_state(workflow(a=daily(), hook=Trigger(event="paid"), b=daily())))
    by_hand = space.schedule(workflow().compile(), daily(name="mine"))
    space.put(backfill_record(space.record("nightly/a"), daily(name="a"), 1, 2))
    fewer = desired_state(workflow(b=daily()))
    assert told(space.propose(fewer)) == ["delete schedule nightly/a", "delete trigger nightly/hook"]
    space.make(fewer)
    assert space.store.read(stored.ids(space.keys, "schedule")) == ["nightly/b", by_hand]
    assert space.store.read(stored.ids(space.keys, "trigger")) == []
    assert space.store.read(stored.ids(space.keys, "backfill")) == []
    assert not space.propose(fewer).changes
    space.make(space.back_to(1))
    assert space.store.read(stored.ids(space.keys, "trigger")) == ["nightly/hook"]


def test_a_workflow_takes_its_schedules_and_backfills_along(space: Namespace) -> None:
    space.make(desired_state(workflow(), workflow("other")))
    own = space.schedule(workflow("other").compile(), daily(name="mine"))
    space.put(backfill_record(space.record(own), daily(name="mine"), 1, 2))
    # Back to a revision without `other` deletes what files had defined, and with it what hangs on it.
    space.make(desired_state(workflow("third")))
    space.machine.do(Apply(-1, pack([put_workflow("other", workflow("other").compile().digest)])))
    fewer = desired_state(workflow(), workflow("third"), prune="defined")
    assert told(space.propose(fewer)) == ["delete workflow other", "delete schedule other/mine"]
    space.make(fewer)
    assert not [key for key in space.everything() if b"starter:" in key]


def test_a_schedule_can_become_a_trigger_of_the_same_name(space: Namespace) -> None:
    space.make(desired_state(workflow(a=daily())))
    changed = desired_state(workflow(a=Trigger(event="paid")))
    assert told(space.propose(changed)) == ["delete schedule nightly/a", "create trigger nightly/a"]
    space.make(changed)
    assert space.record("nightly/a").kind == "trigger"
    assert space.store.read(stored.ids(space.keys, "schedule")) == []
    assert not space.propose(changed).changes


def test_a_webhook_keeps_its_address(space: Namespace) -> None:
    space.make(desired_state(workflow(a=Trigger(webhook={"secret": "env:A"}))))
    token = space.record("nightly/a").token
    assert len(token) == 32
    space.make(desired_state(workflow(a=Trigger(webhook={"secret": "env:B"}))))
    assert space.record("nightly/a").token == token


def test_what_is_paused_stays_so_and_enabled_is_set_back(space: Namespace) -> None:
    wanted = desired_state(workflow(a=daily(), b=daily(enabled=False)))
    space.make(wanted)
    space.apply([pause("nightly/a")])
    plan = workflow().compile()
    space.put(schedule_record(plan.workflow, daily(name="b"), {}, space.machine.now))
    proposal = space.propose(wanted)
    assert told(proposal) == ["change schedule nightly/b"]
    assert proposal.changes[0].fields == {"enabled": (None, False)}
    assert proposal.paused == ("nightly/a",)
    space.make(desired_state(workflow(a=daily(3), b=daily(enabled=False))))
    assert space.record("nightly/a").paused_ms is not None
    assert space.record("nightly/a").next is None
    assert space.record("nightly/b").next is None


def test_drift_is_what_others_have_edited(space: Namespace) -> None:
    with pytest.raises(NotFound):
        space.drift()
    space.make(desired_state(workflow(a=daily(), b=daily()), workflow("other")))
    assert not space.drift().changes
    space.store.put_plan(workflow(task="t.other").compile())
    space.put(schedule_record("nightly", daily(5, name="a"), {}, space.machine.now))
    space.put(schedule_record("nightly", daily(name="mine"), {}, space.machine.now))
    space.apply([drop_starter("nightly/b"), drop_workflow("other")])
    found = space.drift()
    assert told(found) == [
        "change workflow nightly", "delete workflow other", "change schedule nightly/a", "delete schedule nightly/b",
    ]  # fmt: skip
    assert found.changes[0].fields == {"jobs.load.task": ("t.load", "t.other")}
    assert found.changes[0].versions == (1, 2)
    assert found.changes[2].fields == {"cron": ("0 2 * * *", "0 5 * * *")}
    assert found.difference.unmanaged == (("schedule", "nightly/mine"),)


def test_going_back_restores_what_files_had_defined_and_leaves_the_rest(space: Namespace) -> None:
    first = desired_state(workflow(a=daily(enabled=False), b=daily()), calendars={"c": Calendar(weekdays="mon")})
    space.make(first)
    space.store.put_plan(workflow("theirs").compile())  # registered by a program
    space.make(
        desired_state(
            workflow(task="t.new", a=daily()),
            workflow("more"),
            calendars={"c": Calendar(weekdays="tue")},
            prune="nothing",
        )
    )
    space.make(replace(desired_state(workflow(task="t.new"), workflow("more"), workflow("theirs")), prune="all"))
    back = space.back_to(1)
    assert told(space.propose(back)) == [
        "create calendar c", "delete workflow more", "change workflow nightly", "delete workflow theirs",
        "create schedule nightly/a", "create schedule nightly/b",
    ]  # fmt: skip
    assert space.make(back) == 4
    assert not space.propose(first).changes
    assert space.record("nightly/a").next is None
    latest = space.drive(space.steps.revisions(1))[0]
    assert (latest.back_to, latest.definitions) == (1, first.definitions)
    info = space.store.read(reads.workflow(space.keys, "nightly"))
    assert info is not None
    assert info.latest == 1
    with pytest.raises(NotFound, match="there is no revision 9"):
        space.back_to(9)


def test_too_many_changes_at_once_are_refused(space: Namespace) -> None:
    calendars = {f"c{n}": Calendar(weekdays="mon").document() for n in range(5001)}
    with pytest.raises(DefinitionError, match="5,001 changes, and 5,000 can be made at once"):
        space.propose(DesiredState(Definitions(calendars=calendars)))


def test_warnings_tell_what_may_be_a_mistake(space: Namespace) -> None:
    space.store.put_plan(workflow("there").compile())
    run = Trigger(run={"workflow": ["there", "gone"]})
    data = Trigger(datasets={"any": ["made", "never"]})
    maker = Workflow("maker", produces=["made"])
    maker.job("a", {"task": "t"})
    proposal = space.propose(desired_state(workflow(r=run, d=data), maker))
    assert proposal.warnings == (
        "trigger nightly/r: there is no workflow 'gone' in this namespace, so that none of its runs ends",
        "trigger nightly/d: nothing in this namespace produces the dataset 'never'",
    )


def test_workflows_that_start_themselves_are_told_of(space: Namespace) -> None:
    def linked(name: str, *produces: str, **source: Any) -> Workflow:
        made = Workflow(name, produces=produces)
        made.job("a", {"task": "t"})
        made.trigger(Trigger(**source))
        return made

    nightly = linked("nightly", "sales", run={"workflow": "after"})
    after = linked("after", datasets={"any": ["sales"]})
    assert space.propose(desired_state(nightly)).warnings[1:] == ()
    told = "nightly → after → nightly: each run starts the next, without end if no `when` stops it"
    assert space.propose(desired_state(nightly, after)).warnings == (told,)
    space.make(desired_state(after))
    assert space.propose(desired_state(nightly)).warnings == (told,), "the other half is in the namespace"
    space.make(desired_state(nightly))
    other = linked("other", run={"workflow": "nightly"})
    assert space.propose(desired_state(other)).warnings == (), "a circle of others is not its own"


async def test_both_clients_apply_and_go_back(redis_url: str, ns: str) -> None:
    settings = Settings(redis_url=redis_url, namespace=ns)
    wanted = desired_state(workflow(a=daily()))
    async with AsyncClient(settings) as client:
        whole = client.definitions
        assert await whole.apply(wanted, await whole.propose(wanted), Note("ann")) == 1
        assert not (await whole.drift()).changes
        back = await whole.back_to(1)
        assert await whole.apply(back, await whole.propose(back)) == 0
        assert [each.note.author for each in await whole.revisions()] == ["ann"]
    with Client(settings) as other:
        assert not other.definitions.propose(wanted).changes
        later = desired_state(workflow(a=daily(5)))
        assert other.definitions.apply(later, other.definitions.propose(later)) == 2
        assert [each.number for each in other.definitions.revisions(1)] == [2]
