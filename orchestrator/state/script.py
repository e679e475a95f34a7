"""The linker: a script's header is its contract, and its fragments are put before it, once each.

    -- name: what it does.                          the first line
    -- args:     slot:str op:int                    become locals, in this order, from ARGV
    -- returns:  claimed ref | nothing              tagged replies (checked against `transitions`)
    -- moves:    queued->running                    job moves (checked against `model.states`)
    -- keeps:    2 4                                invariants (how-it-works.md) that it could break
    -- uses:     clock slots                        fragments of `lib/`, which name what they use themselves
    -- cost:     O(1)

A fragment sets up the values that it keeps during a call in its `begin()`, which the linker calls first. Every script
has one key, the namespace's `meta`; all others are built from its prefix (see `keys`). Where a text says `job.queued`
or `state.running`, the linker puts in the number of that state in `model.states`; `limits.SLICE` is a constant of
`state.limits`. A line that ends in `--@name` is one in which tests plant a bug: see tests/engine/test_mutations.py.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from orchestrator.model.errors import ScriptError
from orchestrator.model.states import JobState, RunState, State
from orchestrator.state import limits

_FIELDS = ("args", "returns", "moves", "keeps", "uses", "cost")
_HEADER = re.compile(r"^--\s+({}):\s*(.*)$".format("|".join(_FIELDS)))
_CONTINUED = re.compile(r"^--\s{8,}(\S.*)$")
_CONSTANT = re.compile(r"(?<![\w.])(job|state|limits)\.(\w+)")
_BUG = re.compile(r"\s*--@[a-z-]+$")
"""Names a line for the tests that plant bugs: `--@finish-fence`. The linker leaves the name out."""
_PLACE = re.compile(r"user_(?:script|function):(\d+):\s*")
_LIBRARY = "orchestrator"
_GOES_THROUGH = "with memory full, it goes through"
"""Stands at the writes of a script that Redis does not refuse when its memory is full."""


@dataclass(frozen=True)
class Script:
    """A linked script: its text, its digest, its contract, and where each line came from."""

    name: str
    text: str
    sha: str
    header: Mapping[str, str]
    places: tuple[str, ...] = field(repr=False)
    """`file:line` of each line of the text."""

    @property
    def arguments(self) -> tuple[tuple[str, str], ...]:
        """Names and types of the arguments, in order."""
        return _arguments(self.header)

    def explain(self, message: str) -> str:
        """Turn Redis' `user_script:35: …` into the place in the file."""
        return _explain(self.places, message)


@dataclass(frozen=True)
class Library:
    """All scripts as Redis Functions (Redis 7 and newer): fragments are set up once a server instead of once a call.

    Its name has the digest of its text, so that processes of two releases do not meet in one.
    """

    name: str
    text: str
    places: tuple[str, ...] = field(repr=False)

    def function(self, script: str) -> str:
        """Name the function that runs a script."""
        return f"{self.name}_{script}"

    def explain(self, message: str) -> str:
        """Turn Redis' `user_function:35: …` into the place in the file."""
        return _explain(self.places, message)


@cache
def _paths() -> Mapping[str, Path]:
    """Find every script by its name, and every fragment by `lib/` and its name: folders only sort them by subject."""
    folder = Path(str(resources.files(__package__).joinpath("scripts")))
    found = {}
    for path in folder.rglob("*.lua"):
        of_library = path.parent.parent.name == "lib"
        found[f"lib/{path.stem}" if of_library else path.stem] = path
    return found


@cache
def source(name: str) -> str:
    """Return the text of a script (`claim`) or fragment (`lib/slots`)."""
    return _paths()[name].read_text("utf-8")


def header_of(text: str) -> dict[str, str]:
    """Read the contract on top of a script or fragment."""
    found: dict[str, str] = {}
    last = None
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        if match := _HEADER.match(line):
            last = match[1]
            found[last] = match[2].strip()
        elif last and (match := _CONTINUED.match(line)):
            found[last] = f"{found[last]} {match[1].strip()}".strip()
    return found


@cache
def _header(name: str) -> Mapping[str, str]:
    """Return the contract of a script or fragment."""
    return header_of(source(name))


def names() -> list[str]:
    """Name every script."""
    return sorted(name for name in _paths() if not name.startswith("lib/"))


def fragments() -> list[str]:
    """Name every fragment."""
    return sorted(name.removeprefix("lib/") for name in _paths() if name.startswith("lib/"))


@cache
def link(name: str, clock: str = "lib/clock") -> Script:
    """Put a script together with its fragments; `clock` names another clock for tests (a text, or `lib/clock`)."""
    text = _Text()
    fragments = text.add_fragments(_in_order(_header(name).get("uses", ""), ()), clock)
    text.add_body(name, fragments)
    return Script(name, text.whole, text.digest, _header(name), tuple(text.places))


@cache
def library(clock: str = "lib/clock") -> Library:
    """Put all scripts together as one library of Redis Functions, each fragment once: see `Library`."""
    text = _Text()
    everything = " ".join(_header(name).get("uses", "") for name in names())
    text.add("library", "local KEYS, ARGV")
    fragments = text.add_fragments(_in_order(everything, ()), clock)
    for name in names():
        flags = "'allow-oom'" if _GOES_THROUGH in source(name) else ""
        text.add("library", f"local function run_{name}(keys_given, args_given)\nKEYS, ARGV = keys_given, args_given")
        text.add_body(name, [f for f in fragments if f in _in_order(_header(name).get("uses", ""), ())])
        text.add(
            "library",
            f"end\nredis.register_function{{\n"
            f"function_name = '{_LIBRARY}_{name}', callback = run_{name}, flags = {{{flags}}}}}",
        )
    name = f"{_LIBRARY}_{text.digest[:12]}"
    whole = text.whole.replace(f"'{_LIBRARY}_", f"'{name}_")
    return Library(name, f"#!lua name={name}\n{whole}", ("library.lua:0", *text.places))


class _Text:
    """The lines of a linked text, each with its place."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.places: list[str] = []

    @property
    def whole(self) -> str:
        return "\n".join(self.lines) + "\n"

    @property
    def digest(self) -> str:
        return hashlib.sha1(self.whole.encode(), usedforsecurity=False).hexdigest()

    def add(self, origin: str, text: str) -> None:
        for number, line in enumerate(text.splitlines(), start=1):
            self.lines.append(_CONSTANT.sub(_constant, _BUG.sub("", line)))
            self.places.append(f"{origin}.lua:{number}")

    def add_fragments(self, fragments: list[str], clock: str) -> list[str]:
        """Add fragments once each; return those that begin each call afresh."""
        beginning = []
        for fragment in fragments:
            text = clock if fragment == "clock" and clock != "lib/clock" else source(f"lib/{fragment}")
            self.add(f"lib/{fragment}", text)
            if f"function {fragment}.begin()" in text:
                beginning.append(fragment)
        return beginning

    def add_body(self, name: str, beginning: Iterable[str]) -> None:
        """Add a script: the calls of `begin()`, its arguments, its own text."""
        body = source(name)
        self.add(name, "\n".join(f"{fragment}.begin()" for fragment in beginning))
        for at, (argument, kind) in enumerate(_arguments(header_of(body)), start=1):
            self.add(name, f"local {argument} = {f'tonumber(ARGV[{at}])' if kind == 'int' else f'ARGV[{at}]'}")
        self.add(name, body)


def _explain(places: tuple[str, ...], message: str) -> str:
    def place(match: re.Match[str]) -> str:
        line = int(match[1])
        return f"{places[line - 1]}: " if 0 < line <= len(places) else match[0]

    return _PLACE.sub(place, message)


_TABLES: Mapping[str, Mapping[str, Any]] = {
    "job": JobState.__members__,
    "state": RunState.__members__,
    "limits": vars(limits),
}
"""The tables of the names that the linker replaces: `job.queued`, `state.running`, `limits.SLICE`."""


def _constant(match: re.Match[str]) -> str:
    """Return the constant that a name stands for, as Lua writes it."""
    value = _TABLES[match[1]].get(match[2])
    if isinstance(value, State):
        return str(value.number)
    if isinstance(value, tuple):
        return f"{{{', '.join(map(str, value))}}}"
    if isinstance(value, str):
        return f"'{value}'"
    if not isinstance(value, int):
        raise ScriptError(f"scripts know no {match[1]}.{match[2]}")
    return str(int(value))


def _arguments(header: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    pairs = (word.partition(":") for word in header.get("args", "").split())
    return tuple((argument, kind) for argument, _, kind in pairs)


def _in_order(uses: str, stack: tuple[str, ...], done: list[str] | None = None) -> list[str]:
    done = [] if done is None else done
    for fragment in uses.split():
        if fragment in stack:
            raise ScriptError(f"fragments use each other in a circle: {' -> '.join((*stack, fragment))}")
        if fragment not in done:
            _in_order(_header(f"lib/{fragment}").get("uses", ""), (*stack, fragment), done)
            done.append(fragment)
    return done
