"""The shapes of JSON documents: every command has one, all are documented, and documents are held to them."""

from __future__ import annotations

from typing import Any, get_type_hints, is_typeddict

import pytest

from orchestrator.model import shapes
from orchestrator.model.run import NodeInfo, QueueInfo
from orchestrator.model.states import PriorityClass
from support.shapes import misfits, shape_of

CLASSES = [each for each in map(shapes.__dict__.get, shapes.__all__) if is_typeddict(each)]
RUN = {
    "id": "r",
    "workflow": "w",
    "version": 1,
    "state": "running",
    "created": "2027-03-01T00:00:00.000000+00:00",
    "started": None,
    "finished": None,
    "counts": {"running": 1},
}


def test_the_shape_of_a_command_is_found() -> None:
    assert shape_of(("runs", "show", "r")) is shapes.RunWithJobs
    assert shape_of(("-A", "shop", "runs", "list")) == list[shapes.Run]


@pytest.mark.parametrize("shape", CLASSES, ids=lambda shape: shape.__name__)
def test_every_shape_says_what_it_is(shape: Any) -> None:
    assert shape.__doc__
    assert shape.__doc__.strip().endswith(".")
    assert get_type_hints(shape, include_extras=True)


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (RUN, []),
        ({name: value for name, value in RUN.items() if name != "state"}, ["$ has no state"]),
        ({**RUN, "why": "?"}, ["$ has why, which Run has not"]),
        ({**RUN, "version": "1"}, ["$.version: '1' is no <class 'int'>"]),
        ({**RUN, "version": True}, ["$.version: True is no <class 'int'>"]),
        ({**RUN, "counts": {"running": None}}, ["$.counts.running: None is no <class 'int'>"]),
        ([], ["$: [] is no Run"]),
    ],
)
def test_what_does_not_fit_a_shape_is_named(document: Any, told: list[str]) -> None:
    assert list(misfits(document, shapes.Run)) == told


def test_nodes_and_queues_have_their_shapes() -> None:
    node = NodeInfo("n", 2, 1, (("default", (PriorityClass.high,)),), ("r/0@1",), 0, {"pid": 1})
    assert list(misfits(node.to_json(), shapes.Node)) == []
    queue = QueueInfo("default", PriorityClass.low, 3, 1_000, 2, 1)
    assert list(misfits(queue.to_json(), shapes.Queue)) == []
