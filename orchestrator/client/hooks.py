"""Webhooks, for the process that takes their messages: `client.hooks`. Signatures are checked before all of this."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from orchestrator.client.events import at_trigger, body_of, delivery_info, try_on
from orchestrator.client.session import Noun
from orchestrator.client.steps import Steps, change, read
from orchestrator.expressions.language import Expression
from orchestrator.model.errors import Unavailable
from orchestrator.model.ids import name_of
from orchestrator.model.starts import HookDelivery
from orchestrator.scheduling.matching import Event, stored_id
from orchestrator.starters.infos import HookInfo
from orchestrator.starters.trigger import Trigger
from orchestrator.state.reads import starters
from orchestrator.state.transitions.events import Deliver, Duplicate


class HooksSteps(Noun):
    """The webhooks, for the process that takes their messages."""

    def find(self, token: str) -> Steps[HookInfo | None]:
        """Return the webhook with a token; None if there is none, or its definition disables it."""
        trigger_id = yield from read(starters.hook(self.keys, token))
        record = None if trigger_id is None else (yield from read(starters.one(self.keys, trigger_id)))
        if record is None or record.token != token:
            return None
        trigger = Trigger.read(name_of(record.id), json.loads(record.spec))
        return HookInfo(record.id, record.workflow, trigger, record.paused_ms is not None) if trigger.enabled else None

    def deliver(
        self, hook: HookInfo, delivery: str, payload: Any, headers: Mapping[str, str], received_ms: int
    ) -> Steps[HookDelivery]:
        """Store a message whose signature was checked. The same `delivery` again is stored once.

        `received_ms` is the caller's time; the stored time is that of Redis.

        Raises:
            Unavailable: the hook is paused.
            ParameterError: no run can be made of the message; an `ExpressionError` if it is an expression of the
                trigger that fails. Nothing is stored.
        """
        if hook.paused:
            raise Unavailable("this hook is paused", remedy="send the message again later")
        topic, source = f"hook:{hook.id}", "webhook"
        body = body_of(payload, hook.id)
        now = yield from read(starters.clock(self.keys))
        event = Event(delivery, hook.id, now, json.loads(body), source, headers)
        if hook.trigger.id is not None:
            identity = Expression(hook.trigger.id)
            with at_trigger(hook.id):
                delivery = str(identity.value(event=event.variable()))
        delivery_id = stored_id(topic, delivery)
        known = yield from read(starters.deliveries(self.keys, [delivery_id]))
        if not known:
            if not (yield from try_on(self.session, topic, event)):
                return HookDelivery("ignored")
            kept_headers = json.dumps(dict(headers)).encode()
            reply = yield from change(self.session, Deliver(delivery_id, topic, source, body, kept_headers))
            if not isinstance(reply, Duplicate):
                return HookDelivery("accepted")
            known = yield from read(starters.deliveries(self.keys, [delivery_id]))
        return HookDelivery("duplicate", delivery_info(known[0]).runs if known else ())
