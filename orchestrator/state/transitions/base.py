"""A transition is a frozen dataclass: its fields are the arguments of a script, and its type names the replies.

    @dataclass(frozen=True, slots=True)
    class Cancel(Transition[Marked | Ended | Missing]):
        script: ClassVar[str] = "cancel"
        run_id: str

The contract stands in two places that a test holds together: the header of the script (`args:`, `returns:`) and the
class. `args` and `decode` are the same for all of them, derived from the types of the fields.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, ClassVar, Generic, TypeVar

from orchestrator.model.errors import ScriptError
from orchestrator.model.states import State
from orchestrator.state.layouts.texts import pack_texts
from orchestrator.state.transitions.values import Claimed, Held, Permit, Subscription, held_text, subscriptions_text

R_co = TypeVar("R_co", covariant=True)

Arg = str | bytes | int
Encoder = Callable[[Any], Arg]
Decoder = Callable[[Any], Any]


class Reply:
    """One way in which a script can answer: `tag` is the reply's first word, the fields are the words behind it."""

    __slots__ = ()
    tag: ClassVar[str]


class Transition(Generic[R_co]):
    """One call of one state script. `R_co` is the union of its replies."""

    __slots__ = ()
    script: ClassVar[str]
    """The script's name: its file in `scripts/`, without the folder and `.lua`."""

    def args(self) -> Sequence[Arg]:
        """Return the script's arguments in the order of its header."""
        contract = _contract(type(self))
        values: tuple[Any, ...] = contract.get(self)
        if not contract.encoders:
            return values
        texts = list(values)
        for at, encode in contract.encoders:
            texts[at] = encode(texts[at])
        return texts

    def decode(self, reply: list[Any]) -> R_co:
        """Turn the script's tagged reply into a value.

        Raises:
            ScriptError: the contract has no such reply.
        """
        kind, decoders = _contract(type(self)).replies.get(reply[0], (None, ()))
        if kind is None or len(decoders) != len(reply) - 1:
            raise ScriptError(f"script {self.script} gave a reply that its contract does not have: {reply!r}")
        value: R_co = kind(*map(_call, decoders, reply[1:]))
        return value


def replies_of(transition: type[Transition[Any]]) -> tuple[type[Reply], ...]:
    """Return the reply classes that a transition declares."""
    (declared,) = typing.get_args(transition.__orig_bases__[0])  # type: ignore[attr-defined]
    return typing.get_args(declared) or (declared,)


@dataclass(frozen=True, slots=True)
class _Contract:
    """How `args` and `decode` work for one transition, found once from the types of its fields."""

    get: Callable[[Any], tuple[Any, ...]]
    encoders: tuple[tuple[int, Encoder], ...]
    """By their places, the functions that turn fields into text."""
    replies: Mapping[bytes, tuple[Callable[..., Any] | None, tuple[Decoder, ...]]]
    """The class of a reply by its tag, and the functions that decode its fields."""


_contracts: dict[Any, _Contract] = {}


def _contract(kind: Any) -> _Contract:
    found = _contracts.get(kind)
    if found is None:
        hints = typing.get_type_hints(kind)
        names = [field.name for field in fields(kind)]
        encoders = tuple((at, _ENCODERS[hints[name]]) for at, name in enumerate(names) if hints[name] in _ENCODERS)
        replies = {each.tag.encode(): (each, _decoders(each)) for each in replies_of(kind)}
        found = _contracts[kind] = _Contract(_getter(names), encoders, replies)
    return found


def _getter(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    """Return a function that gets these attributes of a value as a tuple."""
    match names:
        case []:
            return lambda value: ()
        case [name]:
            return lambda value: (getattr(value, name),)
    return attrgetter(*names)


def _pairs_text(values: Mapping[str, str]) -> bytes:
    return pack_texts(text for pair in values.items() for text in pair)


def _permit_text(permit: Permit | None) -> str:
    return f"{permit[1]} {permit[0]}" if permit else ""


_ENCODERS: dict[Any, Encoder] = {
    tuple[Subscription, ...]: subscriptions_text,
    tuple[Held, ...]: held_text,
    Permit | None: _permit_text,
    tuple[str, ...]: pack_texts,
    Mapping[str, str]: _pairs_text,
}


def _decoders(reply: Any) -> tuple[Decoder, ...]:
    hints = typing.get_type_hints(reply)
    return tuple(_decoder(hints[field.name]) for field in fields(reply))


def _decoder(hint: Any) -> Decoder:
    """Return a function that turns one word of a reply into a value of a type."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is UnionType or origin is typing.Union:
        (other,) = (each for each in inner if each is not NoneType)
        decode = _decoder(other)
        return lambda word: decode(word) if word else None
    if origin is tuple:
        return _rows(inner[0])
    if hint is Claimed:
        return Claimed.read
    if hint is int:
        return int
    if hint is bool:
        return bool
    if hint is str:
        return bytes.decode
    if hint is bytes:
        return bytes
    assert issubclass(hint, State), hint
    return lambda word: hint.numbered(int(word))


def _rows(kind: Any) -> Decoder:
    """Return a function that reads a flat list as rows; a row has as many words as its type has fields."""
    hints = typing.get_type_hints(kind) if hasattr(kind, "_fields") else dict(enumerate(typing.get_args(kind)))
    decoders = tuple(_decoder(hint) for hint in hints.values())
    width = len(decoders)
    make: Callable[[Iterable[Any]], Any] = kind._make if hasattr(kind, "_make") else tuple

    def read(flat: list[Any]) -> tuple[Any, ...]:
        if not flat:
            return ()
        return tuple([make(map(_call, decoders, flat[at : at + width])) for at in range(0, len(flat), width)])

    return read


def _call(decode: Decoder, word: Any) -> Any:
    return decode(word)
