"""Celery's canvas as workflows: who gets whose result."""

from __future__ import annotations

from typing import Any

import pytest
from celery import Celery, chain, chord, group

from orchestrator import Workflow, from_canvas
from orchestrator.model.errors import DefinitionError

app = Celery("shop", set_as_current=False)


@app.task(name="m.add", shared=False)
def add(*args, **kwargs):
    return args


@app.task(name="m.tsum", shared=False)
def tsum(numbers, *more):
    return numbers


def jobs(workflow: Workflow) -> dict[str, tuple[Any, ...]]:
    """Return each job's arguments, an output as `<name>`, and with `after` at the end where there is one."""

    def show(value: Any) -> Any:
        if isinstance(value, dict) and "$output" in value:
            return f"<{value['$output'][0]}>"
        return [show(item) for item in value] if isinstance(value, list) else value

    workflow.compile()
    return {
        job.name: tuple(show(arg) for arg in job.args) + ((set(job.after),) if job.after else ())
        for job in workflow.definition().jobs
    }


def test_a_chain_passes_each_result_on_as_the_first_argument() -> None:
    assert jobs(from_canvas(chain(add.s(1), add.s(2), add.si(3), add.s(4)))) == {
        "add": (1,), "add-2": ("<add>", 2), "add-3": (3, {"add-2"}), "add-4": ("<add-3>", 4),
    }  # fmt: skip


def test_a_group_feeds_a_chord_body_as_a_list() -> None:
    expected = {"add": (1,), "add-2": (2,), "tsum": (["<add>", "<add-2>"], 9)}
    assert jobs(from_canvas(chord([add.s(1), add.s(2)], tsum.s(9)))) == expected
    assert jobs(from_canvas(group(add.s(1), add.s(2)) | tsum.s(9))) == expected
    assert jobs(from_canvas(chain(group(add.s(1), add.s(2)), tsum.s(9)))) == expected
    assert jobs(from_canvas(chord([add.s(1)], tsum.s()))) == {"add": (1,), "tsum": (["<add>"],)}


def test_an_immutable_body_waits_for_the_whole_group() -> None:
    assert jobs(from_canvas(chord([add.s(1), add.s(2)], tsum.si(9)))) == {
        "add": (1,), "add-2": (2,), "tsum": (9, {"add", "add-2"}),
    }  # fmt: skip


def test_groups_after_tasks_and_groups_after_groups() -> None:
    assert jobs(from_canvas(add.s(0) | group(add.s(1), add.s(2)) | group(tsum.s(3), tsum.s(4)))) == {
        "add": (0,), "add-2": ("<add>", 1), "add-3": ("<add>", 2),
        "tsum": (["<add-2>", "<add-3>"], 3), "tsum-2": (["<add-2>", "<add-3>"], 4),
    }  # fmt: skip


def test_nested_groups_are_one_list_and_chains_inside_count_by_their_last() -> None:
    canvas = chord([group(add.s(1), add.s(2)), add.s(3) | add.s(4)], tsum.s())
    assert jobs(from_canvas(canvas))["tsum"] == (["<add>", "<add-2>", "<add-4>"],)
    canvas = chord([chord([add.s(1), add.s(2)], tsum.s()), add.s(3)], tsum.s()) | add.s(5)
    assert jobs(from_canvas(canvas)) == {
        "add": (1,), "add-2": (2,), "tsum": (["<add>", "<add-2>"],), "add-3": (3,),
        "tsum-2": (["<tsum>", "<add-3>"],), "add-4": ("<tsum-2>", 5),
    }  # fmt: skip


def test_a_group_of_one_in_a_chain_is_its_task() -> None:
    assert jobs(from_canvas(chain(add.s(0), group(add.s(1)), add.s(2))))["add-3"] == ("<add-2>", 2)


def test_a_part_that_ends_in_a_group_is_one_value() -> None:
    inner = add.s(1) | group(add.s(2), add.s(3))
    header = {"add": (1,), "add-2": ("<add>", 2), "add-3": ("<add>", 3), "add-4": (9,)}
    expected = {**header, "tsum": ([["<add-2>", "<add-3>"], "<add-4>"],)}
    assert jobs(from_canvas(chord([inner, add.s(9)], tsum.s()))) == expected
    assert jobs(from_canvas(group(inner, add.s(9)) | tsum.s())) == expected
    chords = chord([chord([add.s(1)], group(tsum.s(), tsum.s())), add.s(9)], tsum.s())
    assert jobs(from_canvas(chords))["tsum-3"] == ([["<tsum>", "<tsum-2>"], "<add-2>"],)


def test_an_empty_header_gives_an_empty_list() -> None:
    assert jobs(from_canvas(chord([], tsum.s(9)))) == {"tsum": ([], 9)}
    assert jobs(from_canvas(chain(add.s(1), chord([], tsum.s(9))))) == {"add": (1,), "tsum": ([], 9, {"add"})}


def test_start_arguments() -> None:
    started = chain(add.s(1), add.s(2))
    started["args"] = (7,)
    assert jobs(from_canvas(started)) == {"add": (7, 1), "add-2": ("<add>", 2)}
    assert jobs(from_canvas(chord([add.s(1), add.s(2)], tsum.s()).clone(args=(7,))))["add-2"] == (7, 2)


def test_an_immutable_chord_takes_nothing_from_before() -> None:
    inner = chord([add.s(1), add.s(2)], tsum.s(), immutable=True)
    assert jobs(from_canvas(chain(add.s(0), inner)))["add-2"] == (1, {"add"})


def test_a_link_gets_the_result_and_changes_none() -> None:
    linked = add.s(1)
    linked.link(add.s(5))
    assert jobs(from_canvas(linked | tsum.s(9))) == {"add": (1,), "add-2": ("<add>", 5), "tsum": ("<add>", 9)}


def test_a_queue_of_a_whole_part() -> None:
    def routes(canvas: Any) -> list[str | None]:
        return [job.route for job in from_canvas(canvas).definition().jobs]

    own = "celery"
    assert routes(chain(add.s(1), add.s(2)).set(queue="slow")) == ["slow", own]  # as Celery: the first task's
    assert routes(group(add.s(1), add.s(2)).set(queue="slow")) == ["slow", "slow"]
    assert routes(chord([add.s(1), add.s(2)], tsum.s()).set(queue="slow")) == ["slow", "slow", "slow"]


def test_a_single_task_and_options_of_the_workflow() -> None:
    workflow = from_canvas(add.s(1), name="one", priority="low")
    assert jobs(workflow) == {"add": (1,)}
    assert workflow.definition().priority == "low"


def test_a_canvas_that_went_through_json_is_the_same() -> None:
    import json

    canvas = chain(group(add.s(1), add.s(2)), tsum.s(9))
    assert jobs(from_canvas(json.loads(json.dumps(canvas)))) == jobs(from_canvas(canvas))


def test_a_long_chain_and_a_wide_group() -> None:
    workflow = from_canvas(chain(*[add.s(i) for i in range(3000)]))
    assert len(workflow.compile().names) == 3000


@pytest.mark.parametrize(
    ("canvas", "message"),
    [
        (group(), "a group needs a task"),
        (chain(add.s(1), add.s(2)).set(countdown=3), "the chain in workflow 'canvas': .*'countdown'"),
        (chain(add.s(1), add.s(2).set(eta=3)), "job 'add-2': .*'eta'"),
        (chord([add.s(1)], tsum.s().on_error(add.s())), "'link_error'"),
        (chord([add.s(1)], tsum.s(), kwargs={"y": 7}), r"a chord has no keyword arguments of its own \(y\)"),
        (chord([add.s(1)], tsum.s().stamp(tenant="acme") or tsum.s().set(stamped_headers=["x"])), "stamps"),
        (chord([add.chunks([(1,)], 10)], tsum.s()), "chunks.*group"),
        (3, "int is not a signature"),
    ],
)
def test_what_has_no_meaning_is_refused(canvas: Any, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        from_canvas(canvas)
