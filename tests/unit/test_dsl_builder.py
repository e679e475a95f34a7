"""Workflows written in Python: what signatures, references and order become."""

from __future__ import annotations

import copy
import datetime
import decimal
import enum
import json

import pytest
from celery import Celery, shared_task, signature
from kombu.utils.json import dumps as celery_dumps
from kombu.utils.json import loads as celery_loads
from pydantic import BaseModel, Field, SecretStr

from orchestrator.dsl.builder import Workflow
from orchestrator.model.errors import DefinitionError, ParameterError
from orchestrator.model.policies import RetryPolicy
from orchestrator.model.states import PriorityClass

app = Celery("shop", set_as_current=False)
app.conf.task_routes = {"shop.load": {"queue": "warehouse"}}


@app.task(name="shop.extract", shared=False)
def extract(day, limit=10):
    return [day, limit]


@app.task(name="shop.clean", shared=False, bind=True, autoretry_for=(OSError,))
def clean(self, rows, strict=False):
    return rows


@app.task(name="shop.load", shared=False)
def load(*rows, **options):
    return len(rows)


@app.task(name="shop.report", shared=False)
def report():
    return None


report.queue = "mail"  # as `@app.task(queue=...)` does, but for the warning that Celery will drop it


@shared_task(name="shared.note")
def note(text):
    return text


class Window(BaseModel):
    start: datetime.date = datetime.date(2027, 1, 1)


class Nightly(BaseModel):
    day: datetime.date
    limit: int = 10
    window: Window = Window()
    items: list[str] = Field(default_factory=list, alias="lines")


def spec(workflow: Workflow, name: str) -> dict[str, object]:
    plan = workflow.compile()
    parsed: dict[str, object] = json.loads(plan.specs[plan.jobs[plan.names.index(name)].spec])
    return parsed


def test_references_make_dependencies_and_order_adds_to_them() -> None:
    workflow = Workflow("nightly", params=Nightly)
    raw = workflow.job("extract", extract.s(day=workflow.params.day), retry=RetryPolicy(max=3))
    tidy = workflow.job("clean", clean.s(raw.output, strict=True))
    workflow.job("load", load.s(tidy.output["rows"][0], deep={"a": [tidy.output, (raw.output["n"],)]}), priority="high")
    workflow.job("report", report.si(), after=["load"])
    plan = workflow.compile()

    assert plan.names == ("extract", "clean", "load", "report")
    assert [job.inputs for job in plan.jobs] == [(), (0,), (0, 1), ()]
    assert [job.successors for job in plan.jobs] == [(1, 2), (2,), (3,), ()]
    assert [job.in_degree for job in plan.jobs] == [0, 1, 2, 1]
    assert [job.uses_params for job in plan.jobs] == [True, False, False, False]
    assert plan.roots == (0,)
    assert plan.jobs[2].priority == PriorityClass.high
    assert spec(workflow, "extract") == {
        "task": "shop.extract",
        "kwargs": {"day": {"$param": ["day"]}},
        "retry": {"max": 3},
    }
    assert spec(workflow, "load") == {
        "task": "shop.load",
        "args": [{"$output": [1, "rows", 0]}],
        "kwargs": {"deep": {"a": [{"$output": [1]}, [{"$output": [0, "n"]}]]}},
    }


def test_the_arrow_takes_jobs_and_lists_on_either_side() -> None:
    workflow = Workflow("arrows")
    a, b, c, d, e = (workflow.job(name, load.s()) for name in "abcde")
    a >> b >> [c, d] >> e
    plan = workflow.compile()
    assert [job.successors for job in plan.jobs] == [(1,), (2, 3), (4,), (4,), ()]
    with pytest.raises(DefinitionError, match="to the right of >> stand jobs"):
        a >> "b"
    with pytest.raises(DefinitionError, match="a int is not a job"):
        a.after(3)


def test_after_takes_a_job_a_name_or_lists_of_them_and_names_may_come_later() -> None:
    workflow = Workflow("after")
    first = workflow.job("first", load.s(), after="last")
    workflow.job("second", load.s(), after=first)
    workflow.job("third", load.s(), after=[first, "second", ["last"]])
    workflow.job("last", load.s())
    assert [job.in_degree for job in workflow.compile().jobs] == [1, 1, 3, 0]


def test_references_survive_in_signatures() -> None:
    workflow = Workflow("survive", params=Nightly)
    raw = workflow.job("raw", extract.s(workflow.params.day))
    partial = clean.s(strict=workflow.params.limit)
    whole = partial.clone(args=(raw.output["rows"],))
    again = copy.deepcopy(whole)
    workflow.job("clean", again)
    assert spec(workflow, "clean")["args"] == [{"$output": [0, "rows"]}]
    assert spec(workflow, "clean")["kwargs"] == {"strict": {"$param": ["limit"]}}
    assert json.loads(celery_dumps(again))["args"] == [{"$output": ["raw", "rows"]}]
    assert "raw.output['rows']" in repr(again)

    workflow.job("shared", note.s(raw.output))
    workflow.job("by-name", signature("elsewhere.task", args=(raw.output,), kwargs={"n": 1}))
    workflow.job("immutable", clean.si(raw.output).set(queue="slow", ignore_result=True))
    assert spec(workflow, "by-name") == {"task": "elsewhere.task", "args": [{"$output": [0]}], "kwargs": {"n": 1}}
    assert workflow.definition().jobs[-1].route == "slow"
    workflow.job("whole-job", note.s(raw))
    assert spec(workflow, "whole-job")["args"] == [{"$output": [0]}]


def test_values_of_the_future_refuse_to_be_used_now() -> None:
    workflow = Workflow("future", params=Nightly)
    raw = workflow.job("raw", extract.s(1))
    for use in (
        bool,
        list,
        len,
        int,
        lambda ref: f"{ref}",
        lambda ref: ref + 1,
        lambda ref: 1 in ref,
        lambda ref: ref(),
    ):
        for ref in (raw.output, workflow.params.day):
            with pytest.raises(DefinitionError, match="is not known while the workflow is written"):
                use(ref)
    with pytest.raises(DefinitionError, match=r"a step into a value is a key \(text\) or an index"):
        raw.output[1:2]


def test_parameters_are_checked_when_they_are_named() -> None:
    workflow = Workflow("params", params=Nightly)
    assert workflow.params.window.start.__json__() == {"$param": ["window", "start"]}
    assert workflow.params["items"].__json__() == {"$param": ["lines"]}, "JSON has the alias"
    with pytest.raises(
        DefinitionError, match=r"workflow 'params': Nightly has no field 'dya' \(did you mean 'day'\?\)"
    ):
        _ = workflow.params.dya
    with pytest.raises(DefinitionError, match=r"params\.window: Window has no field 'end'"):
        _ = workflow.params.window.end
    with pytest.raises(DefinitionError, match="the workflow has none"):
        _ = Workflow("bare").params.day
    with pytest.raises(DefinitionError, match="params as a whole"):
        workflow.job("all", note.s(workflow.params))


def test_jobs_of_another_workflow_are_refused() -> None:
    one, two = Workflow("one", params=Nightly), Workflow("two", params=Nightly)
    job = one.job("job", load.s())
    for use in (lambda: two.job("x", load.s(job.output)), lambda: two.job("x", load.s(), after=job)):
        with pytest.raises(DefinitionError, match="job 'job' belongs to another workflow, 'one'"):
            use()
    with pytest.raises(DefinitionError, match=r"params.day belongs to another workflow"):
        two.job("x", load.s(one.params.day))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda f: f.job("a b", load.s()), "'a b' is not a good name: use letters"),
        (lambda f: f.job("x" * 201, load.s()), "is not a good name"),
        (lambda f: f.job("taken", load.s()), "workflow 'workflow': there is already a job 'taken'"),
        (lambda f: f.job("x", extract), r"not a signature \(write extract.s\(...\)\)"),
        (lambda f: f.job("x", print), "not a signature"),
        (lambda f: f.job("x", load.s() | load.s()), r"a chain is several jobs .*from_canvas"),
        (lambda f: f.job("x", extract.s()), r"job 'x': .*missing 1 required positional argument: 'day'"),
        (lambda f: f.job("x", extract.s(1, lmit=2)), r"job 'x': .*unexpected keyword argument 'lmit'"),
        (
            lambda f: f.job("x", load.s(object())),
            r"job 'x': argument\[0\]: a object is not JSON",
        ),
        (lambda f: f.job("x", load.s({1: 2})), r"argument\[0\]: the key 1 is a int"),
        (lambda f: f.job("x", load.s(a=[float("nan")])), r"argument a\[0\]: nan is not a JSON number"),
        (lambda f: f.job("x", load.s().set(countdown=5)), "option 'countdown' means nothing to a job"),
        (lambda f: f.job("x", load.s().set(eta=5)), "option 'eta'"),
        (lambda f: f.job("x", load.s().set(expires=5)), r"option 'expires' .*deadline="),
        (lambda f: f.job("x", load.s().set(priority=5)), r"option 'priority' .*number="),
        (lambda f: f.job("x", load.s().set(link=[load.s()])), "option 'link'"),
        (lambda f: f.job("x", load.s().on_error(load.s())), "option 'link_error'"),
        (lambda f: f.job("x", load.s(), retry=-1), "retry.max: should be greater than or equal to 0, not -1"),
        (lambda f: f.job("x", load.s(), retry="often"), "retry: should be a number of retries or a policy"),
        (lambda f: f.job("x", load.s(), timeout="5"), "timeout: should be a valid number, not '5'"),
        (lambda f: f.job("x", load.s(), number=256), "number: should be less than or equal to 255"),
        (lambda f: f.job("x", load.s(), priority="urgent"), "priority: should be 'critical', 'high'"),
        (lambda f: f.job("x", load.s(), route="a:b"), "'a:b' is not a good route"),
        (lambda f: Workflow("a/b"), "workflow 'a/b': name: 'a/b' is not a good name"),
        (lambda f: Workflow("x", deadline=0), "deadline: should be greater than 0"),
        (lambda f: Workflow("x", params=dict), "params must be a pydantic model"),
    ],
)
def test_a_mistake_is_told_where_it_is_made(make, message: str) -> None:
    workflow = Workflow("workflow")
    workflow.job("taken", load.s())
    with pytest.raises(DefinitionError, match=message) as caught:
        make(workflow)
    assert "\n" not in str(caught.value)


def test_secrets_are_no_parameters() -> None:
    class Bad(BaseModel):
        token: SecretStr

    with pytest.raises(DefinitionError, match=r"Bad.token is a secret"):
        Workflow("secrets", params=Bad)


def test_celery_options_that_a_job_has_too_are_taken_over() -> None:
    workflow = Workflow("options")
    workflow.job("a", load.s().set(queue="q", time_limit=60, soft_time_limit=50, headers={"tenant": "x"}))
    workflow.job("b", load.s().set(queue="q", time_limit=60), route="r", timeout=5)
    assert spec(workflow, "a") == {
        "task": "shop.load",
        "timeout": 60.0,
        "soft_timeout": 50.0,
        "headers": {"tenant": "x"},
    }
    assert spec(workflow, "b") == {"task": "shop.load", "timeout": 5.0}
    assert [job.route for job in workflow.definition().jobs] == ["q", "r"]


def test_a_route_comes_from_the_job_the_signature_the_app_or_the_caller() -> None:
    workflow = Workflow("routes")
    workflow.job("routed", load.s())
    workflow.job("own", report.s())
    workflow.job("default", extract.s(1))
    workflow.job("named", signature("elsewhere.task"))
    workflow.job("chosen", signature("elsewhere.task"), route="here")
    assert [job.route for job in workflow.definition().jobs] == ["warehouse", "mail", "celery", "default", "here"]
    plan = workflow.compile(lambda job: f"for-{job.task}")
    assert [plan.routes[job.route] for job in plan.jobs] == [
        "warehouse", "mail", "celery", "for-elsewhere.task", "here",
    ]  # fmt: skip


def test_literal_dicts_with_dollar_keys_enums_and_models_are_data() -> None:
    class Colour(enum.StrEnum):
        red = "r"

    workflow = Workflow("literal")
    workflow.job("a", load.s({"$output": ["a"]}, {"x": {"$y": 1}}, Colour.red, Window(), (1, 2)))
    assert spec(workflow, "a")["args"] == [
        {"$literal": {"$output": ["a"]}}, {"x": {"$literal": {"$y": 1}}}, "r", {"start": "2027-01-01"}, [1, 2],
    ]  # fmt: skip


def test_dates_and_decimals_are_written_as_celery_writes_them() -> None:
    values = [datetime.date(2027, 3, 1), decimal.Decimal("1.10"), {"at": datetime.datetime(2027, 3, 1, 2, 0)}]
    workflow = Workflow("dialect")
    workflow.job("a", load.s(*values))
    assert celery_loads(workflow.compile().specs[0])["args"] == values


def test_compiled_once_until_it_changes() -> None:
    workflow = Workflow("cached")
    a = workflow.job("a", load.s())
    plan = workflow.compile()
    assert workflow.compile() is plan
    b = workflow.job("b", load.s())
    assert workflow.compile() is not plan
    plan = workflow.compile()
    a >> b
    assert workflow.compile().digest != plan.digest


def test_binding_checks_and_fills_in_everything() -> None:
    workflow = Workflow("bind", params=Nightly)
    bound = json.loads(workflow.bind({"day": "2027-03-01", "items": ["x"]}))
    assert bound == {"day": "2027-03-01", "limit": 10, "window": {"start": "2027-01-01"}, "lines": ["x"]}
    with pytest.raises(ParameterError) as caught:
        workflow.bind({"limit": "many", "dya": 1})
    lines = str(caught.value).splitlines()
    assert lines[0] == "workflow 'bind': 3 things are wrong:"
    assert sorted(line.strip().split(":")[0] for line in lines[1:]) == ["day", "dya", "limit"]
    assert Workflow("none").bind() == b"{}"
    with pytest.raises(ParameterError, match=r"it has no parameters, so none can be given \(x\)"):
        Workflow("none").bind({"x": 1})


def test_a_route_is_not_one_of_its_queues() -> None:
    with pytest.raises(DefinitionError, match=r"'mail\.high' is not a good route.*priority="):
        Workflow("w").job("a", load.s(1), route="mail.high")
