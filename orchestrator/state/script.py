"""The linker: a script's header is its contract, and its fragments are put before it, once each.

    -- name: what it does.                          the first line
    -- args:     hand:str op:int                    become locals, in this order, from ARGV
    -- returns:  claimed ref | nothing              tagged replies (checked against `transitions`)
    -- moves:    queued->running                    job moves (checked against `model.states`)
    -- keeps:    2 4                                invariants of the design that it could break
    -- uses:     clock hands                        fragments of `lib/`, which name what they use themselves
    -- cost:     O(1)

Every script has one key, the namespace's `meta`; all others are built from its prefix (see `keys`). Where a text says
`job.queued` or `state.running`, the number of that state in `model.states` is put in.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

from orchestrator.model.errors import ScriptError
from orchestrator.model.states import JobState, RunState

_FIELDS = ("args", "returns", "moves", "keeps", "uses", "cost")
_HEADER = re.compile(r"^--\s+({}):\s*(.*)$".format("|".join(_FIELDS)))
_CONTINUED = re.compile(r"^--\s{8,}(\S.*)$")
_STATE = re.compile(r"(?<![\w.])(job|state)\.([a-z_]+)")
_PLACE = re.compile(r"user_script:(\d+):\s*")


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

        def place(match: re.Match[str]) -> str:
            line = int(match[1])
            return f"{self.places[line - 1]}: " if 0 < line <= len(self.places) else match[0]

        return _PLACE.sub(place, message)


def source(name: str) -> str:
    """Return the text of a script (`claim`) or fragment (`lib/hands`)."""
    return resources.files(__package__).joinpath("scripts", f"{name}.lua").read_text("utf-8")


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


def names() -> list[str]:
    """Name every script."""
    folder = resources.files(__package__).joinpath("scripts")
    return sorted(entry.name[:-4] for entry in folder.iterdir() if entry.name.endswith(".lua"))


@cache
def link(name: str, clock: str = "lib/clock") -> Script:
    """Put a script together with its fragments; `clock` names another clock for tests (a text, or `lib/clock`)."""
    body = source(name)
    header = header_of(body)
    lines: list[str] = []
    places: list[str] = []

    def add(origin: str, text: str) -> None:
        for number, line in enumerate(text.splitlines(), start=1):
            lines.append(_STATE.sub(_number, line))
            places.append(f"{origin}.lua:{number}")

    for fragment in _in_order(header.get("uses", ""), ()):
        own = clock if fragment == "clock" and clock != "lib/clock" else source(f"lib/{fragment}")
        add(f"lib/{fragment}", own)
    add(
        name,
        "\n".join(
            f"local {argument} = {f'tonumber(ARGV[{at}])' if kind == 'int' else f'ARGV[{at}]'}"
            for at, (argument, kind) in enumerate(_arguments(header), start=1)
        ),
    )
    add(name, body)
    text = "\n".join(lines) + "\n"
    digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
    return Script(name, text, digest, header, tuple(places))


def _number(match: re.Match[str]) -> str:
    states = JobState if match[1] == "job" else RunState
    if match[2] not in states.__members__:
        raise ScriptError(f"no {match[1]} state is called {match[2]!r}")
    return str(states[match[2]].value)


def _arguments(header: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    pairs = (word.partition(":") for word in header.get("args", "").split())
    return tuple((argument, kind) for argument, _, kind in pairs)


def _in_order(uses: str, stack: tuple[str, ...], done: list[str] | None = None) -> list[str]:
    done = [] if done is None else done
    for fragment in uses.split():
        if fragment in stack:
            raise ScriptError(f"fragments use each other in a circle: {' -> '.join((*stack, fragment))}")
        if fragment not in done:
            _in_order(header_of(source(f"lib/{fragment}")).get("uses", ""), (*stack, fragment), done)
            done.append(fragment)
    return done
