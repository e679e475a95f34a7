"""Outcomes: pauses that grow, and pauses that are none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from celery.exceptions import Reject, Retry

from orchestrator.model.policies import RetryPolicy
from orchestrator.runtime.job import JobSpec
from orchestrator.runtime.outcomes import Tried, raised

SPEC = JobSpec("t", [], {}, RetryPolicy(), None, None, {}, ())


def test_an_attempt_that_is_sent_back_waits_longer_each_time() -> None:
    pauses = [raised(Reject("x", requeue=True), Tried(SPEC, 2, number)).delay_ms for number in range(3, 12)]
    assert pauses == [1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000]
    assert raised(Reject("x", requeue=True), Tried(SPEC, 0, 100_000)).delay_ms == 60_000


@pytest.mark.parametrize("when", ["1", timedelta(seconds=1), float("inf"), float("nan"), object(), "soon"])
def test_a_pause_that_is_none_fails(when: object) -> None:
    assert raised(Retry("again", when=when), Tried(SPEC, 0)).kind == "failed"  # type: ignore[arg-type]


def test_a_pause_is_seconds_or_a_time() -> None:
    soon = datetime.now(UTC) + timedelta(seconds=10)
    for when in (10, 10.0, soon, soon.isoformat(), soon.replace(tzinfo=None)):
        outcome = raised(Retry("again", when=when), Tried(SPEC, 0))  # type: ignore[arg-type]
        assert outcome.kind == "retry"
        assert 9_000 < outcome.delay_ms <= 10_000


def test_a_retry_without_a_pause_waits_as_the_task_says() -> None:
    assert raised(Retry("again"), Tried(SPEC, 0, retry_delay=7.0)).delay_ms == 7000
