"""Schedulers that die, halt, or lose their clock or their store: each planned time makes its run once, and soon.

What they plan is judged by what Redis holds: the runs, each with its planned time and its creation by the clock of
Redis, and the past of each schedule.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import get_args

import pytest

from orchestrator.model.starts import PastOccasion
from orchestrator.scheduling.records import schedule_record
from orchestrator.starters.schedule import Misfire, Schedule
from orchestrator.state.layouts.change_ops import pack, put_starter
from orchestrator.state.reads import starters
from orchestrator.state.store import Store
from orchestrator.state.transitions.definitions import Apply
from orchestrator.timing.base import to_datetime
from orchestrator.timing.intervals import Every
from orchestrator.timing.once import At
from support.checker import check
from support.fleet import Fleet
from support.harm import Scheduler, told
from support.machine import plan_of
from support.needs import faketime, require
from support.redis_server import RedisServer
from support.waiting import wait_until

PLAN = plan_of(1, workflow="w")


class Agenda:
    """Schedules in a fleet's store, without workers: what they start stays queued."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.store = Store.connect(fleet.redis_url, fleet.namespace)
        self.keys = self.store.keys
        self.planned: Counter[tuple[str, int]] = Counter()
        """What is to run: each planned time of each schedule, once."""

    def now(self) -> int:
        """Return the time by the store's clock."""
        return self.store.read(starters.clock(self.keys))

    def put(self, schedules: Sequence[Schedule], after: int, until: int) -> None:
        """Store schedules that end before `until`."""
        self.store.put_plan(PLAN)
        records = []
        for schedule in schedules:
            record = schedule_record("w", schedule, {}, after)
            records.append(put_starter(record))
            for at in schedule.planned(record.id, {}).times(after):
                if at >= until:
                    break
                self.planned[record.id, at] += 1
        for start in range(0, len(records), 500):
            self.store.run(Apply(-1, pack(records[start : start + 500])))

    def every_second(self, count: int, seconds: int, **more: object) -> int:
        """Store schedules of each second for a while; return the first of its moments."""
        begin = self.now() // 1000 * 1000 + 2000
        end = begin + seconds * 1000
        fields = {"start": to_datetime(begin, "UTC"), "end": to_datetime(end, "UTC"), **more}
        schedules = [Schedule(Every("1s"), name=f"second{number}", **fields) for number in range(count)]  # type: ignore[arg-type]
        self.put(schedules, begin - 1, end)
        return begin

    def at(self, moments: Sequence[int], count: int) -> None:
        """Store schedules that are all due at the same moments."""
        timing = At(*(to_datetime(moment, "UTC") for moment in moments))
        self.put([Schedule(timing, name=f"burst{number}") for number in range(count)], moments[0] - 1, moments[-1] + 1)

    def started(self) -> int:
        """Return how many runs there are."""
        return int(self.store.pipeline([("ZCARD", self.keys.live)])[0])

    def past(self, starter: str) -> list[PastOccasion]:
        """Read what became of a schedule's planned times."""
        return self.store.read(starters.past(self.keys, starter))

    def made(self) -> dict[tuple[str, int], list[int]]:
        """Read the runs: when those of each planned time of each schedule were created."""
        runs = self.store.client.zrange(self.keys.live, 0, -1)
        found: dict[tuple[str, int], list[int]] = {}
        for start in range(0, len(runs), 1000):
            commands = [
                ("HMGET", self.keys.run(run.decode()), "starter", "occasion", "created")
                for run in runs[start : start + 1000]
            ]
            for starter, occasion, created in self.store.pipeline(commands):
                found.setdefault((starter.decode(), int(occasion)), []).append(int(created))
        return found

    def wait_for_the_end(self) -> None:
        """Wait until nothing more is planned."""
        wait_until(lambda: not self.store.pipeline([("ZCARD", self.keys.agenda)])[0], 30, "the agenda to be empty")

    def assert_each_once(self, patience_s: float = 30) -> list[float]:
        """Wait for the rest; each planned time has made one run, and the store is sound. Return the delays in s."""
        wait_until(lambda: self.started() >= len(self.planned), patience_s, f"{len(self.planned)} runs")
        self.wait_for_the_end()
        made = self.made()
        assert {each: len(times) for each, times in made.items()} == dict(self.planned)
        past = Counter((name, each.at_ms, each.word) for name, _ in made for each in self.past(name))
        assert set(past) == {(name, at, "run") for name, at in self.planned}
        wrong = check(self.store)
        assert not wrong, "\n".join(wrong)
        return [(times[0] - at) / 1000 for (_, at), times in made.items()]


@pytest.fixture
def agenda(fleet: Fleet) -> Iterator[Agenda]:
    fleet.stop_scheduler()
    made = Agenda(fleet)
    yield made
    made.store.close()


@pytest.fixture
def scheduler(agenda: Agenda) -> Iterator[Callable[..., Scheduler]]:
    """Make schedulers that are at work: `scheduler(env=…)`."""
    made: list[Scheduler] = []

    def make(**env: str) -> Scheduler:
        made.append(Scheduler(agenda.fleet, f"s{len(made)}", env).start())
        wait_until(made[-1].at_work, 20, "the scheduler to be at work")
        return made[-1]

    yield make
    for each in made:
        each.stop()


@pytest.mark.slow
@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.timeout(300))])
def test_one_of_three_is_killed_in_each_burst(agenda: Agenda, scheduler: Callable[..., Scheduler], kills: int) -> None:
    three = [scheduler() for _ in range(3)]
    begin = agenda.every_second(20, 3 * kills + 2) + 3000
    bursts = [begin + number * 3000 for number in range(kills)]
    agenda.at(bursts, 500)
    for number, burst in enumerate(bursts):
        wait_until(lambda burst=burst: agenda.now() >= burst, 20, "the burst")
        before = agenda.started()
        wait_until(lambda before=before: agenda.started() > before + 60, 20, "its first runs", every=0.002)
        victim = three[number % 3]
        victim.kill()
        victim.start()
    delays = agenda.assert_each_once()
    told(f"runs start after their planned times, {kills} kills", delays)
    assert max(delays) < 6  # 2 s until what the dead had taken is handed out again, the rest is a busy machine


@pytest.mark.parametrize(
    "good", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["alone", "beside-a-good-one"]
)
@pytest.mark.parametrize(
    "monotonic", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["all-clocks", "wall-clock"]
)
def test_a_clock_that_jumps_by_an_hour_changes_nothing(
    agenda: Agenda, scheduler: Callable[..., Scheduler], tmp_path: Path, good: bool, monotonic: bool
) -> None:
    require("faketime")
    shift = tmp_path / "shift"
    shift.write_text("+0")
    env = {"LD_PRELOAD": str(faketime()), "FAKETIME_TIMESTAMP_FILE": str(shift), "FAKETIME_NO_CACHE": "1"}
    misled = scheduler(**env, **({} if monotonic else {"FAKETIME_DONT_FAKE_MONOTONIC": "1"}))
    if good:
        scheduler()
    begin = agenda.every_second(10, 14)
    for number, jump in enumerate(("+1h", "+0", "-1h", "+0")):
        wait_until(lambda at=begin + number * 3000 + 1500: agenda.now() >= at, 20, "the next jump")
        shift.with_suffix(".new").write_text(jump)
        shift.with_suffix(".new").replace(shift)
    delays = agenda.assert_each_once()
    told("runs start after their planned times, clocks jumping", delays)
    assert misled.process is not None
    assert misled.process.poll() is None, misled.log.read_text()
    assert max(delays) < 2


@pytest.mark.slow
class TestRedisKilled:
    """SIGKILL in the middle of a burst. What was answered must be on the disk, so the file is forced at each reply."""

    @pytest.fixture
    def server(self, make_redis: Callable[..., RedisServer]) -> RedisServer:
        return make_redis(args=("--appendfsync", "always"))

    def test_nothing_is_lost_or_doubled(
        self, server: RedisServer, agenda: Agenda, scheduler: Callable[..., Scheduler]
    ) -> None:
        for _ in range(2):
            scheduler()
        begin = agenda.every_second(10, 20)
        bursts = [begin + number * 5000 for number in range(1, 4)]
        agenda.at(bursts, 500)
        took = []
        for burst in bursts:
            wait_until(lambda burst=burst: agenda.now() >= burst, 20, "the burst")
            before = agenda.started()
            wait_until(lambda before=before: agenda.started() > before + 60, 20, "its first runs", every=0.002)
            server.restart()
            answers, before = time.monotonic(), agenda.started()
            wait_until(lambda before=before: agenda.started() > before, 15, "the burst to go on", every=0.002)
            took.append(time.monotonic() - answers)
        told("the next runs start after Redis answers again", took)
        told("runs start after their planned times, Redis killed", agenda.assert_each_once())


@pytest.mark.slow
def test_a_halted_scheduler_doubles_nothing(agenda: Agenda, scheduler: Callable[..., Scheduler]) -> None:
    """SIGSTOP for 40 s in the middle of a burst: what it had taken is started by the other, and it finds so."""
    halted, _ = scheduler(), scheduler()
    begin = agenda.every_second(10, 50)
    agenda.at([begin + 4000, begin + 47_000], 2000)
    wait_until(lambda: agenda.now() >= begin + 4000, 20, "the burst")
    before = agenda.started()
    wait_until(lambda: agenda.started() > before + 300, 20, "its first runs", every=0.002)
    assert halted.process is not None
    os.kill(halted.process.pid, signal.SIGSTOP)
    try:
        wait_until(lambda: agenda.now() >= begin + 44_000, 60, "40 s to go by")
    finally:
        os.kill(halted.process.pid, signal.SIGCONT)
    delays = agenda.assert_each_once()
    told("runs start after their planned times, one scheduler halted", delays)
    assert max(delays) < 6


def test_what_nobody_was_there_for_follows_the_misfire_policy(
    agenda: Agenda, scheduler: Callable[..., Scheduler]
) -> None:
    """All schedulers die, and come back 8 s later; beside it an hour that passed before any lived."""
    over = agenda.now() // 300_000 * 300_000  # the last of its planned times is 5 minutes before: no more on time
    hour = {"start": to_datetime(over - 3_600_000, "UTC"), "end": to_datetime(over, "UTC")}
    names = {}
    for misfire, grace in product(get_args(Misfire), (None, "12m")):
        schedule = Schedule(Every("5m"), name=f"{misfire}-{grace}", misfire=misfire, grace=grace, **hour)
        names[misfire, grace] = f"w/{schedule.name}"
        agenda.put([schedule], over - 3_600_001, over)
    only = scheduler()
    begin = agenda.every_second(5, 16, misfire="skip", grace=3)
    wait_until(lambda: agenda.now() >= begin + 3500, 20, "some runs")
    only.kill()
    died = agenda.now()
    wait_until(lambda: agenda.now() >= died + 8000, 20, "8 s to go by")
    only.start()
    agenda.wait_for_the_end()

    ran = {key: len([each for each in agenda.past(name) if each.word == "run"]) for key, name in names.items()}
    assert (ran["skip", None], ran["skip", "12m"]) == (0, 0)
    assert (ran["run_once", None], ran["run_once", "12m"]) == (1, 1)
    assert (ran["run_all", None], ran["run_all", "12m"]) in ((12, 2), (12, 1))
    for name in {name for name, _ in agenda.planned}:
        past = agenda.past(name)
        missed = sum(int(each.detail.split()[0]) for each in past if each.word == "missed")
        runs = [each.at_ms for each in past if each.word == "run"]
        planned = {at for starter, at in agenda.planned if starter == name}
        assert len(set(runs)) == len(runs)
        assert planned.issuperset(runs)
        assert len(runs) + missed == len(planned)
        if name.startswith("w/second"):
            assert 3 <= missed <= 12
            assert not any(died < at < died + 3000 for at in runs)
    assert {each: len(times) for each, times in agenda.made().items()} == {
        (name, each.at_ms): 1 for name, _ in agenda.planned for each in agenda.past(name) if each.word == "run"
    }
    assert not check(agenda.store)
