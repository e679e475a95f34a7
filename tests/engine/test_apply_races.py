"""An apply is all or nothing: beside others who edit, among several who apply, and for one who dies."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace

import pytest
import redis

from orchestrator.definitions.revisions import Note
from orchestrator.model.errors import Conflict
from orchestrator.scheduling.records import schedule_record
from orchestrator.state.layouts.change_ops import put_starter, put_workflow
from orchestrator.state.transitions.definitions import Changed, NotUploaded, StaleEdit
from support.machine import Machine
from support.namespace import Namespace, daily, desired_state, told, workflow


@pytest.fixture
def space(redis_client: redis.Redis, ns: str) -> Namespace:
    return Namespace(Machine(redis_client, ns))


def test_a_change_that_fails_leaves_nothing(space: Namespace) -> None:
    """Whatever is wrong with the last of many changes, none is made."""
    space.make(desired_state(workflow(a=daily())))
    before = space.everything()
    record = schedule_record("nightly", daily(5, name="a"), {}, space.machine.now)
    for ops, expected, answer in (
        ([put_starter(record), put_workflow("new", "0" * 32)], -1, NotUploaded),
        ([put_starter(record), put_starter(record, "77")], -1, StaleEdit),
        ([put_starter(record)], 0, Changed),
    ):
        assert isinstance(space.apply(ops, expected=expected, revision=b"x"), answer)
        assert space.everything() == before


def test_one_who_dies_before_the_change_has_changed_nothing(space: Namespace) -> None:
    space.make(desired_state(workflow(a=daily())))
    changed = desired_state(workflow(task="t.new", a=daily(4)))
    seen = space.propose(changed)
    steps = space.steps.apply(changed, seen, Note())
    port = SimpleNamespace(store=space.store)
    step = next(steps)
    for _ in range(100):
        if space.store.client.exists(space.keys.plan(workflow(task="t.new").compile().digest)):
            break
        step = steps.send(step(port))
    steps.close()  # killed: the plan is there, and nothing uses it
    assert told(space.propose(changed)) == told(seen)
    assert not space.drift().changes
    assert space.make(changed) == 2


def test_another_edit_that_is_no_matter_does_not_stop_an_apply(space: Namespace) -> None:
    space.make(desired_state(workflow(a=daily())))
    changed = desired_state(workflow(a=daily(4)))
    seen = space.propose(changed)
    space.store.put_plan(workflow("theirs").compile())
    assert space.drive(space.steps.apply(changed, seen, Note())) == 2


def test_an_edit_that_makes_it_another_change_stops_an_apply(space: Namespace) -> None:
    space.make(desired_state(workflow(a=daily())))
    changed = desired_state(workflow(a=daily(4)))
    seen = space.propose(changed)
    space.put(schedule_record("nightly", daily(6, name="a"), {}, space.machine.now))
    before = space.everything()
    with pytest.raises(Conflict, match="somebody has changed definitions meanwhile"):
        space.drive(space.steps.apply(changed, seen, Note()))
    assert space.everything() == before


@pytest.mark.parametrize("same", [True, False])
def test_of_several_who_apply_at_once_one_makes_the_change(space: Namespace, same: bool) -> None:
    """Those who want the same have nothing left to do; those who want another thing are told."""
    space.make(desired_state(workflow(a=daily())))
    aims = [desired_state(workflow(task="t.1" if same else f"t.{n}", a=daily(3 if same else n))) for n in range(3, 11)]
    seen = [space.propose(each) for each in aims]
    started = threading.Barrier(len(aims))
    outcomes: list[int | str] = []

    def work(at: int) -> None:
        started.wait()
        try:
            outcomes.append(space.drive(space.steps.apply(aims[at], seen[at], Note(author=str(at)))))
        except Conflict:
            outcomes.append("told")

    in_threads([lambda at=at: work(at) for at in range(len(aims))])  # type: ignore[misc]
    assert sorted(map(str, outcomes)) == sorted(["2", *["0" if same else "told"] * (len(aims) - 1)])
    winner = space.drive(space.steps.revisions(1))[0]
    assert winner.definitions == aims[int(winner.note.author)].definitions
    assert not space.propose(aims[int(winner.note.author)]).changes


def in_threads(works: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
