from __future__ import annotations

import pytest

from orchestrator.scheduling.matching import stored_id
from orchestrator.state.reads import starters as reads
from orchestrator.state.transitions.events import Delivered, Duplicate
from orchestrator.state.transitions.replies import Waits
from support.machine import Machine
from support.starters import Starters

ODD = ["a/b@1", "a~1", "ü 日本", "x" * 300, "{other}:x", "..", "'"]


def test_it_is_kept_once_and_handed_to_a_scheduler(starters: Starters, machine: Machine) -> None:
    assert starters.deliver("e1", "event:order.paid", b'{"a":1}') == Delivered()
    (found,) = machine.store.read(reads.deliveries(machine.keys, ["e1"]))
    assert (found.topic, found.source, found.body, found.at_ms) == ("event:order.paid", "test", b'{"a":1}', machine.now)
    assert found.outcomes == {}
    assert machine.timers() == {"delivery/e1": 0}
    machine.wait(5)
    before = machine.snapshot()
    assert starters.deliver("e1", "event:other", b"{}") == Duplicate()
    assert machine.snapshot() == before


@pytest.mark.parametrize("given", ODD)
def test_an_id_from_outside_may_be_any_plain_text(starters: Starters, machine: Machine, given: str) -> None:
    own = starters.starter(id="w/t", kind="trigger", next=None)
    delivery = stored_id("event:e", given)
    assert delivery == f"event:e:{given}"
    assert starters.offer(delivery) == Waits()
    starters.start_waiting(own)
    (past,) = starters.past(own)
    assert past.occasion == delivery
    assert past.run == starters.outcome(delivery)


@pytest.mark.parametrize("given", ["a\nrun\n" + "0" * 20, "a\0b", "\ud800", "\x1b[31m", "a\u2028b"])
def test_an_id_that_is_none_counts_by_its_digest(starters: Starters, given: str) -> None:
    own = starters.starter(id="w/t", kind="trigger", next=None)
    delivery = stored_id("event:e", given)
    assert delivery == stored_id("event:e", given)
    assert delivery.isprintable()
    assert starters.offer(delivery) == Waits()
    starters.start_waiting(own)
    assert [past.occasion for past in starters.past(own)] == [delivery]
