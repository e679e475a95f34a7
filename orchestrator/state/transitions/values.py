"""The values that requests and replies share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from orchestrator.model.ids import AttemptRef
from orchestrator.state.limits import NO_ATTEMPT, SOME_ATTEMPT

Permit = tuple[str, int]
"""A permit names a route and a priority class."""


class Permits(NamedTuple):
    """Permits to publish: so many `messages` on the queue of a route and priority class."""

    route: str
    priority: int
    messages: int


class Subscription(NamedTuple):
    """The priority classes that a worker takes from one route, the most urgent first."""

    route: str
    classes: tuple[int, ...]


SOME = SOME_ATTEMPT
"""Said of a slot that has, or is about to be given, an attempt that it does not run yet, or not any more."""


class Held(NamedTuple):
    """A slot of a node and the attempt that it runs, None for an idle slot, `SOME` for one between two attempts."""

    slot: str
    ref: str | None


class GoneNode(NamedTuple):
    """A node that was given up, and the attempts that were lost with it, with blanks between them."""

    node: str
    refs: str


class Kill(NamedTuple):
    """An attempt that a node must end: `why` is `cancelled`, `timed_out` or `stale`."""

    slot: str
    ref: str
    why: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """The slot holds an attempt and must now run it.

    `inputs` are the outputs (JSON bytes, empty for none) of the job's planned inputs by job index; None means that they
    are too large for one reply, and the worker reads them in slices (`reads.outputs`). `retries` counts the earlier
    attempts that ended in a retry, `losses` those that were lost with a worker.
    """

    ref: str
    name: str
    spec: bytes
    params: bytes
    retries: int
    losses: int
    workflow: str
    plan: str
    inputs: dict[int, bytes] | None
    parent: str | None = None
    """The attempt that made the first of its inputs; None for a job without inputs, or with too many to list."""

    @classmethod
    def read(cls, body: list[Any]) -> Claimed:
        """Read the list that the fragment `claim_reply` builds."""
        ref, name, spec, params, retries, losses, workflow, plan, mode, parent, *inputs = body
        made_by = AttemptRef(AttemptRef.parse(ref.decode()).run, int(inputs[0]), int(parent)) if int(parent) else None
        return cls(
            ref.decode(), name.decode(), spec, params, int(retries), int(losses), workflow.decode(), plan.decode(),
            None if mode == b"fetch" else dict(zip(map(int, inputs[::2]), inputs[1::2], strict=True)),
            None if made_by is None else str(made_by),
        )  # fmt: skip


def subscriptions_text(subscriptions: Iterable[Subscription]) -> str:
    """Write subscriptions as scripts read them: a line each, the classes' digits before the route."""
    return "\n".join(f"{''.join(map(str, each.classes))} {each.route}" for each in subscriptions)


def held_text(held: Iterable[Held]) -> str:
    """Write the attempts of slots as `beat` reads them: a line each, `-` for none."""
    return "\n".join(f"{slot} {ref or NO_ATTEMPT}" for slot, ref in held)
