"""What is simulated is what happens: each entry of a simulation against a scheduler's own code on a real store."""

from __future__ import annotations

import os
import time
from collections import Counter
from datetime import UTC, datetime

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.model.states import RunState
from orchestrator.scheduling.simulate import Entry, Outage, simulate
from orchestrator.starters.schedule import Schedule
from orchestrator.timing.base import to_ms
from orchestrator.timing.cron import Cron
from orchestrator.timing.intervals import Every
from support.machine import Machine
from support.redis_server import RedisServer
from support.simulated import CALENDARS, DAY, HOUR, MINUTE, MISFIRES, OVERLAPS, Accelerated, length_of, schedules_of


def ms(*moment: int) -> int:
    return to_ms(datetime(*moment, tzinfo=UTC))  # type: ignore[misc,arg-type]


def assert_same(simulated: list[Entry], real: list[Entry]) -> None:
    """The lists are equal, entry by entry; else tell where they part first."""
    for at, (ours, theirs) in enumerate(zip(simulated, real, strict=False)):
        assert ours == theirs, f"entry {at} of {len(simulated)} and {len(real)}"
    assert len(simulated) == len(real)


def check(
    client: redis.Redis, ns: str, schedules: list[tuple[str, Schedule]], start: int, end: int, outages: list[Outage]
) -> Counter[str]:
    """Simulate, run for real, and compare; return how often each word was said."""
    length = length_of(3, 8 * HOUR)
    began = time.process_time()
    simulated = simulate(schedules, start=start, end=end, length=length, calendars=CALENDARS, outages=outages)
    took = time.process_time() - began
    began = time.monotonic()
    real = Accelerated(Machine(client, ns), length).run(schedules, start, end, CALENDARS, outages)
    print(
        f"\n{len(real):,} entries: simulated in {took:.1f} s of CPU, run for real in {time.monotonic() - began:.0f} s"
    )
    assert took < 60
    assert_same(simulated.entries, real)
    assert any(entry.end is RunState.cancelled for entry in real)
    return Counter(entry.word for entry in real)


@pytest.mark.parametrize(("start", "days"), [
    pytest.param(ms(2027, 3, 10), 29, id="spring"),
    pytest.param(ms(2027, 10, 1), 40, id="autumn", marks=pytest.mark.slow),
])  # fmt: skip
def test_sixty_schedules_around_a_clock_change(redis_client: redis.Redis, ns: str, start: int, days: int) -> None:
    """The changes of Paris, New York and Lord Howe, with holidays and a night of nine hours without a scheduler."""
    night = start + (days - 11) * DAY + 20 * HOUR
    words = check(redis_client, ns, schedules_of(60, 11, start), start, start + days * DAY, [(night, night + 9 * HOUR)])
    assert min(words[word] for word in ("run", "missed", "skipped")) > 5, words


ON_REQUEST = pytest.mark.skipif(not os.environ.get("ORCHESTRATOR_TEST_YEAR"), reason="ten minutes: on request only")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("many", [100, pytest.param(500, marks=ON_REQUEST)])
def test_a_year_of_schedules(redis_client: redis.Redis, ns: str, many: int) -> None:
    start = ms(2027, 1, 1)
    outages = [(start + 86 * DAY + 20 * HOUR, start + 87 * DAY + 5 * HOUR), (ms(2027, 10, 31), ms(2027, 10, 31, 1, 30))]
    words = check(redis_client, ns, schedules_of(many, 5, start, often=0.02), start, ms(2028, 1, 1), outages)
    assert min(words[word] for word in ("run", "missed", "skipped")) > 5, words


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_small_set(redis_server: RedisServer, ns: str, data: st.DataObject) -> None:
    """On a grid of minutes, where runs end when others are planned, and outages begin and end."""
    start, end = ms(2027, 3, 27, 22), ms(2027, 3, 28, 4)
    minutes = st.integers(1, 40)
    schedules = [
        ("w", Schedule(
            data.draw(st.builds(lambda n: Every(n * 60), minutes) | st.just(Cron("*/10 1-3 * * *", "Europe/Paris"))),
            name=f"s{number}", overlap=overlap, misfire=data.draw(st.sampled_from(MISFIRES)),
            grace=data.draw(st.none() | st.just(1) | st.builds(lambda n: n * 60, minutes)),
            jitter=data.draw(st.sampled_from((0, 0, 120))),
            depends_on_past=overlap != "cancel_old" and data.draw(st.booleans()),
        ))
        for number, overlap in enumerate(data.draw(st.lists(st.sampled_from(OVERLAPS), min_size=1, max_size=4)))
    ]  # fmt: skip
    taken = data.draw(st.lists(minutes, min_size=1, max_size=7))
    bounds = data.draw(st.lists(st.integers(0, 360), max_size=4, unique=True).map(sorted))
    outages = [(start + a * MINUTE, start + b * MINUTE) for a, b in zip(bounds[::2], bounds[1::2], strict=False)]

    def length(schedule: str, planned: int) -> int:
        return taken[planned // MINUTE % len(taken)] * MINUTE

    simulated = simulate(schedules, start=start, end=end, length=length, outages=outages)
    with redis_server.client() as client:
        client.unlink("none", *client.scan_iter(f"o:{{{ns}}}:*", count=1000))
        real = Accelerated(Machine(client, ns), length).run(schedules, start, end, outages=outages)
    assert_same(simulated.entries, real)
