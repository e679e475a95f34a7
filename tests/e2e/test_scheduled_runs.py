"""Runs that start by themselves, on real workers: what their jobs are told of the time that they are for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestrator import Every, Schedule, Workflow
from orchestrator.model.states import RunState
from orchestrator.scheduling.records import schedule_record
from orchestrator.state.layouts.change_ops import pack, put_starter
from orchestrator.state.reads import starters
from orchestrator.state.transitions.definitions import Apply
from support import shop
from support.fleet import Fleet
from support.waiting import wait_until


def workflow_of_times() -> Workflow:
    workflow = Workflow("timed")
    facts = (workflow.run.logical_date, workflow.run.interval_start, workflow.run.interval_end, workflow.run.schedule)
    workflow.job("job", shop.for_when.s(*facts), route="celery")
    return workflow


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_a_job_is_told_its_logical_date_and_interval(tmp_path: Path, redis_url: str, pool: str) -> None:
    workflow = workflow_of_times()
    with Fleet(tmp_path, redis_url) as fleet, fleet.worker("-P", pool, "-c", "1"):
        store = fleet.client._port.store
        store.put_plan(workflow.compile())
        schedule = Schedule(Every("1s"), name="often", overlap="skip")
        record = schedule_record("timed", schedule, {}, store.read(starters.clock(store.keys)))
        store.run(Apply(-1, pack([put_starter(record)])))
        wait_until(lambda: len(fleet.client.runs.list(state="succeeded")) > 1, 20, "two runs to succeed")
        for run in fleet.client.runs.list(state="succeeded"):
            told = fleet.client.runs.get(run.id).output("job")
            planned = datetime.fromtimestamp(run.facts["logical_ms"] / 1000, UTC)
            assert told["date"] == planned
            assert told["interval"] == [planned - timedelta(seconds=1), planned]
            assert told["given"] == [
                planned.isoformat(), (planned - timedelta(seconds=1)).isoformat(), planned.isoformat(), "timed/often"
            ]  # fmt: skip
            assert told["origin"]["schedule"] == "timed/often"


def test_a_run_by_hand_is_for_the_moment_of_its_creation(tmp_path: Path, redis_url: str) -> None:
    with Fleet(tmp_path, redis_url) as fleet, fleet.worker("-P", "solo"):
        run = fleet.client.submit(workflow_of_times()).wait(timeout=20)
        assert run.state is RunState.succeeded
        told = run.output("job")
        created = datetime.fromtimestamp(run.info.created_ms / 1000, UTC)
        assert told["date"] == created
        assert told["interval"] == [created, created]
        assert told["given"][3] is None
        assert told["origin"] == {}
