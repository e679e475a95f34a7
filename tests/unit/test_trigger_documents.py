"""Triggers as values and as plain data, alone and in workflows: what they say, and what is said about wrong ones."""

# ruff: noqa: E501 — a case a line

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import jsonschema
import pytest
from celery import Celery
from pydantic import BaseModel

from orchestrator import Trigger, Workflow, workflow
from orchestrator.dsl.documents import dump, load, schema
from orchestrator.model.errors import DefinitionError, DocumentError
from orchestrator.starters.sources import check_event
from orchestrator.starters.trigger import SOURCES

app = Celery("shop", set_as_current=False)

ALL: dict[str, dict[str, Any]] = {
    "event": {"event": "order.created"},
    "events": {"event": ["order.*", "stock"]},
    "webhook": {"webhook": {"secret": "env:SHOP_SECRET"}},
    "github": {"webhook": {"secret": "file:/run/secrets/hook", "scheme": "github"}},
    "run": {"run": {"workflow": "nightly"}},
    "runs": {"run": {"workflow": ["nightly", "hourly"], "states": ["failed", "timed_out"]}},
    "any": {"datasets": {"any": ["sales", "stock"]}},
    "all": {"datasets": {"all": ["sales", "stock"], "within": "1h"}},
    "files": {"files": {"path": "/data/in/*.csv"}},
    "bucket": {"files": {"path": "s3://in/**/*.csv", "every": "1m", "stable": 0.5}},
    "http": {"http": {"url": "https://shop.example/news", "headers": {"Authorization": "env:SHOP_TOKEN", "Accept": "text/plain"}}},
    "sql": {"sql": {"url": "env:SHOP_DB", "query": "select id from orders", "every": "30s"}},
    "redis_stream": {"redis_stream": {"stream": "orders"}},
    "rabbitmq": {"rabbitmq": {"queue": "orders", "url": "amqp://host/"}},
    "kafka": {"kafka": {"topic": "orders", "servers": ["a:9092", "b:9092"], "group": "shop"}},
    "filtered": {
        "event": "order.created", "when": "event.payload.total > 100", "id": "event.payload.id",
        "params": {"order": {"$expr": "event.payload.id"}}, "overlap": "queue_all", "limit": 3,
        "priority": "high", "enabled": False, "description": "Large orders.",
    },
    "debounced": {"event": "order.created", "debounce": "5m", "params": {"orders": {"$expr": "size(events)"}}},
    "batched": {"event": "order.created", "batch": {"size": 100, "within": "1m"}},
}  # fmt: skip


@pytest.mark.parametrize("name", ALL)
def test_plain_data_is_read_and_written_the_same(name: str) -> None:
    trigger = Trigger.read(name, ALL[name])
    assert trigger.document() == ALL[name]
    assert Trigger.read(name, trigger.document()) == trigger == Trigger(name=name, **ALL[name])
    assert trigger.source_kind in ALL[name]
    assert trigger.gathers == (name in ("all", "debounced", "batched"))


def test_every_source_has_a_form() -> None:
    assert {Trigger.read(name, document).source_kind for name, document in ALL.items()} == set(SOURCES)


def test_what_is_not_said_has_a_default() -> None:
    files, http = Trigger.read("x", ALL["files"]).files, Trigger.read("x", ALL["http"]).http
    assert files is not None
    assert http is not None
    assert (files.every, files.stable) == (timedelta(seconds=10), timedelta(seconds=5))
    assert (http.every, http.timeout, http.method) == (timedelta(minutes=1), timedelta(seconds=10), "GET")
    run, trigger = Trigger.read("x", ALL["run"]).run, Trigger.read("x", ALL["event"])
    assert run is not None
    assert run.states == ("succeeded",)
    assert (trigger.overlap, trigger.limit, trigger.enabled, trigger.event) == ("allow", 1, True, ("order.created",))


@pytest.mark.parametrize(
    ("name", "ms"), [("debounced", 300_000), ("batched", 60_000), ("all", 3_600_000), ("event", None), ("any", None)]
)
def test_how_long_events_are_gathered(name: str, ms: int | None) -> None:
    assert Trigger.read(name, ALL[name]).gather_ms == ms


WRONG: list[tuple[object, str]] = [
    ("order.created", "a trigger is a mapping with a source, not a str"),
    ({}, "it has no source: give one of event, webhook, run, datasets"),
    ({"event": "a", "run": {"workflow": "x"}}, "run: it has event already: a trigger has one source"),
    ({"event": "a..b"}, "event[0]: 'a..b' is no name of an event such as order.created"),
    ({"event": "order.cre*"}, "event[0]: 'order.cre*' is no name of an event"),
    ({"event": []}, "event: it needs at least one"),
    ({"event": 5}, "event: should be a list, not 5"),
    ({"event": "a", "whne": "true"}, "whne: there is no such field (did you mean 'when'?)"),
    (
        {"webhook": {"secret": "hunter2"}},
        "webhook.secret: a secret is named, not written out (give env:NAME or file:/path)",
    ),
    (
        {"webhook": {"secret": "env:ORCHESTRATOR_REDIS_URL"}},
        "webhook.secret: ORCHESTRATOR_REDIS_URL is a setting of the engine",
    ),
    (
        {"webhook": {"secret": "env:X", "schem": "github"}},
        "webhook.schem: there is no such field (did you mean 'scheme'?)",
    ),
    ({"webhook": {}}, "webhook.secret: is required"),
    (
        {"run": {"workflow": "a", "states": ["running"]}},
        "run.states[0]: no run ends as 'running': there are cancelled, failed",
    ),
    ({"datasets": {}}, "datasets: give either any or all: names of datasets"),
    ({"datasets": {"any": ["a"], "within": "5m"}}, "datasets: within goes with all"),
    ({"datasets": {"all": ["a"]}, "debounce": "5m"}, "debounce: it gathers all of its datasets already"),
    ({"files": {"path": "/in/*.csv", "every": "often"}}, "files.every: cannot read 'often' as a length of time"),
    (
        {"files": {"path": "in/*.csv"}},
        "files.path: 'in/*.csv' is relative: write it from /, or as a URL",
    ),
    ({"files": {"path": "~/in/*"}}, "files.path: '~/in/*' is relative: write it from /, or as a URL"),
    ({"files": {"path": "file://in/*"}}, "files.path: 'file://in/*' is relative: write it from /, or as a URL"),
    ({"http": {"url": "ftp://x/y"}}, "http.url: it is no address of http:// or https://"),
    (
        {"http": {"url": "https://u:p@x/y"}},
        "http.url: there is a password in the address: refer to it by env:NAME or file:/path",
    ),
    ({"sql": {"url": "postgresql://u:p@h/db", "query": "select 1"}}, "sql.url: there is a password in the address"),
    (
        {"sql": {"url": "shop.db", "query": "select 1"}},
        "sql.url: it is no address: write it as SCHEME://HOST/…, or refer to one",
    ),
    (
        {"redis_stream": {"stream": "a", "url": "redis://:p@h/0"}},
        "redis_stream.url: there is a password in the address",
    ),
    ({"event": "a", "batch": {"size": 0, "within": "5m"}}, "batch.size: should be greater than or equal to 1, not 0"),
    ({"event": "a", "debounce": "5m", "batch": {"size": 2, "within": "5m"}}, "batch: it has debounce already"),
    ({"event": "a", "limit": 3}, "limit: it counts only with an overlap other than allow"),
    (
        {"event": "a", "when": "evnt.name == 'a'"},
        "when: evnt.name == 'a': there is no variable 'evnt' (did you mean 'event'?)",
    ),
    ({"event": "a", "when": "event."}, "when: "),
    ({"event": "a", "when": "1"}, "when: 1: a condition must be true or false, not a number"),
    ({"event": "a", "when": "'a'"}, "when: 'a': a condition must be true or false, not text"),
    ({"event": "a", "when": "null"}, "when: null: a condition must be true or false, not "),
    ({"event": "a", "when": "1 / 0 == 1"}, "when: 1 / 0 == 1: "),
    ({"event": "a", "when": "[1].map(x, x)"}, "when: [1].map(x, x): a condition must be true or false, not a list"),
    (
        {"event": "a", "params": {"n": {"$expr": "size(events)"}}},
        "params.n.$expr: size(events): there is no variable 'events' (did you mean 'event'?)",
    ),
]


@pytest.mark.parametrize(("document", "message"), WRONG)
def test_one_mistake_is_one_line_with_its_path(document: object, message: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        Trigger.read("x", document)
    assert str(caught.value).startswith(f"trigger 'x': {message}")
    assert "\n" not in str(caught.value)
    if isinstance(document, dict):
        with pytest.raises(DefinitionError) as again:
            Trigger(name="x", **document)
        assert str(again.value) == str(caught.value)


@pytest.mark.parametrize(
    "document",
    [
        {"webhook": {"secret": "hunter2"}},
        {"webhook": {"secret": ["hunter2"]}},
        {"sql": {"url": "postgresql://u:hunter2@h/db", "query": "q"}},
        {"sql": {"url": "postgresql://h/db?user=u&password=hunter2", "query": "q"}},
        {"sql": {"url": "mssql+pyodbc:///?odbc_connect=DRIVER%3Dx%3BPWD%3Dhunter2", "query": "q"}},
        {"redis_stream": {"stream": "s", "url": "redis://hunter2@h/0"}},
        {"rabbitmq": {"queue": "q", "url": "amqp://hunter2@h"}},
        {"kafka": {"topic": "t", "servers": ["u:hunter2@h:9092"]}},
        {"files": {"path": "s3://u:hunter2@bucket/*.csv"}},
        *({"http": {"url": f"https://h/a?b=c&{name}=hunter2"}} for name in (
            "token", "pwd", "password", "secret", "api_key", "apikey", "access_token", "key", "sig", "X-Amz-Signature",
            "client_secret", "api%5Fkey",
        )),
        {"http": {"url": "https://hunter2@h/a"}},
        {"http": {"url": "https://:hunter2@h/a"}},
        *({"http": {"url": "https://h/a", "headers": {name: value}}} for name, value in (
            ("Authorization", "Bearer hunter2"), ("authorization", "hunter2"), ("Cookie", "session=hunter2"),
            ("Proxy-Authorization", "Basic hunter2"), ("X-Api-Key", "hunter2"), ("X_API_KEY", ["hunter2"]),
            ("X-Auth-Token", "hunter2"), ("X-Secret", "hunter2"), ("X-Shop-Password", "hunter2"), ("apikey", "hunter2"),
            ("Authorization", "Bearer env:hunter2"), ("Authorization", "env:no hunter2"), ("X-Shop", "ghp_hunter2abcdef"),
        )),
    ],
    ids=str,
)  # fmt: skip
def test_a_secret_that_was_written_out_is_refused_and_not_repeated(document: dict[str, Any]) -> None:
    with pytest.raises(
        DefinitionError, match=r"is named, not written out|refer to it by|HOST:PORT|there is a secret"
    ) as caught:
        Trigger.read("x", document)
    assert "hunter2" not in str(caught.value)


def test_headers_and_options_that_hold_no_secret_may_be_written_out() -> None:
    headers = {"Accept": "text/plain", "X-Shop": "north", "X-Api-Key": "file:/run/secrets/key", "Cookie": "env:COOKIE"}
    for document in (
        {"http": {"url": "https://h/a@b?page=2&sort_key=day&q=token", "headers": headers}},
        {"sql": {"url": "sqlite:////data/shop.db?mode=ro", "query": "q"}},
        {"sql": {"url": "mysql+pymysql://h/db?ssl_key=/etc/key.pem", "query": "q"}},
    ):
        assert Trigger.read("x", document).document() == document


def test_a_condition_that_is_always_the_same_is_one() -> None:
    for text in ("true", "false", "1 < 2", "[1, 2].exists(x, x == 2)"):
        assert Trigger(event="a", when=text).when == text


def test_names_of_events_have_no_star() -> None:
    assert check_event("order.created") == "order.created"
    for bad in ("order.*", "", ".a", "a b", "a" * 201):
        with pytest.raises(ValueError, match="is no name of an event"):
            check_event(bad)


class Params(BaseModel):
    order: str


def shipping() -> Workflow:
    made = Workflow("ship", params=Params)
    made.job("ship", app.signature("shop.ship", kwargs={"order": made.params.order}))
    return made


def test_a_workflow_in_python_takes_fields_and_triggers() -> None:
    made = shipping()
    paid = made.trigger(name="paid", event="order.paid", params={"order": {"$expr": "event.payload.id"}})
    again = made.trigger(Trigger(name="again", run={"workflow": "pay"}, params={"order": "last"}))
    assert dict(made.triggers) == {"paid": paid, "again": again}
    assert Workflow.from_definition(made.definition()).triggers == made.triggers
    assert made.compile().digest == shipping().compile().digest
    with pytest.raises(DefinitionError, match="there is already a trigger 'paid'"):
        made.trigger(name="paid", event="x", params={"order": "y"})
    with pytest.raises(DefinitionError, match=r"has its fields already \(limit\)"):
        made.trigger(paid, limit=3)
    with pytest.raises(DefinitionError) as caught:
        made.trigger(name="wrong", event="x", params={"ordr": 1})
    assert "trigger 'wrong': 2 things are wrong:" in str(caught.value)
    assert "params.ordr: there is no such parameter (did you mean 'order'?)" in str(caught.value)


def test_the_decorator_takes_them_along() -> None:
    @workflow(triggers=[Trigger(event="order.paid")])
    def ship(made) -> None:
        made.job("ship", app.signature("shop.ship"))

    assert list(ship.triggers) == ["default"]


def document(triggers: dict[str, Any]) -> dict[str, Any]:
    free = {"type": "object", "additionalProperties": True}
    return {"name": "ship", "params": free, "triggers": triggers, "jobs": {"ship": {"task": "shop.ship"}}}


def test_a_workflows_document_holds_them_and_comes_back() -> None:
    definition = load(json.dumps(document(ALL)))
    assert {name: trigger.document() for name, trigger in definition.triggers.items()} == ALL
    assert load(dump(definition)) == definition
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.Draft202012Validator(schema()).validate(document(ALL))


@pytest.mark.parametrize(
    "wrong", [{}, {"event": "a", "run": {"workflow": "b"}}, {"event": "a", "x": 1}, {"webhook": {}}]
)
def test_the_schema_refuses_what_load_refuses(wrong: dict[str, Any]) -> None:
    assert not jsonschema.Draft202012Validator(schema()).is_valid(document({"x": wrong}))


def test_mistakes_in_a_document_have_places() -> None:
    text = "name: ship\ntriggers:\n  paid: {event: [order.paid, a b], params: {x: 1}}\n  hook: {webhook: {secret: hunter2}}\njobs: {a: {task: t}}"
    with pytest.raises(DocumentError) as caught:
        load(text, "f.yaml")
    assert str(caught.value).splitlines()[1:] == [
        "  f.yaml:3:30: triggers.paid.event[1]: 'a b' is no name of an event such as order.created, with * for a whole part or none",
        "  f.yaml:3:48: triggers.paid.params.x: the workflow has no parameters, so none can be given",
        "  f.yaml:4:28: triggers.hook.webhook.secret: a secret is named, not written out (give env:NAME or file:/path)",
    ]
