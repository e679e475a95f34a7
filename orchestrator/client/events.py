"""Events, which come from outside, and their deliveries: `client.events`.

An event is tried on every trigger that listens to it before anything is stored. So the sender of a payload that does
not fit gets an error.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pydantic_core import PydanticSerializationError, to_jsonable_python

from orchestrator.client.session import Noun, Session
from orchestrator.client.steps import Steps, change, read
from orchestrator.model.errors import NotFound, ParameterError
from orchestrator.model.ids import new_run_id
from orchestrator.model.starts import DeliveryInfo, Emitted
from orchestrator.model.workflow import check_name
from orchestrator.scheduling.catalogue import Catalogue
from orchestrator.scheduling.matching import Event, concerns, params_of, stored_id
from orchestrator.starters.sources import check_event
from orchestrator.starters.trigger import Trigger
from orchestrator.state.reads import starters
from orchestrator.state.reads.starters import DeliveryRecord
from orchestrator.state.transitions.events import Deliver, Duplicate

MAX_ID = 300
"""Characters that the id of a delivery may have."""
LOOKED_THROUGH = 1_000
"""Newest deliveries among which one is found by the id that its sender gave it."""
_NAMED = 10


class EventsSteps(Noun):
    """Events from outside, and their deliveries."""

    def emit(self, name: str, payload: Any = None, id: str | None = None, *, source: str = "emit") -> Steps[Emitted]:
        """Send an event to the triggers that listen to its name (`order.paid`).

        `payload` is anything that JSON can say. An event with the same `id` is taken once: a second time changes
        nothing, and the answer says `duplicate`. `source` says where the event comes from, for people.

        Raises:
            ParameterError: the name, the id or the payload is not valid, or a trigger can make no run of the payload;
                an `ExpressionError` if it is an expression of the trigger that fails. Nothing is stored.
        """
        _check(check_event, name)
        return (yield from self._send(f"event:{name}", name, payload, id, source))

    def emit_dataset(
        self, name: str, payload: Any = None, id: str | None = None, *, source: str = "emit"
    ) -> Steps[Emitted]:
        """Say that a dataset was written by a program outside. Workflows that produce a dataset say so by themselves.

        Arguments and answer are those of `emit`.

        Raises:
            ParameterError: as by `emit`.
        """
        _check(check_name, name)
        return (yield from self._send(f"dataset:{name}", name, payload, id, source))

    def get(self, delivery: str) -> Steps[DeliveryInfo]:
        """Return one delivery, with the runs that it started.

        `delivery` is its id, or the id that its sender gave, if it is among the newest 1,000.

        Raises:
            NotFound: there is no such delivery, or there are several.
        """
        found = yield from read(starters.deliveries(self.keys, [delivery]))
        if not found:
            latest = yield from read(starters.latest_deliveries(self.keys, LOOKED_THROUGH))
            alike = [each for each in latest if each.endswith(f":{delivery}")]
            if len(alike) > 1:
                named = ", ".join(alike[:_NAMED]) + (" …" if len(alike) > _NAMED else "")
                what = f"{len(alike)} deliveries have the id {delivery!r}: {named}"
                raise NotFound(what, remedy="give one of these whole")
            found = yield from read(starters.deliveries(self.keys, alike))
        if not found:
            raise NotFound(f"there is no delivery {delivery!r}", remedy="orchestrator events list shows them")
        return delivery_info(found[0])

    def list(self, limit: int = 50, name: str | None = None) -> Steps[Sequence[DeliveryInfo]]:
        """Return the newest deliveries, the newest first. `name` is an event or a topic; others are left out then."""
        ids = yield from read(starters.latest_deliveries(self.keys, limit if name is None else 10 * limit))
        found = yield from read(starters.deliveries(self.keys, ids))
        if name is not None:
            found = [each for each in found if name in (each.topic, each.topic.partition(":")[2])]
        return [delivery_info(each) for each in found[:limit]]

    def _send(self, topic: str, name: str, payload: Any, given: str | None, source: str) -> Steps[Emitted]:
        if given is not None and not (isinstance(given, str) and 0 < len(given) <= MAX_ID):
            raise ParameterError(f"the id of an event is a text of 1 to {MAX_ID} characters", where=name)
        body = body_of(payload, name)
        given = given or new_run_id()
        now = yield from read(starters.clock(self.keys))
        yield from try_on(self.session, topic, Event(given, name, now, json.loads(body), source))
        delivery = stored_id(topic, given)
        reply = yield from change(self.session, Deliver(delivery, topic, source, body))
        return Emitted(delivery, isinstance(reply, Duplicate))


def try_on(session: Session, topic: str, event: Event) -> Steps[int]:
    """Try an event on every trigger that listens to its topic, and return how many let it through.

    Raises:
        ParameterError: a trigger can make no run of it. See `EventsSteps.emit`.
    """
    catalogue = yield from read(session.shared.catalogue.refreshed(session.keys))
    listening = yield from read(catalogue.listening())
    through = []
    for record, trigger in listening.on(topic):
        with at_trigger(record.id):
            if record.paused_ms is None and concerns(trigger, event):
                through.append((record, trigger))
    yield from read(catalogue.learn_workflows(record.workflow for record, _ in through))
    for record, trigger in through:
        if not trigger.gathers:  # the parameters of one that gathers come from several events
            with at_trigger(record.id):
                _bind(catalogue, record.workflow, trigger, event)
    return len(through)


def _bind(catalogue: Catalogue, workflow: str, trigger: Trigger, event: Event) -> None:
    try:
        head = catalogue.workflow(workflow)
    except NotFound:
        return  # a workflow that is not offered starts nothing
    head.bind(params_of(trigger, [event]))


@contextmanager
def at_trigger(trigger: str) -> Iterator[None]:
    """Let errors of parameters and expressions say which trigger they are about."""
    try:
        yield
    except ParameterError as error:
        where = f"trigger {trigger}: {error.where}" if error.where else f"trigger {trigger}"
        raise type(error)(error.what, where=where, remedy=error.remedy) from None


def body_of(payload: Any, where: str) -> bytes:
    """Return a payload as JSON.

    Raises:
        ParameterError: JSON cannot say it.
    """
    try:
        return json.dumps(to_jsonable_python(payload), allow_nan=False, separators=(",", ":")).encode()
    except (PydanticSerializationError, ValueError, RecursionError) as error:
        if isinstance(error, RecursionError) or "depth exceeded" in str(error):
            raise ParameterError("the payload is nested too deep", where=where) from None
        raise ParameterError(f"the payload is not JSON: {error}", where=where) from None


def delivery_info(record: DeliveryRecord) -> DeliveryInfo:
    """Return a delivery as callers see it."""
    return DeliveryInfo(record.id, record.topic, record.source, record.at_ms, json.loads(record.body), record.outcomes)


def _check(check: Callable[[str], str], name: str) -> None:
    try:
        check(name)
    except ValueError as error:
        raise ParameterError(str(error)) from None
