"""`@workflow` and `@job`."""

from __future__ import annotations

import json

import pytest
from celery import Celery
from pydantic import BaseModel

from orchestrator import Workflow, job, workflow
from orchestrator.model.errors import DefinitionError

app = Celery("shop", set_as_current=False)


class Params(BaseModel):
    day: str


@job(retry=3, timeout=60)
@app.task(name="shop.extract", shared=False)
def extract(day):
    return {"rows": [day]}


@job
@app.task(name="shop.load", shared=False)
def load(rows):
    return len(rows)


@job(priority="low")
def plain(x):
    return x + 1


def test_a_function_that_calls_jobs_is_a_workflow() -> None:
    @workflow(params=Params, priority="high")
    def nightly(workflow, params):
        """Load the day.

        And more.
        """
        raw = extract(params.day)
        load(raw)
        load.options(name="again", number=7)(raw.output["rows"]) >> load([1])

    assert isinstance(nightly, Workflow)
    definition = nightly.definition()
    assert (definition.name, definition.description, definition.priority) == ("nightly", "Load the day.", "high")
    assert [j.name for j in definition.jobs] == ["extract", "load", "again", "load-2"]
    assert definition.jobs[0].retry is not None
    assert definition.jobs[0].retry.max == 3
    assert definition.jobs[1].args == ({"$output": ["extract"]},)
    assert definition.jobs[2].number == 7
    assert definition.jobs[3].after == ("again",)


def test_outside_a_workflow_a_job_is_its_task() -> None:
    assert extract("monday") == {"rows": ["monday"]}
    assert extract.name == "shop.extract"
    assert json.loads(json.dumps(extract.s(1)))["task"] == "shop.extract"


def test_a_plain_function_becomes_a_shared_task() -> None:
    assert plain(1) == 2

    @workflow
    def small(workflow):
        plain(1)

    assert small.definition().jobs[0].task.endswith(".plain")
    assert small.definition().jobs[0].priority == "low"


def test_a_workflow_may_take_no_argument_or_use_workflow_job() -> None:
    @workflow(name="given")
    def ignored():
        load([1])

    @workflow
    def mixed(workflow):
        workflow.job("mine", load.s([2]))

    assert ignored.name == "given"
    assert list(mixed.jobs) == ["mine"]


def test_only_tasks_are_jobs() -> None:
    with pytest.raises(DefinitionError, match="is no Celery task"):
        job(3)
