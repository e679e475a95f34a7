"""What a client does with events, without I/O: emit them, take the messages of webhooks, ask what became of them.

An event is checked by every trigger that it concerns before anything is stored: a payload that does not fit is told to
who sent it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic_core import PydanticSerializationError, to_jsonable_python

from orchestrator.client.flows import Flow, read, transit
from orchestrator.client.infos import Delivery, Emitted, delivery_info
from orchestrator.expressions.language import Expression
from orchestrator.model.errors import DefinitionError, NotFound, ParameterError, Unavailable
from orchestrator.model.ids import new_run_id
from orchestrator.model.workflow import check_name
from orchestrator.scheduling.catalogue import CurrentVersion, name_of, read_workflows
from orchestrator.scheduling.matching import Event, Listening, concerns, params_of, stored_id
from orchestrator.starters.sources import check_event
from orchestrator.starters.trigger import Trigger
from orchestrator.state.keys import Keys
from orchestrator.state.reads import starters
from orchestrator.state.reads.starters import StarterRecord
from orchestrator.state.transitions.events import Deliver, Duplicate

MAX_ID = 300
"""Characters that the id of a delivery may have."""
LOOKED_THROUGH = 1_000
"""Newest deliveries among which one is found by the id that its sender gave it."""
_NAMED = 10


@dataclass(slots=True)
class Ears:
    """Which trigger listens to what, as last read: it holds while the number of edits is the same."""

    edits: int = -1
    listening: Listening = field(default_factory=lambda: Listening(()))
    heads: dict[str, CurrentVersion | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook's trigger."""

    id: str
    workflow: str
    trigger: Trigger
    paused: bool


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a webhook's message: kept, let go by the trigger's `when`, or here already."""

    status: Literal["accepted", "ignored", "duplicate"]
    runs: Sequence[str] = ()


def emit(keys: Keys, ears: Ears, name: str, payload: Any, given: str | None, source: str) -> Flow[Emitted]:
    """Keep an event for the triggers that listen to its name."""
    return (yield from _send(keys, ears, "event", name, payload, given, source))


def emit_dataset(keys: Keys, ears: Ears, name: str, payload: Any, given: str | None, source: str) -> Flow[Emitted]:
    """Tell that a dataset was written by somebody else than a workflow."""
    return (yield from _send(keys, ears, "dataset", name, payload, given, source))


def _send(keys: Keys, ears: Ears, kind: str, name: str, payload: Any, given: str | None, source: str) -> Flow[Emitted]:
    try:
        check_event(name) if kind == "event" else check_name(name)
    except ValueError as error:
        raise ParameterError(str(error)) from None
    if given is not None and not (isinstance(given, str) and 0 < len(given) <= MAX_ID):
        raise ParameterError(f"the id of an event is a text of 1 to {MAX_ID} characters", where=name)
    topic = f"{kind}:{name}"
    body = _body(payload, name)
    given = given or new_run_id()
    now = yield from _hear(keys, ears)
    yield from check(keys, ears, topic, Event(given, name, now, json.loads(body), source))
    own = stored_id(topic, given)
    told = yield from transit(Deliver(own, topic, source, body))
    return Emitted(own, isinstance(told, Duplicate))


def check(keys: Keys, ears: Ears, topic: str, event: Event) -> Flow[int]:
    """Try an event on every trigger that it concerns; return how many let it through. See the errors of `emit`."""
    through = []
    for record, trigger in ears.listening.on(topic):
        with_place = _Place(record.id)
        if with_place.run(concerns, trigger, event):
            through.append((record, trigger))
    for record, trigger in through:
        if trigger.gathers:
            continue  # its parameters come from several events
        head = yield from _head(keys, ears, record.workflow)
        if head is not None:
            with_place = _Place(record.id)
            with_place.run(head.bind, with_place.run(params_of, trigger, [event]))
    return len(through)


class _Place:
    """Says in errors of parameters and expressions which trigger they are about."""

    def __init__(self, trigger: str) -> None:
        self.where = f"trigger {trigger}"

    def run(self, call: Any, *args: Any) -> Any:
        try:
            return call(*args)
        except ParameterError as error:
            where = f"{self.where}: {error.where}" if error.where else self.where
            raise type(error)(error.what, where=where, remedy=error.remedy) from None


def _body(payload: Any, where: str) -> bytes:
    try:
        return json.dumps(to_jsonable_python(payload), allow_nan=False, separators=(",", ":")).encode()
    except (PydanticSerializationError, ValueError, RecursionError) as error:
        if isinstance(error, RecursionError) or "depth exceeded" in str(error):
            raise ParameterError("the payload is nested too deep", where=where) from None
        raise ParameterError(f"the payload is not JSON: {error}", where=where) from None


def _hear(keys: Keys, ears: Ears) -> Flow[int]:
    """Learn of triggers anew if anything has changed; return the time in ms."""
    edits, now = yield from read(starters.pulse(keys))
    if edits != ears.edits:
        ids = yield from read(starters.ids(keys, "trigger"))
        records = yield from read(starters.several(keys, ids))
        ears.listening, ears.heads, ears.edits = Listening(_readable(records)), {}, edits
    return now


def _readable(records: Iterable[StarterRecord]) -> Iterator[tuple[StarterRecord, Trigger]]:
    """Leave out what another version has stored and this one refuses: no run is started by it, as schedulers tell."""
    for each in records:
        if each.enabled:
            try:
                yield each, Trigger.read(name_of(each.id), json.loads(each.spec))
            except DefinitionError:
                continue


def _head(keys: Keys, ears: Ears, workflow: str) -> Flow[CurrentVersion | None]:
    heads = ears.heads
    if workflow not in heads:
        heads |= yield from read(read_workflows(keys, [workflow]))
    return heads[workflow]


# -- webhooks -----------------------------------------------------------------------------------------------------


def find_hook(keys: Keys, token: str) -> Flow[Hook | None]:
    """Read which trigger a token belongs to; None where there is none, or its definition disables it."""
    own = yield from read(starters.hook(keys, token))
    record = None if own is None else (yield from read(starters.one(keys, own)))
    if record is None or record.token != token:
        return None
    trigger = Trigger.read(name_of(record.id), json.loads(record.spec))
    return Hook(record.id, record.workflow, trigger, record.paused_ms is not None) if trigger.enabled else None


def take(keys: Keys, ears: Ears, hook: Hook, delivery: str, payload: Any, headers: Mapping[str, str]) -> Flow[Taken]:
    """Keep a webhook's message."""
    if hook.paused:
        raise Unavailable("this hook is paused", remedy="send the message again later")
    topic, source = f"hook:{hook.id}", "webhook"
    body = _body(payload, hook.id)
    now = yield from _hear(keys, ears)
    event = Event(delivery, hook.id, now, json.loads(body), source, headers)
    if hook.trigger.id is not None:
        delivery = str(_Place(hook.id).run(_value, hook.trigger.id, event))
    own = stored_id(topic, delivery)
    known = yield from read(starters.deliveries(keys, [own]))
    if not known:
        if not (yield from check(keys, ears, topic, event)):
            return Taken("ignored")
        told = yield from transit(Deliver(own, topic, source, body, json.dumps(dict(headers)).encode()))
        if not isinstance(told, Duplicate):
            return Taken("accepted")
        known = yield from read(starters.deliveries(keys, [own]))
    return Taken("duplicate", delivery_info(known[0]).runs if known else ())


def _value(expression: str, event: Event) -> Any:
    return Expression(expression).value(event=event.variable())


# -- deliveries ---------------------------------------------------------------------------------------------------


def deliveries(keys: Keys, limit: int, name: str | None) -> Flow[list[Delivery]]:
    """Read the newest deliveries, the newest first; only those of an event's name or a topic if one is given."""
    ids = yield from read(starters.latest_deliveries(keys, limit if name is None else 10 * limit))
    found = yield from read(starters.deliveries(keys, ids))
    if name is not None:
        found = [each for each in found if name in (each.topic, each.topic.partition(":")[2])]
    return [delivery_info(each) for each in found[:limit]]


def delivery(keys: Keys, own: str) -> Flow[Delivery]:
    """Read one delivery, with what became of it, by its id, or if it is among the newest by the one its sender gave."""
    found = yield from read(starters.deliveries(keys, [own]))
    if not found:
        latest = yield from read(starters.latest_deliveries(keys, LOOKED_THROUGH))
        alike = [each for each in latest if each.endswith(f":{own}")]
        if len(alike) > 1:
            named = ", ".join(alike[:_NAMED]) + (" …" if len(alike) > _NAMED else "")
            raise NotFound(f"{len(alike)} deliveries have the id {own!r}: {named}", remedy="give one of these whole")
        found = yield from read(starters.deliveries(keys, alike))
    if not found:
        raise NotFound(f"there is no delivery {own!r}", remedy="orchestrator events list shows them")
    return delivery_info(found[0])
