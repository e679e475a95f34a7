"""The memory of a trigger's source: `note_seen` and `forget_seen`."""

from __future__ import annotations

import pytest

from orchestrator.state.layouts.change_ops import drop_starter
from orchestrator.state.reads import source_memory
from orchestrator.state.transitions.replies import Missing
from orchestrator.state.transitions.sources import ForgetSeen, Noted, NoteSeen, SeenForgotten
from support.machine import Machine
from support.starters import Starters


@pytest.fixture
def own(starters: Starters) -> str:
    return starters.starter(id="w/t", kind="trigger", next=None)


def seen(machine: Machine, own: str, *names: str) -> list[str | None]:
    return machine.store.read(source_memory.seen(machine.keys, own, names))


def test_what_was_seen_is_kept_and_replaced(machine: Machine, own: str) -> None:
    assert machine.do(NoteSeen(own, {"a": "1", "b": "two\nlines", "ü": ""})) == Noted()
    assert machine.do(NoteSeen(own, {"a": "2"})) == Noted()
    assert seen(machine, own, "a", "b", "ü", "c") == ["2", "two\nlines", "", None]


def test_more_than_one_command_takes(machine: Machine, own: str) -> None:
    values = {str(at): f"v{at}" for at in range(1_700)}
    assert machine.do(NoteSeen(own, values)) == Noted()
    assert seen(machine, own, *values) == list(values.values())
    assert machine.do(ForgetSeen(own, tuple(values))) == SeenForgotten(1_700)


@pytest.mark.parametrize("gone", [True, False])
def test_a_trigger_that_is_missing_remembers_nothing(starters: Starters, own: str, gone: bool) -> None:
    if gone:
        starters.apply([drop_starter(own)])
    before = starters.machine.snapshot()
    assert starters.machine.do(NoteSeen(own if gone else "w/nosuch", {"a": "1"})) == Missing()
    assert starters.machine.snapshot() == before


def test_of_two_who_forget_a_name_one_does(machine: Machine, own: str) -> None:
    machine.do(NoteSeen(own, {"a": "1", "b": "2"}))
    assert machine.do(ForgetSeen(own, ("a", "c"))) == SeenForgotten(1)
    before = machine.snapshot()
    assert machine.do(ForgetSeen(own, ("a", "c"))) == SeenForgotten(0)
    assert machine.do(ForgetSeen("w/nosuch", ("b",))) == SeenForgotten(0)
    assert machine.snapshot() == before
    assert seen(machine, own, "a", "b") == [None, "2"]
