"""Every transition as a typed value: what a script is given, and what its reply means. No I/O.

One frozen dataclass a script of `scripts/`; its fields are the script's `args:` in order, its reply types the tags of
`returns:`. `Store.run` and `AsyncStore.run` are the only two drivers. A contract test holds these classes against the
scripts' headers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar

from orchestrator.model.errors import ScriptError
from orchestrator.model.states import RunState
from orchestrator.state.transitions.replies import (
    Advanced,
    Beaten,
    Claimed,
    Created,
    Done,
    Dropped,
    Ended,
    Exists,
    Fired,
    Forgotten,
    Gone,
    Held,
    KeyConflict,
    Kill,
    Left,
    Live,
    Marked,
    Missing,
    NoPlan,
    Nothing,
    Reaped,
    Ring,
    Sealed,
    Settled,
    Stale,
    Stored,
    Took,
    Want,
    Welcome,
)

R_co = TypeVar("R_co", covariant=True)

Arg = str | bytes | int
Outcome = str
"""How an attempt ended: `ok`, `failed`, `retry`, `timed_out`, `cancelled`, `skipped`, `unknown` (the node does not
know the task), `returned` (handed back unstarted) or `lost`."""


class Transition(Protocol[R_co]):
    """One call of one state script."""

    @property
    def script(self) -> str:
        """The script's name: the file in `scripts/` without `.lua`."""
        ...

    def args(self) -> Sequence[Arg]:
        """The script's arguments in the order of its header."""
        ...

    def decode(self, reply: list[Any]) -> R_co:
        """Turn the script's tagged reply into a value."""
        ...


@dataclass(frozen=True, slots=True)
class PutPlan:
    """Seal an uploaded plan and make it the workflow's current version."""

    script: ClassVar[str] = "put_plan"
    workflow: str
    plan: str

    def args(self) -> Sequence[Arg]:
        return self.workflow, self.plan

    def decode(self, reply: list[Any]) -> Stored | NoPlan:
        match reply:
            case [b"stored", version]:
                return Stored(int(version), True)
            case [b"same", version]:
                return Stored(int(version), False)
            case [b"noplan"]:
                return NoPlan()
        raise unexpected(self, reply)


@dataclass(frozen=True, slots=True)
class DropUpload:
    """Delete an upload that was never sealed, of a plan of so many jobs."""

    script: ClassVar[str] = "drop_upload"
    plan: str
    jobs: int

    def args(self) -> Sequence[Arg]:
        return self.plan, self.jobs

    def decode(self, reply: list[Any]) -> Dropped | Sealed:
        match reply:
            case [b"dropped"]:
                return Dropped()
            case [b"sealed"]:
                return Sealed()
        raise unexpected(self, reply)


@dataclass(frozen=True, slots=True)
class CreateRun:
    """Create a run of a stored plan and make its first jobs ready.

    `cls` is the run's priority class, `key` an idempotency key or empty, `request` a digest of workflow and parameters
    that guards the key, `facts` what is known of its origin (JSON, or empty).
    """

    script: ClassVar[str] = "create_run"
    run: str
    plan: str
    params: bytes
    cls: int
    key: str = ""
    request: str = ""
    facts: bytes = b""

    def args(self) -> Sequence[Arg]:
        return self.run, self.plan, self.params, self.cls, self.key, self.request, self.facts

    def decode(self, reply: list[Any]) -> Created | Exists | KeyConflict | NoPlan:
        match reply:
            case [b"created", rings, todo]:
                return Created(read_rings(rings), bool(todo))
            case [b"exists", run]:
                return Exists(run.decode())
            case [b"conflict", run]:
                return KeyConflict(run.decode())
            case [b"noplan"]:
                return NoPlan()
        raise unexpected(self, reply)


@dataclass(frozen=True, slots=True)
class Claim:
    """A hand takes the head of its routes.

    `op` counts the hand's operations from 1: the same number again gives the same reply. `permit` is the (route,
    class) of the message that opened the turn, None for a claim without one.
    """

    script: ClassVar[str] = "claim"
    node: str
    incarnation: int
    hand: str
    op: int
    wants: tuple[Want, ...]
    permit: tuple[str, int] | None = None

    def args(self) -> Sequence[Arg]:
        permit = f"{self.permit[1]} {self.permit[0]}" if self.permit else ""
        return self.node, self.incarnation, self.hand, self.op, _wants(self.wants), permit

    def decode(self, reply: list[Any]) -> Took | Nothing | Stale | Gone:
        match reply:
            case [b"took", claimed, rings]:
                return Took(_claimed(claimed), read_rings(rings))
            case [b"nothing", rings]:
                return Nothing(read_rings(rings))
            case [b"stale", state]:
                return Stale(int(state))
            case [b"gone"]:
                return Gone()
        raise unexpected(self, reply)


@dataclass(frozen=True, slots=True)
class Finish:
    """A hand reports the end of its attempt and takes the next.

    `payload` is the output or the error, as JSON bytes. `delay_ms` counts for `retry`, `unknown` and `returned`. With
    no `wants` nothing is claimed; `leave` (the wants of a turn that ends) makes the script ring once for what is left.
    """

    script: ClassVar[str] = "finish"
    node: str
    incarnation: int
    hand: str
    op: int
    ref: str
    outcome: Outcome
    payload: bytes = b""
    delay_ms: int = 0
    wants: tuple[Want, ...] = ()
    leave: tuple[Want, ...] = ()

    def args(self) -> Sequence[Arg]:
        return (
            self.node, self.incarnation, self.hand, self.op, self.ref, self.outcome, self.payload, self.delay_ms,
            _wants(self.wants), _wants(self.leave),
        )  # fmt: skip

    def decode(self, reply: list[Any]) -> Done | Stale | Missing | Gone:
        match reply:
            case [b"done", claimed, rings, todo]:
                return Done(_claimed(claimed) if claimed else None, read_rings(rings), bool(todo))
            case [b"stale", state]:
                return Stale(int(state))
            case [b"missing"]:
                return Missing()
            case [b"gone"]:
                return Gone()
        raise unexpected(self, reply)


@dataclass(frozen=True, slots=True)
class Settle:
    """A node reports the end of an attempt whose hand cannot speak: its process died or was killed.

    The outcomes are those of `Finish` (no `ok`) and `lost`. The hand is closed with it.
    """

    script: ClassVar[str] = "settle"
    node: str
    incarnation: int
    hand: str
    ref: str
    outcome: Outcome
    payload: bytes = b""
    delay_ms: int = 0

    def args(self) -> Sequence[Arg]:
        return self.node, self.incarnation, self.hand, self.ref, self.outcome, self.payload, self.delay_ms

    def decode(self, reply: list[Any]) -> Settled | Stale | Missing | Gone:
        match reply:
            case [b"settled", rings, todo]:
                return Settled(read_rings(rings), bool(todo))
            case [b"stale", state]:
                return Stale(int(state))
            case [b"missing"]:
                return Missing()
            case [b"gone"]:
                return Gone()
        raise unexpected(self, reply)


@dataclass(frozen=True, slots=True)
class Advance:
    """Carry on with what a run's other scripts left in its `todo`, at most a slice of jobs."""

    script: ClassVar[str] = "advance"
    run: str

    def args(self) -> Sequence[Arg]:
        return (self.run,)

    def decode(self, reply: list[Any]) -> Advanced | Missing:
        match reply:
            case [b"more", rings]:
                return Advanced(True, read_rings(rings))
            case [b"clear", rings]:
                return Advanced(False, read_rings(rings))
            case [b"missing"]:
                return Missing()
        raise unexpected(self, reply)


@dataclass(frozen=True, slots=True)
class Register:
    """A node comes in. An older incarnation of the same node is closed, and what it held is lost.

    `info` is JSON for people: host, pid, pool, versions.
    """

    script: ClassVar[str] = "register"
    node: str
    wants: tuple[Want, ...]
    slots: int
    info: bytes = b"{}"

    def args(self) -> Sequence[Arg]:
        return self.node, _wants(self.wants), self.slots, self.info

    def decode(self, reply: list[Any]) -> Welcome:
        match reply:
            case [b"welcome", incarnation]:
                return Welcome(int(incarnation))
        raise unexpected(self, reply)


@dataclass(frozen=True, slots=True)
class Leave:
    """A node goes out in good order; what its hands still hold is handed back and costs no budget."""

    script: ClassVar[str] = "leave"
    node: str
    incarnation: int

    def args(self) -> Sequence[Arg]:
        return self.node, self.incarnation

    def decode(self, reply: list[Any]) -> Left | Gone:
        match reply:
            case [b"left", rings]:
                return Left(read_rings(rings))
            case [b"gone"]:
                return Gone()
        raise unexpected(self, reply)


@dataclass(frozen=True, slots=True)
class Beat:
    """A node says that it lives, what each of its hands holds, and how many slots are idle."""

    script: ClassVar[str] = "beat"
    node: str
    incarnation: int
    idle: int
    held: tuple[Held, ...]

    def args(self) -> Sequence[Arg]:
        lines = "\n".join(f"{hand} {ref or '-'}" for hand, ref in self.held)
        return self.node, self.incarnation, self.idle, lines

    def decode(self, reply: list[Any]) -> Beaten | Gone:
        match reply:
            case [b"ok", kills, rings, deaf]:
                triples = zip(kills[::3], kills[1::3], kills[2::3], strict=True)
                decoded = tuple(Kill(hand.decode(), ref.decode(), why.decode()) for hand, ref, why in triples)
                return Beaten(decoded, read_rings(rings), int(deaf))
            case [b"gone"]:
                return Gone()
        raise unexpected(self, reply)


@dataclass(frozen=True, slots=True)
class Reap:
    """Close nodes past their lease and ring again where work waits beside idle slots.

    `server` is the run id of the Redis server: another one than before means that it was restarted, and all leases
    start afresh.
    """

    script: ClassVar[str] = "reap"
    server: str

    def args(self) -> Sequence[Arg]:
        return (self.server,)

    def decode(self, reply: list[Any]) -> Reaped:
        match reply:
            case [b"reaped", lost, rings]:
                return Reaped(int(lost), read_rings(rings))
        raise unexpected(self, reply)


@dataclass(frozen=True, slots=True)
class Fire:
    """Apply the timers that are due, at most 100, and take those that need Python."""

    script: ClassVar[str] = "fire"

    def args(self) -> Sequence[Arg]:
        return ()

    def decode(self, reply: list[Any]) -> Fired:
        match reply:
            case [b"fired", count, rings, now, due, handed]:
                pairs = zip(handed[::2], handed[1::2], strict=True)
                work = tuple((kind.decode(), ref.decode()) for kind, ref in pairs)
                return Fired(int(count), read_rings(rings), int(now), int(due) if due else None, work)
        raise unexpected(self, reply)


@dataclass(frozen=True, slots=True)
class Cancel:
    """Wish a run's end. `who` and `why` are kept with the run and its transition."""

    script: ClassVar[str] = "cancel"
    run: str
    who: str
    why: str

    def args(self) -> Sequence[Arg]:
        return self.run, self.who, self.why

    def decode(self, reply: list[Any]) -> Marked | Ended | Missing:
        match reply:
            case [b"marked", todo]:
                return Marked(bool(todo))
            case [b"ended", state]:
                return Ended(RunState(int(state)))
            case [b"missing"]:
                return Missing()
        raise unexpected(self, reply)


@dataclass(frozen=True, slots=True)
class Forget:
    """Delete an ended run, a slice of its keys a call, the run's record last."""

    script: ClassVar[str] = "forget"
    run: str

    def args(self) -> Sequence[Arg]:
        return (self.run,)

    def decode(self, reply: list[Any]) -> Forgotten | Live | Missing:
        match reply:
            case [b"more"]:
                return Forgotten(True)
            case [b"forgotten"]:
                return Forgotten(False)
            case [b"live"]:
                return Live()
            case [b"missing"]:
                return Missing()
        raise unexpected(self, reply)


def _wants(wants: Iterable[Want]) -> str:
    return "\n".join(f"{''.join(map(str, want.classes))} {want.route}" for want in wants)


def read_rings(flat: list[Any]) -> tuple[Ring, ...]:
    """Read the permits that a script asks its caller to publish."""
    triples = zip(flat[::3], flat[1::3], flat[2::3], strict=True)
    return tuple(Ring(route.decode(), int(cls), int(count)) for route, cls, count in triples)


def _claimed(body: list[Any]) -> Claimed:
    ref, name, spec, params, retries, losses, workflow, plan, mode, *inputs = body
    pairs = None if mode == b"fetch" else dict(zip(map(int, inputs[::2]), inputs[1::2], strict=True))
    return Claimed(
        ref.decode(),
        name.decode(),
        spec,
        params,
        int(retries),
        int(losses),
        workflow.decode(),
        plan.decode(),
        pairs,
    )


def unexpected(transition: Any, reply: list[Any]) -> ScriptError:
    """Return the error of a reply that is not in the contract."""
    return ScriptError(f"script {transition.script} gave a reply that its contract does not have: {reply!r}")
