"""Routes by a Celery app: its router is asked as `apply_async` asks it. Where it leads to no route, the job says so."""

from __future__ import annotations

from typing import Any

import pytest
from celery import Celery, _state, current_app, shared_task, signature
from kombu import Exchange, Queue, binding
from kombu.common import Broadcast

from orchestrator import Workflow
from orchestrator.dsl.routing import router_of
from orchestrator.model.errors import DefinitionError


def app(name: str | None = "shop", **conf: Any) -> Celery:
    made = Celery(name, set_as_current=False)
    made.conf.update(conf)
    made.task(name="work")(work)
    return made


def work(*_args: Any, **_kwargs: Any) -> None:
    """A task."""


def route(made: Celery, *args: Any, **options: Any) -> str | None:
    workflow = Workflow("one")
    first = workflow.job("first", made.tasks["work"].s(), route="first")
    workflow.job("job", made.tasks["work"].s(*args, first.output, key="k").set(**options))
    return workflow.definition().jobs[1].route


def refusal(made: Celery, *args: Any) -> DefinitionError:
    with pytest.raises(DefinitionError) as caught:
        route(made, *args)
    assert caught.value.where == "job 'job'"
    assert "route=" in str(caught.value.remedy)
    return caught.value


@pytest.mark.parametrize("name", [None, "default", "shop"])
def test_an_app_routes_whatever_its_name(name: str | None) -> None:
    assert route(app(name, task_default_queue="work")) == "work"


def test_the_app_that_celery_makes_by_itself_routes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_state, "default_app", None)
    monkeypatch.setattr(_state._tls, "current_app", None)

    @shared_task(name="shared")
    def shared() -> None:
        return None

    workflow = Workflow("one")
    workflow.job("job", signature("shared", app=current_app._get_current_object()))
    assert workflow.definition().jobs[0].route == "default"


def test_a_router_is_asked_with_the_arguments_and_options_of_the_job() -> None:
    asked = []

    def router(name: str, args: Any, kwargs: Any, options: Any, task: Any = None, **_: Any) -> str:
        asked.append((name, args, kwargs, options.get("time_limit"), options.get("headers"), task.name))
        return f"for-{args[0]}"

    made = app(task_routes=[router])
    assert route(made, 7, time_limit=9, headers={"tenant": "x"}) == "for-7"
    assert route(made, 8) == "for-8"
    (name, args, kwargs, limit, headers, task), *_ = asked
    assert (name, args[0], kwargs, limit, headers, task) == ("work", 7, {"key": "k"}, 9, {"tenant": "x"}, "work")
    assert repr(args[1]) == repr(Workflow("x").job("first", made.tasks["work"].s()).output), "a reference stays one"


def test_a_router_is_asked_for_the_jobs_of_documents_too() -> None:
    made = app(task_routes=[lambda name, args, kwargs, options, task=None: f"for-{kwargs['size']}"])
    workflow = Workflow("by-name")
    workflow.job("job", {"task": "work", "kwargs": {"size": "big"}})
    assert workflow.compile(router_of(made)).routes == ("for-big",)


def test_routes_of_a_map_and_of_patterns() -> None:
    assert route(app(task_routes={"work": "a"})) == "a"
    assert route(app(task_routes={"wo*": {"queue": "b", "routing_key": "b.x"}})) == "b"
    assert route(app(task_routes={"work": "a"}), queue="own") == "own"


MEDIA = Exchange("media", "topic")
QUEUES = [
    Queue("video", MEDIA, "media.video.#"),
    Queue("image", MEDIA, "media.image.*"),
    Queue("any", bindings=[binding(MEDIA, "other.#"), binding(Exchange("plain", "direct"), "key")]),
    Queue("fan", Exchange("fan", "fanout"), ""),
    Queue("celery", Exchange("celery", "direct"), "celery"),
]


@pytest.mark.parametrize(
    ("exchange", "key", "queue"),
    [
        ("media", "media.video", "video"),
        ("media", "media.video.mp4.hd", "video"),
        ("media", "media.image.png", "image"),
        ("media", "other.x", "any"),
        ("plain", "key", "any"),
        ("fan", "whatever", "fan"),
        (None, "celery", "celery"),
    ],
)
def test_a_route_by_exchange_and_routing_key_leads_to_the_queue_that_is_bound(
    exchange: str | None, key: str, queue: str
) -> None:
    where = {"exchange": exchange, "routing_key": key} if exchange else {"routing_key": key}
    assert route(app(task_queues=QUEUES, task_routes={"work": where})) == queue


def test_a_routing_key_on_a_default_topic_exchange() -> None:
    made = app(
        task_queues=[Queue("a", Exchange("all", "topic"), "a.#"), Queue("b", Exchange("all", "topic"), "b.#")],
        task_default_queue="a", task_routes={"work": {"routing_key": "b.x"}},
    )  # fmt: skip
    assert route(made) == "b"


def test_a_route_to_no_queue_or_to_several_is_refused() -> None:
    where = {"exchange": "media", "routing_key": "media.image.a.b"}
    assert "no queue of task_queues would get it" in refusal(app(task_queues=QUEUES, task_routes={"work": where})).what
    twice = [*QUEUES, Queue("copy", MEDIA, "#")]
    where = {"exchange": "media", "routing_key": "media.video"}
    assert "'video' and 'copy' would get it" in refusal(app(task_queues=twice, task_routes={"work": where})).what


@pytest.mark.parametrize("name", ["mail box", "mail:urgent", "mail.high", "-x", "{hash}", "q" * 300])
def test_a_queue_that_can_be_no_route_is_refused_where_it_is_written(name: str) -> None:
    assert "no job can use" in refusal(app(task_default_queue=name)).what
    with pytest.raises(DefinitionError, match="job 'job'"):
        Workflow("one").job("job", app().tasks["work"].s().set(queue=name))


@pytest.mark.parametrize(
    "queue",
    [Broadcast("news"), Queue("mine", exclusive=True), Queue("brief", auto_delete=True)],
    ids=("broadcast", "exclusive", "auto_delete"),
)
def test_a_queue_that_goes_with_its_worker_takes_no_jobs(queue: Queue) -> None:
    made = app(task_queues=[queue, *QUEUES], task_routes={"work": {"queue": queue.name}})
    assert "goes with its worker" in refusal(made).what


def test_a_router_that_fails_and_a_queue_that_is_missing_are_told() -> None:
    assert "ZeroDivisionError" in refusal(app(task_routes=[lambda *_args, **_kwargs: 1 / 0])).what
    missing = app(task_queues=QUEUES, task_routes={"work": "none"}, task_create_missing_queues=False)
    with pytest.raises(DefinitionError, match="missing from task_queues"):
        route(missing)


def test_an_app_that_is_the_default_one_routes(monkeypatch: pytest.MonkeyPatch) -> None:
    """`set_default` makes it that, and so does Celery in every worker."""
    made = app(task_default_queue="work")
    monkeypatch.setattr(_state, "default_app", made)
    assert route(made) == "work"
