"""What clients do with schedules and calendars, worked by a scheduler's own code under a set clock."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestrator import AsyncClient, Calendar, Client, Cron, Every, Schedule
from orchestrator.model.errors import Conflict, DefinitionError, NotFound, ParameterError
from orchestrator.model.states import PriorityClass
from orchestrator.settings import Settings
from orchestrator.timing.once import At
from support.ahead import MINUTE, START, START_MS, Params, one_job, put
from support.starters import Starters

# -- put ----------------------------------------------------------------------------------------------------------


def test_a_schedule_is_put_read_and_deleted(client: Client, ahead: Starters) -> None:
    info = client.schedules.put(one_job(), Schedule(Every("1m"), name="minutely"))
    assert (info.id, info.state, info.next_ms) == ("shop/minutely", "active", START_MS + MINUTE)
    assert client.workflows.names() == ["shop"]  # a workflow that is given whole is stored with its schedule
    assert client.schedules.list() == [info] == client.schedules.list("shop")
    assert client.schedules.list("other") == []
    ahead.run_clock(2 * MINUTE)
    assert [each.word for each in client.schedules.past(info.id)] == ["run", "run"]
    client.schedules.delete(info.id)
    ahead.run_clock(2 * MINUTE)
    assert len(client.runs.list()) == 2
    with pytest.raises(NotFound, match="no schedule 'shop/minutely'"):
        client.schedules.get(info.id)


@pytest.mark.parametrize(
    ("workflow", "schedule", "error", "what"),
    [
        ("nobody", Schedule(Every("1m")), NotFound, "no workflow 'nobody'"),
        ("typed", Schedule(Every("1m")), DefinitionError, "params.day: is missing"),
        ("typed", Schedule(Every("1m"), params={"day": "x", "copies": "many"}), DefinitionError, "copies"),
        ("typed", Schedule(Every("1m"), params={"day": "x"}, days="gone"), NotFound, "no calendar 'gone'"),
        ("typed", Schedule(At(START - timedelta(1)), params={"day": "x"}), DefinitionError, "never run"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(
    client: Client, ahead: Starters, workflow: str, schedule: Schedule, error: type[Exception], what: str
) -> None:
    client.workflows.register(one_job("typed", params=Params))
    before = ahead.machine.snapshot()
    with pytest.raises(error, match=what):
        client.schedules.put(workflow, schedule)
    assert ahead.machine.snapshot() == before


def test_params_that_are_worked_out_later_are_taken(client: Client, ahead: Starters) -> None:
    client.workflows.register(one_job("typed", params=Params))
    own = client.schedules.put("typed", Schedule(Every("1m"), params={"day": {"$expr": "string(planned)"}})).id
    ahead.run_clock(MINUTE)
    (run,) = ahead.runs(own)
    assert client.runs.get(run).info.params["day"].startswith("2101-01-07T08:01:00")


def test_looking_ahead_at_what_is_not_there_is_refused(client: Client, ahead: Starters) -> None:
    client.workflows.register(one_job())
    assert client.schedules.next(5, "shop") == []
    with pytest.raises(NotFound, match="no workflow 'nope'"):
        client.schedules.next(5, "nope")
    with pytest.raises(NotFound, match="no schedule 'shop/nope'"):
        client.schedules.next(5, "shop/nope")


# -- pause --------------------------------------------------------------------------------------------------------


def test_a_pause_keeps_what_waits_and_leaves_the_times_since_out(client: Client, ahead: Starters) -> None:
    own = put(client, Schedule(Every("1m"), overlap="queue_all"))
    ahead.run_clock(3 * MINUTE)
    assert len(ahead.waiting(own)) == 2
    client.schedules.pause(own)
    client.schedules.pause(own)
    ahead.finish()
    ahead.run_clock(10 * MINUTE)
    assert len(ahead.runs(own)) == 1
    assert len(ahead.waiting(own)) == 2
    assert client.schedules.get(own).state == "paused"
    assert client.schedules.next() == []
    client.schedules.put("shop", Schedule(Every("1m"), overlap="queue_all", description="an edit leaves it paused"))
    assert client.schedules.get(own).state == "paused"
    client.schedules.resume(own)
    ahead.run_clock(MINUTE)
    for _ in range(4):
        ahead.finish()
        ahead.work()
    assert [each.at_ms - START_MS for each in ahead.past(own)] == [n * MINUTE for n in (1, 2, 3, 14)]


@pytest.mark.parametrize(
    ("misfire", "runs", "missed"),
    [("run_all", [1, 2, 3, 4, 5], []), ("run_once", [1, 5], [4]), ("skip", [1, 4, 5], [3])],
)
def test_catching_up_goes_by_the_misfire_policy(
    client: Client, ahead: Starters, misfire: Any, runs: list[int], missed: list[int]
) -> None:
    own = put(client, Schedule(Every("1m"), misfire=misfire))
    ahead.run_clock(MINUTE)
    client.schedules.pause(own)
    ahead.machine.wait(4 * MINUTE)
    ahead.work()
    assert client.schedules.past(own)[1:] == []
    client.schedules.resume(own, catch_up=True)
    ahead.work()
    became = {"run": runs, "missed": missed}  # a minute late is on time still
    for word, minutes in became.items():
        found = [each.at_ms - START_MS for each in client.schedules.past(own) if each.word == word]
        assert found == [n * MINUTE for n in minutes], word


@pytest.mark.parametrize(
    ("misfire", "runs", "missed"),
    [("run_all", [5, 10, 15, 20, 25, 30, 35], 0), ("run_once", [35], 6), ("skip", [25, 30, 35], 4)],
)
def test_catching_up_on_half_a_minute_is_no_burst(
    client: Client, ahead: Starters, misfire: Any, runs: list[int], missed: int
) -> None:
    own = put(client, Schedule(Every("5s"), misfire=misfire))
    client.schedules.pause(own)
    ahead.machine.wait(35_000)
    client.schedules.resume(own, catch_up=True)
    ahead.work()
    past = client.schedules.past(own)
    assert sorted(each.at_ms - START_MS for each in past if each.word == "run") == [n * 1000 for n in runs]
    assert sum(int(each.detail.split()[0]) for each in past if each.word == "missed") == missed


def test_what_a_definition_disables_is_not_resumed(client: Client) -> None:
    own = put(client, Schedule(Every("1m"), enabled=False))
    assert client.schedules.get(own).state == "disabled"
    with pytest.raises(Conflict, match="disabled by its definition"):
        client.schedules.resume(own)


# -- looking ahead ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_the_next_50_shown_are_the_50_that_start(client: Client, ahead: Starters, seed: int) -> None:
    rng = random.Random(seed)
    for n in range(12):
        every = Every(f"{rng.choice([1, 7, 20, 60, 90, 300])}s")
        timing = rng.choice([every, Cron(f"*/{rng.randint(1, 9)} * * * *"), Cron("H/3 * * * *")])
        put(client, Schedule(timing, name=f"s{n}", jitter=rng.choice([0, 0, "5s", "3m"])), rng.choice("ab"))
    shown = client.schedules.next(50)
    assert [each.starts_ms for each in shown] == sorted(each.starts_ms for each in shown)
    assert client.schedules.next(5, "a") == [each for each in client.schedules.next(400) if each.workflow == "a"][:5]
    assert client.schedules.next(3, shown[0].schedule)[0] == shown[0]

    fired: list[tuple[int, str, int]] = []
    while len(fired) < 50:
        ahead.machine.wait(shown[len(fired)].starts_ms - ahead.machine.now)
        ahead.work()
        found = {info.id: info for info in client.runs.list(limit=10_000)}
        facts = [(info.created_ms, info.facts["schedule"], info.facts["logical_ms"]) for info in found.values()]
        fired = sorted(facts)
        assert fired == [(each.starts_ms, each.schedule, each.planned_ms) for each in shown[: len(fired)]] or (
            len(fired) > 50
        )
    assert fired[:50] == [(each.starts_ms, each.schedule, each.planned_ms) for each in shown]


def test_a_preview_stores_nothing(client: Client, ahead: Starters) -> None:
    client.workflows.register(one_job())
    before = ahead.machine.snapshot()
    coming = client.schedules.preview("shop", Schedule(Every("1m"), jitter="30s"), 3)
    assert ahead.machine.snapshot() == before
    client.schedules.put("shop", Schedule(Every("1m"), jitter="30s"))
    assert client.schedules.next(3) == coming


def test_a_run_is_started_by_hand(client: Client, ahead: Starters) -> None:
    client.workflows.register(one_job("typed", params=Params))
    schedule = Schedule(Every("1h"), params={"day": {"$expr": "schedule"}, "copies": 2}, priority="high")
    own = client.schedules.put("typed", schedule).id
    client.schedules.pause(own)
    info = client.schedules.trigger(own, copies=3).info
    assert info.params == {"day": own, "copies": 3}
    assert info.priority is PriorityClass.high
    assert info.started_by["manual"]
    assert info.facts["logical_ms"] == ahead.machine.now
    assert client.schedules.past(own) == []
    with pytest.raises(ParameterError):
        client.schedules.trigger(own, {"nonsense": 1})


# -- backfills ----------------------------------------------------------------------------------------------------


def test_a_dry_run_names_the_planned_times_and_stores_nothing(client: Client, ahead: Starters) -> None:
    own = put(client, Schedule(Every("1h")))
    before = ahead.machine.snapshot()
    found = client.backfills.create(own, START - timedelta(hours=3), START + timedelta(days=1), dry_run=True)
    hour = 60 * MINUTE
    assert found.id is None
    assert found.planned == tuple(START_MS - START_MS % hour - n * hour for n in (3, 2, 1, 0))[-found.count :]
    assert all(at <= START_MS for at in found.planned), "what is to come is left to the schedule"
    assert ahead.machine.snapshot() == before


@pytest.mark.parametrize(("order", "parallel"), [("oldest", 1), ("newest", 1), ("oldest", 3)])
def test_a_backfill_makes_its_runs_in_order_so_many_at_a_time(
    client: Client, ahead: Starters, order: Any, parallel: int
) -> None:
    own = put(client, Schedule(Every("1h"), priority="high"))
    made = client.backfills.create(own, START - timedelta(hours=7), START, order=order, parallel=parallel)
    assert made.id == f"{own}~1"
    seen: list[int] = []
    while client.backfills.get(made.id).state == "running":
        ahead.work()
        runs = sorted(client.runs.list(state="queued"), key=lambda info: made.planned.index(info.facts["logical_ms"]))
        assert len(runs) == min(parallel, made.count - len(seen))
        assert all(info.priority is PriorityClass.low and info.facts["backfill"] == made.id for info in runs)
        seen += [info.facts["logical_ms"] for info in runs]
        ahead.finish()
    assert seen == list(made.planned) == sorted(made.planned, reverse=order == "newest")
    over = client.backfills.get(made.id)
    assert (over.over, over.failed, over.count) == (made.count, 0, made.count)
    assert client.backfills.list(own) == [over]
    assert client.backfills.create(own, START - timedelta(hours=7), START, only="missing").count == 0


def test_only_what_is_missing_or_failed_is_made_again(client: Client, ahead: Starters) -> None:
    own = put(client, Schedule(Every("1m"), overlap="skip"))
    ahead.run_clock(2 * MINUTE)  # the first goes on, so that the second is skipped
    client.runs.get(ahead.runs(own)[0]).cancel()
    ahead.run_clock(MINUTE)
    ahead.finish()
    span = START, START + timedelta(minutes=4)
    failed = client.backfills.create(own, *span, only="failed", dry_run=True)
    assert [at - START_MS for at in failed.planned] == [MINUTE]
    missing = client.backfills.create(own, *span, only="missing", dry_run=True)
    assert [at - START_MS for at in missing.planned] == [0, 2 * MINUTE]
    assert client.backfills.create(own, *span, only="missing").count == 2
    assert client.backfills.create(own, *span, only="missing").id is None, "what waits already is not missing"
    ahead.work()
    ahead.finish()
    ahead.work()
    ahead.finish()
    assert client.backfills.create(own, *span, only="missing").id is None
    assert client.backfills.create(own, *span).count == 4, "all of them, whatever became of them"


def test_a_backfill_is_cancelled(client: Client, ahead: Starters) -> None:
    own = put(client, Schedule(Every("1h")))
    made = client.backfills.create(own, START - timedelta(hours=5), START)
    ahead.work()
    assert made.id is not None
    stopped = client.backfills.cancel(made.id)
    assert (stopped.running, stopped.cleared, stopped.state) == (1, made.count - 1, "running")
    ahead.finish()
    ahead.work()
    assert len(client.runs.list()) == 1
    assert client.backfills.get(made.id).state == "cancelled"
    client.schedules.delete(own)
    assert client.backfills.list() == []


def test_what_a_backfill_cannot_be_is_refused(client: Client) -> None:
    own = put(client, Schedule(Every("1s"), depends_on_past=True))
    for options, what in (
        ({"end": START - timedelta(days=9)}, "not after the start"),
        ({"parallel": 2}, "one at a time"),
        ({"order": "newest"}, "oldest first"),
        ({"order": "random"}, "oldest, newest"),
        ({"only": "some"}, "missing, failed"),
        ({"parallel": 0}, "1 to"),
        ({"priority": "urgent"}, "critical"),
        ({}, "more than 50,000"),
    ):
        given = {"start": START - timedelta(days=2), "end": START, **options}
        with pytest.raises(ParameterError, match=what):
            client.backfills.create(own, **given)  # type: ignore[arg-type]


# -- calendars ----------------------------------------------------------------------------------------------------


def test_a_calendar_that_changes_moves_the_schedules_that_use_it(client: Client) -> None:
    client.calendars.put("work", Calendar(weekdays="mon-fri"))
    client.calendars.put("shifts", Calendar(calendar="work"))
    own = put(client, Schedule(Cron("0 12 * * *"), days="shifts"))
    assert client.calendars.get("work").used_by == (own,)
    at = client.schedules.get(own).next_ms  # START is Friday, 8:00
    assert at == START_MS + 4 * 60 * MINUTE
    client.calendars.put("work", Calendar(weekdays="sun"))
    assert client.schedules.get(own).next_ms == at + 2 * 24 * 60 * MINUTE
    for name, user in (("work", own), ("shifts", own)):
        with pytest.raises(Conflict, match=user):
            client.calendars.delete(name)
    with pytest.raises(DefinitionError, match="circle"):
        client.calendars.put("work", Calendar(calendar="shifts"))
    with pytest.raises(NotFound, match="no calendar 'lost'"):
        client.calendars.put("work", Calendar(calendar="lost"))
    client.schedules.delete(own)
    with pytest.raises(Conflict, match="calendar shifts"):
        client.calendars.delete("work")
    client.calendars.delete("shifts")
    client.calendars.delete("work")
    assert client.calendars.list() == []


async def test_the_async_client_does_the_same(redis_url: str, ns: str) -> None:
    async with AsyncClient(Settings(redis_url=redis_url, broker_url=None, namespace=ns)) as client:
        await client.calendars.put("work", Calendar(weekdays="mon-fri"))
        info = await client.schedules.put(one_job(), Schedule(Cron("0 2 * * *"), days="work"))
        assert [each.schedule for each in await client.schedules.next(2)] == [info.id] * 2
        run = await client.schedules.trigger(info.id)
        assert (await run.refresh()).info.facts["manual"]
        today = datetime.now(UTC).date()
        made = await client.backfills.create(info.id, today - timedelta(days=8), today - timedelta(days=1))
        assert made.count == 5
        await client.schedules.delete(info.id)
        assert not (await client.events.emit("order.paid", {"id": 1})).duplicate
