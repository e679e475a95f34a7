"""The transitions of worker nodes: they register, beat, subscribe, leave and are reaped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from orchestrator.state.transitions.base import Reply, Transition
from orchestrator.state.transitions.replies import Gone
from orchestrator.state.transitions.values import GoneNode, Held, Kill, Permits, Subscription


@dataclass(frozen=True, slots=True)
class Welcome(Reply):
    """The node is registered under this incarnation."""

    tag: ClassVar[str] = "welcome"
    incarnation: int


@dataclass(frozen=True, slots=True)
class Taken(Reply):
    """A live node has the name. `info` is its JSON for people; its last beat was `silent_ms` ago."""

    tag: ClassVar[str] = "taken"
    info: bytes
    silent_ms: int


@dataclass(frozen=True, slots=True)
class Beaten(Reply):
    """The node's leases are renewed.

    `kills` are attempts to end. `unanswered` is the highest number of rounds of healing, on the queues that this idle
    node serves, since any node last took a permit there: 0 where all is well.
    """

    tag: ClassVar[str] = "beaten"
    kills: tuple[Kill, ...]
    permits: tuple[Permits, ...]
    unanswered: int


@dataclass(frozen=True, slots=True)
class Subscribed(Reply):
    """The node's routes are known."""

    tag: ClassVar[str] = "subscribed"


@dataclass(frozen=True, slots=True)
class Left(Reply):
    """The node is closed, and the attempts that it still held are handed back."""

    tag: ClassVar[str] = "left"
    permits: tuple[Permits, ...]


@dataclass(frozen=True, slots=True)
class Reaped(Reply):
    """Nodes past their lease are closed: those that are `gone`, with `lost` attempts together."""

    tag: ClassVar[str] = "reaped"
    lost: int
    gone: tuple[GoneNode, ...]
    permits: tuple[Permits, ...]


@dataclass(frozen=True, slots=True)
class Register(Transition[Welcome | Taken]):
    """A node comes in. A live node of the same name keeps the name; a draining one makes room and ends its jobs.

    A node of that name that was silent for over two beats is closed, and what it held is lost. `info` is JSON for
    people: host, pid, pool, versions, name of the broker. `broker` has the ids of the broker that it listens to, with a
    space between two (see `dispatch.broker`); it is empty where that is unknown.
    """

    script: ClassVar[str] = "register"
    node: str
    subscriptions: tuple[Subscription, ...]
    slot_count: int
    info: bytes = b"{}"
    broker: str = ""


@dataclass(frozen=True, slots=True)
class Beat(Transition[Beaten | Gone]):
    """A node is alive: it reports the attempts of its slots and the number of idle slots.

    `known_tasks` are the names of the tasks that the node knows, a line each, empty where they are the same as before.
    `number` counts the node's beats: one that is sent again counts nothing twice. `draining` is 1 from when the node is
    told to end.
    """

    script: ClassVar[str] = "beat"
    node: str
    incarnation: int
    number: int
    idle: int
    draining: int
    held: tuple[Held, ...]
    known_tasks: str = ""


@dataclass(frozen=True, slots=True)
class Subscribe(Transition[Subscribed | Gone]):
    """A node takes from other queues than before: consumers were added or cancelled at run time."""

    script: ClassVar[str] = "subscribe"
    node: str
    incarnation: int
    subscriptions: tuple[Subscription, ...]


@dataclass(frozen=True, slots=True)
class Leave(Transition[Left | Gone]):
    """A node closes in good order; the attempts of its slots are handed back, and no loss counts."""

    script: ClassVar[str] = "leave"
    node: str
    incarnation: int


@dataclass(frozen=True, slots=True)
class Reap(Transition[Reaped]):
    """Close nodes past their lease and publish permits again where work waits beside idle slots.

    Permits are for the nodes that listen to the caller's `broker` (its ids, see `Register`): the others would not hear
    them. An unknown broker is taken for the same.

    `server` is the run id of the Redis server: another one than before means that it was restarted, and all leases
    start afresh.
    """

    script: ClassVar[str] = "reap"
    server: str
    broker: str = ""
