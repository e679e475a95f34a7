"""Which trigger a delivery concerns, and the parameters of the run that it starts.

A delivery has a *topic*: `event:<name>` for an emitted event, `hook:<trigger>` for a webhook, `run:<workflow>` for the
end of a run, `dataset:<name>` for a written dataset, `source:<trigger>` for a file, row, answer or message of a
trigger's own source.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from orchestrator.expressions.language import Expression, fill
from orchestrator.starters.trigger import Trigger
from orchestrator.state.reads.starters import DeliveryRecord, StarterRecord


@dataclass(frozen=True, slots=True)
class Event:
    """An event as expressions see it."""

    id: str
    name: str
    at_ms: int
    payload: Any
    source: str
    headers: Mapping[str, str] = field(default_factory=dict)
    """The headers of a webhook, names in lower case, without those that prove the sender's identity."""

    def variable(self) -> dict[str, Any]:
        """Return it as the variable `event`."""
        time = datetime.fromtimestamp(self.at_ms / 1000, UTC)
        return {
            "id": self.id, "name": self.name, "time": time, "payload": self.payload, "source": self.source,
            "headers": dict(self.headers),
        }  # fmt: skip


def stored_id(topic: str, given: str) -> str:
    """Return the id under which a delivery is stored, given the id of its sender.

    The topic is part of it, since two senders may give the same id. An id with control characters is replaced by its
    SHA-256 digest, since lists in the store have one id a line.
    """
    if not given.isprintable():
        given = hashlib.sha256(given.encode(errors="surrogatepass")).hexdigest()
    return f"{topic}:{given}"


def event_of(delivery: DeliveryRecord) -> Event:
    """Return the event of a delivery."""
    name = delivery.topic.partition(":")[2]
    given = delivery.id.removeprefix(f"{delivery.topic}:")
    headers = json.loads(delivery.headers) if delivery.headers else {}
    return Event(given, name, delivery.at_ms, json.loads(delivery.body), delivery.source, headers)


def concerns(trigger: Trigger, event: Event) -> bool:
    """Tell whether the trigger's filter lets the event through.

    Raises ExpressionError if the filter fails on this event.
    """
    if trigger.run is not None and event.payload["state"] not in trigger.run.states:
        return False
    return trigger.when is None or Expression(trigger.when).test(event=event.variable())


def params_of(trigger: Trigger, events: Sequence[Event]) -> dict[str, Any]:
    """Return the parameters of the run that these events start together.

    Raises ExpressionError if an expression of the parameters fails on these events.
    """
    variables: dict[str, Any] = {"event": events[-1].variable()}
    if trigger.gathers:
        variables["events"] = [event.variable() for event in events]
    filled: dict[str, Any] = fill(trigger.params, **variables)
    return filled


class Listening:
    """Triggers by the topics that they listen to."""

    def __init__(self, triggers: Iterable[tuple[StarterRecord, Trigger]]) -> None:
        self._exact: dict[str, list[tuple[StarterRecord, Trigger]]] = defaultdict(list)
        self._patterns: list[tuple[re.Pattern[str], StarterRecord, Trigger]] = []
        for record, trigger in triggers:
            for topic in topics(record.id, trigger):
                if topic.startswith("event:") and "*" in topic:
                    self._patterns.append((_pattern(topic), record, trigger))
                else:
                    self._exact[topic].append((record, trigger))

    def on(self, topic: str) -> list[tuple[StarterRecord, Trigger]]:
        """Return the triggers that a delivery of that topic concerns, each once."""
        found = {record.id: (record, trigger) for record, trigger in self._exact.get(topic, ())}
        for pattern, record, trigger in self._patterns:
            if pattern.fullmatch(topic):
                found[record.id] = record, trigger
        return [found[name] for name in sorted(found)]


def topics(starter: str, trigger: Trigger) -> Iterator[str]:
    """Yield the topics that a trigger listens to."""
    match trigger.source_kind:
        case "event":
            yield from (f"event:{name}" for name in trigger.event or ())
        case "webhook":
            yield f"hook:{starter}"
        case "run":
            assert trigger.run is not None
            yield from (f"run:{name}" for name in trigger.run.workflow)
        case "datasets":
            assert trigger.datasets is not None
            yield from (f"dataset:{name}" for name in (*(trigger.datasets.any or ()), *(trigger.datasets.all or ())))
        case _:
            yield f"source:{starter}"


def _pattern(topic: str) -> re.Pattern[str]:
    """Read a name in which `*` stands for one part between dots."""
    return re.compile(r"[^.]+".join(map(re.escape, topic.split("*"))))
