"""The sources of the events that start runs: one model of plain data for each kind."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from orchestrator.model.secret_patterns import carries_secret, holds_secret
from orchestrator.model.secrets import check_reference
from orchestrator.model.states import FINAL_RUN_STATES
from orchestrator.model.workflow import Name
from orchestrator.starters.fields import Length, Plain, one_or_more, validator

EVENT = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", re.ASCII)
PATTERN = re.compile(r"(\*|[A-Za-z0-9_-]+)(\.(\*|[A-Za-z0-9_-]+))*", re.ASCII)
LONGEST_NAME = 200
HOW_TO_REFER = "env:NAME or file:/path"
FINAL_STATES = tuple(sorted(state.name for state in FINAL_RUN_STATES))


def check_event(name: str) -> str:
    """Return the name of an event, such as `order.created`.

    Raises:
        ValueError: the name is not allowed. The error says which names are.
    """
    if len(name) > LONGEST_NAME or not EVENT.fullmatch(name):
        raise ValueError(f"{name[:60]!r} is no name of an event such as order.created: letters, digits, '_', '-', dots")
    return name


def _pattern(name: str) -> str:
    if len(name) > LONGEST_NAME or not PATTERN.fullmatch(name):
        raise ValueError(f"{name[:60]!r} is no name of an event such as order.created, with * for a whole part or none")
    return name


def _secret(value: Any) -> str:
    """Check a reference to a secret. The error does not repeat another value, which may be the secret."""
    text = value if isinstance(value, str) else ""
    check_reference(text)
    return text


def _headers(value: Any) -> Any:
    """Refuse headers in which a secret is written out. The model finds other mistakes."""
    for name, text in value.items() if isinstance(value, dict) else ():
        plain = not isinstance(text, str) or not _refers(text)
        if plain and (carries_secret(str(name)) or holds_secret(str(text))):
            what = "a secret is named, not written out: refer to the header's whole value"
            raise ValueError(f"{str(name)[:60]}: {what} by {HOW_TO_REFER}")
        if not plain:
            check_reference(text)
    return value


def _server(text: str) -> str:
    """Check a reference, or an address without a secret and without a user: a user is often a token."""
    if _refers(text):
        return _secret(text)
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ValueError("it cannot be read as an address") from None
    if not parts.scheme or "://" not in text:
        raise ValueError(f"it is no address: write it as SCHEME://HOST/…, or refer to one by {HOW_TO_REFER}")
    if parts.password is not None:
        raise ValueError(f"there is a password in the address: refer to it by {HOW_TO_REFER}")
    if "@" in parts.netloc:
        raise ValueError(f"there is a user in the address: refer to it by {HOW_TO_REFER}")
    if holds_secret(text):
        raise ValueError(f"there is a secret in the address: refer to it by {HOW_TO_REFER}")
    return text


def _refers(text: str) -> bool:
    return text.startswith(("env:", "file:/")) and "://" not in text


def _page(text: str) -> str:
    if _refers(_server(text)) or urlsplit(text).scheme in ("http", "https"):
        return text
    raise ValueError("it is no address of http:// or https://")


def _broker(text: str) -> str:
    if "@" in text or holds_secret(text):
        raise ValueError("there is a user or a secret in it: write a server of Kafka as HOST:PORT")
    return text


def _pattern_of_files(text: str) -> str:
    """Check a URL without a secret, or a path that is the same for every scheduler, wherever it was started."""
    if holds_secret(text):
        raise ValueError("there is a secret in it: leave it to the settings of the file system's fsspec package")
    path = text.removeprefix("file://")
    if not path.startswith("/") and (path != text or "://" not in text):
        raise ValueError(f"{text[:60]!r} is relative: write it from /, or as a URL")
    return text


def _final(state: str) -> str:
    if state not in FINAL_STATES:
        raise ValueError(f"no run ends as {state[:40]!r}: there are {', '.join(FINAL_STATES)}")
    return state


EventPattern = Annotated[str, AfterValidator(_pattern)]
EventPatterns = Annotated[tuple[EventPattern, ...], one_or_more]
Names = Annotated[tuple[Name, ...], one_or_more]
SecretRef = Annotated[str, BeforeValidator(validator(_secret)), Field(description=f"A reference: {HOW_TO_REFER}.")]
ServerUrl = Annotated[
    str, AfterValidator(validator(_server)), Field(description=f"An address, or a reference: {HOW_TO_REFER}.")
]
PageUrl = Annotated[
    str, AfterValidator(validator(_page)), Field(description=f"An address, or a reference: {HOW_TO_REFER}.")
]
Text = Annotated[str, Field(min_length=1, max_length=1000)]
Query = Annotated[str, Field(min_length=1, max_length=10_000)]


class Webhook(Plain):
    """Signed requests to the trigger's own address."""

    secret: SecretRef
    scheme: Annotated[
        Literal["standard", "github"],
        Field(description="How requests are signed: Standard Webhooks, or as GitHub does."),
    ] = "standard"


class RunEnds(Plain):
    """The end of runs of other workflows."""

    workflow: Names
    states: Annotated[tuple[Annotated[str, AfterValidator(_final)], ...], one_or_more] = ("succeeded",)


class Datasets(Plain):
    """Updates of datasets: of `any` of them, or of `all`, none of which may then be older than `within`."""

    any: Names | None = None
    all: Names | None = None
    within: Length | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.any is None) == (self.all is None):
            raise ValueError("give either any or all: names of datasets")
        if self.within is not None and self.all is None:
            raise ValueError("within goes with all")
        return self


class Files(Plain):
    """New files that match a glob, which is a path of the scheduler's machine or a URL that fsspec knows."""

    path: Annotated[Text, AfterValidator(_pattern_of_files)]
    every: Annotated[Length, Field(description="How often the scheduler looks for them.")] = timedelta(seconds=10)
    stable: Annotated[Length, Field(description="How long a file must not have changed.")] = timedelta(seconds=5)


class Http(Plain):
    """The content of a web page, which is requested every so often."""

    url: PageUrl
    every: Length = timedelta(minutes=1)
    method: Literal["GET", "POST", "HEAD"] = "GET"
    headers: Annotated[
        dict[Text, Text],
        BeforeValidator(validator(_headers)),
        Field(description=f"Headers by name: texts, or references ({HOW_TO_REFER}) to whole values."),
    ] = {}  # noqa: RUF012 — pydantic copies it
    timeout: Length = timedelta(seconds=10)


class Sql(Plain):
    """The rows of a database query, which is made every so often."""

    url: ServerUrl
    query: Query
    every: Length = timedelta(minutes=1)


class RedisStream(Plain):
    """Messages of a Redis stream, read by a consumer group. Without `url` it is in the Redis that holds the state."""

    stream: Text
    url: ServerUrl | None = None
    group: Text = "orchestrator"


class RabbitMQ(Plain):
    """Messages of a RabbitMQ queue. Without `url` the queue is on the broker."""

    queue: Text
    url: ServerUrl | None = None


class Kafka(Plain):
    """Messages of a Kafka topic, read by a consumer group."""

    topic: Text
    servers: Annotated[tuple[Annotated[Text, AfterValidator(_broker)], ...], one_or_more]
    group: Text = "orchestrator"
