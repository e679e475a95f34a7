"""A lost worker leaves a trace: which it was, when, what it ran, and which attempts of a job were lost with it."""

from __future__ import annotations

import logging
from io import StringIO

import pytest
from rich.console import Console, RenderableType

from orchestrator.cli.render.views import jobs_table, nodes_table
from orchestrator.model.states import JobState
from orchestrator.scheduler.duties import Tools
from orchestrator.scheduler.duties.leases import Leases
from orchestrator.state import reads
from orchestrator.state.transitions.nodes import Reap
from support.cases import bring
from support.machine import Machine, chain


def text_of(shown: RenderableType) -> str:
    """Return what a terminal of 120 columns shows."""
    out = StringIO()
    Console(file=out, width=120, color_system=None).print(shown)
    return out.getvalue()


def lose(machine: Machine) -> tuple[str, str]:
    """Lose a node that runs the first job of a chain; return the run and the attempt."""
    machine.reap()
    run = machine.submit(chain(2))
    ref = machine.node("b@vm", slots=4).slot().take()
    assert machine.reap_at_last() == 1
    return run, ref


def test_the_reaper_is_told_which_node_and_what_it_ran(machine: Machine) -> None:
    machine.reap()
    machine.submit(chain(1))
    ref = machine.node("b@vm").slot().take()
    machine.node("idle@vm")
    for _ in range(10):
        machine.wait(1000)
        reaped = machine.do(Reap("server"))
    assert reaped.gone == (("b@vm", ref), ("idle@vm", ""))


def test_a_scheduler_says_it_in_its_log(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    machine.submit(chain(1))
    duty, tools = Leases(), Tools(machine.store, lambda _: None)
    ref = machine.node("b@vm").slot().take()
    for _ in range(11):
        duty.step(tools)
        machine.wait(1000)
    (record,) = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert record.getMessage() == f"worker b@vm is lost: no beat within its lease; it ran {ref}"


def test_it_is_kept_for_an_hour_and_not_among_the_living(machine: Machine) -> None:
    _, ref = lose(machine)
    assert machine.store.read(reads.nodes(machine.keys)) == []
    (gone,) = machine.store.read(reads.gone_nodes(machine.keys))
    assert (gone.name, gone.slots, gone.held, gone.gone_ms) == ("b@vm", 4, (ref,), machine.now)
    for key in (machine.keys.gone, machine.keys.node("b@vm")):
        assert 3_500_000 < machine.client.pttl(key) <= 3_600_000
    shown = text_of(nodes_table([gone], now_ms=machine.now + 65_000))
    assert "gone 65s ago" in shown
    assert f"lost: {ref}" in shown
    assert (gone.to_json()["runs"], gone.to_json()["lost"]) == ([], [ref])


def test_a_node_that_left_in_good_order_or_came_back_is_not_gone(machine: Machine) -> None:
    lose(machine)
    machine.node("b@vm")
    assert machine.store.read(reads.gone_nodes(machine.keys)) == []
    machine.node("c@vm").leave()
    assert machine.store.read(reads.gone_nodes(machine.keys)) == []


def test_the_transition_names_the_worker(machine: Machine) -> None:
    run, _ = lose(machine)
    (lost,) = [each for each in machine.transitions(run) if each.after is JobState.lost]
    assert (lost.attempt, lost.detail) == (1, "b@vm")


def test_a_job_shows_why_there_is_a_second_attempt(machine: Machine) -> None:
    run, _ = lose(machine)
    job = machine.jobs(run)[0]
    assert job.lost_with == ((1, "b@vm"),)
    assert "attempt 1 lost with worker b@vm" in text_of(jobs_table([job], now_ms=machine.now, rows=5))
    machine.fire()
    slot = machine.node("c@vm").slot()
    slot.take()
    slot.finish()
    job = machine.jobs(run)[0]
    assert (job.state, job.attempt) == (JobState.succeeded, 2)
    assert "#2: attempt 1 lost with worker b@vm" in text_of(jobs_table([job], now_ms=machine.now, rows=5))


def test_what_is_handed_back_is_not_lost(machine: Machine) -> None:
    case = bring(machine, JobState.running)
    case.slot.node.leave()
    assert machine.jobs(case.run)[1].lost_with == ()
