"""The text of an expression, read without an evaluation: its variables, its functions, and its loops.

The evaluation of CEL cannot be stopped from outside, so its longest time must be known before it begins. The library
shows no syntax tree, but the words of a text that it has compiled are enough for that, since CEL binds names in one way
only: `range.map(x, body)` and the four other macros.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from orchestrator.expressions.functions import ADDED
from orchestrator.model.complaints import did_you_mean
from orchestrator.model.errors import DefinitionError

MAX_TEXT, MAX_WORDS, MAX_BRACKETS, MAX_LOOPS, MAX_PATTERN = 2000, 500, 32, 2, 100
"""The most characters; words and signs; brackets in each other (the parser recurses); macros in each other; and
characters of a regular expression."""

MACROS = frozenset({"all", "exists", "exists_one", "filter", "map"})
METHODS = (frozenset(ADDED) - {"bool", "string"}) | {"contains", "endsWith", "matches", "size", "startsWith"}
FUNCTIONS = frozenset(
    {"bool", "bytes", "double", "duration", "dyn", "has", "int", "size", "string", "timestamp", "type", "uint"}
)
_TYPES = frozenset({"bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"})
_KEYWORDS = frozenset({"true", "false", "null", "in"})
_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")

_WORD = re.compile(
    r"""
      (?P<space>   \s+ | //[^\n]* )
    | (?P<text>    (?:[bB]?[rR]|[rR][bB]) (?: '''.*?''' | \"\"\".*?\"\"\" | '[^'\n]*' | "[^"\n]*" )
                 | [bB]? (?: '''(?:\\.|[^\\])*?''' | \"\"\"(?:\\.|[^\\])*?\"\"\"
                           | '(?:\\.|[^'\\\n])*' | "(?:\\.|[^"\\\n])*" ) )
    | (?P<number>  0[xX][0-9a-fA-F]+[uU]? | (?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?[uU]? )
    | (?P<name>    [_a-zA-Z][_a-zA-Z0-9]* )
    | (?P<sign>    && | \|\| | [=!<>]= | . )
    """,
    re.VERBOSE | re.DOTALL,
)

_ATOM = re.compile(r"(\\p(?:\{[^}]*\}|.)|\\.|\[\^?(?:\\.|[^\]])*\]|.)(\{[\d,\s]*\})?", re.DOTALL | re.IGNORECASE)
_FOLDS = re.compile(r"\(\?[a-zA-Z]*i")
_NESTED_COUNT = re.compile(r"[)}][?+*\s]*\{|\(\?[a-zA-Z]*x")
MAX_PATTERN_WEIGHT = 20_000
_CALL = 20
"""Units of work (see `cost`) of a call into Python."""
_SCAN = 50
"""Units of work for each KB of a text that a call goes through."""
_NO_SCAN = frozenset({"dyn", "endsWith", "has", "size", "startsWith", "type"})
"""Calls that take as long for a large text as for a small one."""
_FEW_STATES, _STATE = 10, 70
"""A regular expression of few states goes through a text as other calls do. One with more may have to follow them all:
so many units of work for each KB and state."""
_NO_STATE = frozenset("^$()|*+?")


class Word(NamedTuple):
    """One word, number, text or sign, and the place of its first character."""

    kind: str
    text: str
    start: int


class Use(NamedTuple):
    """A place where a variable is read: `path` begins with its name, `loop` is the index of the macro that binds it."""

    path: tuple[str, ...]
    loop: int | None


@dataclass
class Loop:
    """One macro: `outer` is the index of the macro around it, or None."""

    kind: str
    variable: str
    outer: int | None
    uses: list[Use] = field(default_factory=list)
    words: int = 0
    sums: int = 0
    heavy: int = 0
    """The work of its regular expressions and added functions in one turn, in units."""
    scans: int = 0
    """The work of its calls in one turn for each KB of the longest text, in units."""
    parts: int = 0
    """The calls of `split` that use more than one part."""
    after_split: bool = False
    """Whether its range may be a result of `split`."""
    range: tuple[str, ...] | None = None
    """The path of its range, if the range is a given variable or a field of one."""


@dataclass
class Reading:
    """The contents of a text. `body` stands for the part outside of all macros; `loops` have the order of the text."""

    body: Loop
    loops: list[Loop]
    names: frozenset[str]
    added: frozenset[str]
    longest: int
    """The most items of a list that is written in the text."""
    text: int
    """The most bytes of a text that is written in it."""
    wraps: bool
    """Whether such a list holds variables, so that an item can be as large as all data."""
    patterns: list[Word]
    """The regular expressions, as texts of CEL."""


class Weight(NamedTuple):
    """The units of work for compiling a regular expression, and for going through one KB of text by it."""

    compile: int
    scan: int


def pattern_weight(pattern: str) -> Weight:
    """Return the weight of a regular expression. The library compiles it in each turn."""
    too_heavy = Weight(MAX_PATTERN_WEIGHT + 1, 0)
    if _NESTED_COUNT.search(pattern):
        return too_heavy
    weight, states = 120, 0
    folds = _FOLDS.search(pattern)
    for atom, count in _ATOM.findall(pattern):
        times = max(map(int, re.findall(r"\d+", count)), default=1)
        letters = len(re.findall(r"\\[wWbBpP]", atom))  # each is a table of all Unicode's letters
        several = atom in (".", r"\d", r"\D", r"\s", r"\S") or atom.startswith("[")
        if folds and (letters or several):
            return too_heavy  # a class in both cases takes milliseconds
        weight += times * (1100 * letters or ((360 if "\\" in atom else 120) if several else 4))
        states += 0 if atom in _NO_STATE else times
    return Weight(weight, _SCAN if states <= _FEW_STATES else _SCAN + _STATE * states)


def place(text: str, start: int) -> str:
    """Return the place of a character in words, counted from 1: its column, and its line if there are several."""
    before = text[:start]
    column = f"column {start - before.rfind(chr(10))}"
    return f"line {before.count(chr(10)) + 1}, {column}" if "\n" in text else column


def words_of(text: str) -> list[Word]:
    """Split a text into words.

    Raises:
        DefinitionError: the text is too long or too deep for the library to compile.
    """
    if len(text) > MAX_TEXT:
        raise DefinitionError(f"the expression has {len(text)} characters, and may have {MAX_TEXT}")
    words = [
        Word(match.lastgroup or "", match.group(), match.start())
        for match in _WORD.finditer(text)
        if match.lastgroup != "space"
    ]
    if len(words) > MAX_WORDS:
        raise DefinitionError(f"the expression has {len(words)} words and signs, and may have {MAX_WORDS}")
    depth = 0
    for word in words:
        depth += (word.text in _OPEN) - (word.text in _CLOSE)
        if depth > MAX_BRACKETS:
            raise DefinitionError(
                f"the expression nests deeper than {MAX_BRACKETS} brackets", where=place(text, word.start)
            )
    return words


def read(text: str, words: list[Word]) -> Reading:
    """Read a text that the library has compiled.

    Raises:
        DefinitionError: a function is unknown, macros nest too deep, or a regular expression is too heavy.
    """
    return _Reader(text, words).reading()


class _Reader:
    def __init__(self, text: str, words: list[Word]) -> None:
        self.text = text
        self.words = words
        self.loops: list[Loop] = []
        self.body = Loop("", "", None)
        self.names: set[str] = set()
        self.added: set[str] = set()
        self.open: list[int | None] = []
        """For each open bracket the index of the macro whose body it holds, or None."""
        self.written: list[bool] = []
        """For each open bracket whether it opens a list that is written out."""
        self.wraps = False
        self.patterns: list[Word] = []
        self.last: tuple[int, Use] | None = None
        """The index of the word where the last used path ends, and that use."""

    def reading(self) -> Reading:
        commas = 0
        at = 0
        while at < len(self.words):
            word = self.words[at]
            commas += word.text == ","
            self.scope().words += 1
            if word.text in _OPEN:
                self.bracket(None, written=word.text == "[" and not self.is_value(at - 1))
            elif word.text in _CLOSE:
                self.open.pop()
                self.written.pop()
            elif word.text == "+":
                self.scope().sums += 1
            elif word.kind == "name" and word.text not in _KEYWORDS:
                at = self.name(at)
            at += 1
        longest = max((len(word.text.encode()) for word in self.words if word.kind == "text"), default=0)
        names, added = frozenset(self.names), frozenset(self.added)
        return Reading(self.body, self.loops, names, added, commas + 1, longest, self.wraps, self.patterns)

    def bracket(self, loop: int | None, *, written: bool = False) -> None:
        self.open.append(loop)
        self.written.append(written)

    def scope(self) -> Loop:
        index = self.innermost()
        return self.body if index is None else self.loops[index]

    def innermost(self) -> int | None:
        return next((index for index in reversed(self.open) if index is not None), None)

    def sign(self, at: int) -> str:
        return self.words[at].text if 0 <= at < len(self.words) and self.words[at].kind == "sign" else ""

    def is_member(self, at: int) -> bool:
        """Tell whether the word follows a dot that follows a value: `a.b`, and not the root `.b`."""
        return self.sign(at - 1) == "." and self.is_value(at - 2)

    def is_value(self, at: int) -> bool:
        """Tell whether a value ends with the word."""
        if at < 0:
            return False
        word = self.words[at]
        return word.text in _CLOSE if word.kind == "sign" else word.text != "in"

    def name(self, at: int) -> int:
        """Read a name, and return the index of the last word that belongs to it."""
        word = self.words[at]
        member = self.is_member(at)
        if self.sign(at + 1) == "(":
            return self.call(at, member)
        if self.sign(at + 1) == "{":
            raise DefinitionError(f"{word.text}{{…}} makes a message, and there are none", where=self.where(at))
        if member:
            return at
        path = [word.text]
        end = at
        while self.sign(end + 1) == "." and self.words[end + 2].kind == "name" and self.sign(end + 3) != "(":
            path.append(self.words[end + 2].text)
            end += 2
        loop = next((i for i in reversed(self.open) if i is not None and self.loops[i].variable == word.text), None)
        if loop is None:
            if word.text in _TYPES:
                return end
            self.names.add(word.text)
        use = Use(tuple(path), loop)
        self.last = (end, use)
        self.scope().uses.append(use)
        self.wraps = self.wraps or any(self.written)
        return end

    def call(self, at: int, member: bool) -> int:
        name = self.words[at].text
        is_macro = member and name in MACROS and self.words[at + 2].kind == "name" and self.sign(at + 3) == ","
        if is_macro:
            outer = self.innermost()
            if sum(index is not None for index in self.open) >= MAX_LOOPS:
                raise DefinitionError(f"more than {MAX_LOOPS} macros in each other", where=self.where(at))
            self.loops.append(Loop(name, self.words[at + 2].text, outer, after_split="split" in self.added))
            if self.last is not None and self.last[0] == at - 2 and self.last[1].loop is None:
                self.loops[-1].range = self.last[1].path
            self.bracket(len(self.loops) - 1)
            return at + 3
        known = METHODS if member else FUNCTIONS
        if name not in known:
            hint = did_you_mean(name, sorted(known | MACROS if member else known))
            if not member and name in METHODS | MACROS:
                hint = f" by itself: it stands behind a value, as in value.{name}(…)"
            raise DefinitionError(f"there is no function {name}(){hint}", where=self.where(at))
        if name == "matches":
            weight = self.pattern(at + 2)
            self.scope().heavy += weight.compile
            self.scope().scans += weight.scan
        elif name not in _NO_SCAN:
            self.scope().scans += _SCAN
        if name in ADDED:
            self.added.add(name)
            self.scope().heavy += _CALL * (5 if name == "split" else 1)
            self.scope().parts += name == "split" and self.sign(self.closing(at + 1) + 1) != "["
        return at

    def closing(self, at: int) -> int:
        """Return the index of the bracket that closes the one at `at`."""
        depth = 0
        while True:
            depth += (self.words[at].text in _OPEN) - (self.words[at].text in _CLOSE)
            if depth == 0:
                return at
            at += 1

    def pattern(self, at: int) -> Weight:
        """Check a regular expression, and return its weight."""
        word = self.words[at]
        if word.kind != "text" or self.sign(at + 1) != ")":
            raise DefinitionError("matches() takes a regular expression written as text in place", where=self.where(at))
        if len(word.text) > MAX_PATTERN:
            raise DefinitionError(f"a regular expression may have {MAX_PATTERN} characters", where=self.where(at))
        is_raw = word.text[0] in "rR"
        if not is_raw and re.search(r"\\[^\\'\"]", word.text.replace("\\\\", "")):
            raise DefinitionError("write the regular expression as raw text, r'…'", where=self.where(at))
        pattern = word.text if is_raw else word.text.replace("\\\\", "\\")
        weight = pattern_weight(pattern.lstrip("rR").strip("'\""))
        if weight.compile > MAX_PATTERN_WEIGHT:
            raise DefinitionError("the regular expression takes too long to compile", where=self.where(at))
        self.patterns.append(word)
        return weight

    def where(self, at: int) -> str:
        return place(self.text, self.words[at].start)
