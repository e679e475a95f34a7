"""The cost of an expression on given data: an upper bound, known before the evaluation begins.

The library cannot be interrupted and holds the interpreter's lock. Measurements show that it copies whole values where
one expects a reference (a field of a variable, and in each turn of `map` and `filter` the list so far). So loops over
large values make an evaluation slow, and a chain of `map` that doubles its values makes it endless. A call that goes
through a text takes the longer the larger the text is.

Work is counted in units of about 0.25 µs, sizes in bytes. Each value counts `NODE` bytes in addition to its text.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestrator.expressions.functions import MAX_PARTS, MAX_RESULT
from orchestrator.expressions.reader import Loop, Reading, Use
from orchestrator.model.errors import ExpressionError, TooMuchData
from orchestrator.model.templates import MAX_DEPTH

NODE, MAX_SIZE, MAX_WORK = 256, 2 << 20, 120_000
GATHERED, ROOM = "events", 8
"""An expression with this variable may use so many times the data and work: it is evaluated once for many events."""
_KB = 1024
_COPY = 2.5
"""Units of work for each KB of a list that `map` or `filter` copies in each turn."""
_RESULT = 64
"""Bytes of a result for one unit of work: it takes 1 µs to return a value to Python."""


class Data:
    """The variables of one evaluation, in the form that the library takes, and their measures.

    `size` is the size of all variables, `item` that of the largest item of a list (the items of a map are its keys),
    `field` that of the largest field of a map, `text` that of the longest text, and `longest` the length of the longest
    list or map. Raises
    ExpressionError for data that is not JSON or too large.
    """

    def __init__(self, variables: dict[str, Any]) -> None:
        self.room = ROOM if GATHERED in variables else 1
        self.size = 0
        self.longest = 1
        self.text = 0
        self.item = 0
        self.field = 0
        self.variables = {name: self._take(value, 0, name) for name, value in variables.items()}

    def _take(self, value: Any, depth: int, name: str) -> Any:
        self._grow(NODE)
        if isinstance(value, str):
            return self._text(value, name)
        if value is None or isinstance(value, bool | timedelta):
            return value
        if isinstance(value, int):
            if not -(1 << 63) <= value < 1 << 64:
                raise ExpressionError(f"{name} holds a number of more than 64 bits")
            return value
        if isinstance(value, float):
            if value - value != 0.0:
                raise ExpressionError(f"{name} holds {value}, which is not a JSON number")
            return value
        if isinstance(value, dict | list | tuple):
            return self._container(value, depth + 1, name)
        if isinstance(value, datetime):
            if value.tzinfo is None:
                raise ExpressionError(f"{name} holds a time without a time zone")
            return value.astimezone(UTC)
        raise ExpressionError(f"{name} holds a {type(value).__name__}, which is not JSON")

    def _container(self, value: dict[str, Any] | list[Any] | tuple[Any, ...], depth: int, name: str) -> Any:
        if depth > MAX_DEPTH:
            raise ExpressionError(f"{name} nests deeper than {MAX_DEPTH} levels")
        self.longest = max(self.longest, len(value))
        if isinstance(value, dict):
            taken = {}
            for key, item in value.items():
                if type(key) is not str:
                    raise ExpressionError(f"{name} holds the key {key!r}, and JSON has text only")
                before = self.size
                taken[self._text(key, name)] = self._take(item, depth, name)
                self.field = max(self.field, self.size - before)
                self.item = max(self.item, NODE + len(key))  # a macro over a map goes through its keys
            return taken
        items = []
        for item in value:
            before = self.size
            items.append(self._take(item, depth, name))
            self.item = max(self.item, self.size - before)
        return items

    def _text(self, text: str, name: str) -> str:
        try:
            size = len(text) if text.isascii() else len(text.encode())
        except UnicodeEncodeError:
            raise ExpressionError(f"{name} holds text that is not Unicode") from None
        self._grow(size)
        self.text = max(self.text, size)
        return text

    def _grow(self, size: int) -> None:
        self.size += size
        most = MAX_SIZE * self.room
        if self.size > most:
            raise TooMuchData(f"the data is too large: over {most // NODE:,} values or {most >> 20} MB of text")


def check_work(reading: Reading, data: Data) -> None:
    """Check that an expression cannot take too long on this data.

    Raises:
        TooMuchData: it can.
    """
    work = _Work(reading, data).total()
    most = MAX_WORK * data.room
    if work > most:
        raise TooMuchData(
            f"it could take too long on this data ({min(work, 1e12):,.0f} units of work, and {most:,} are allowed)",
            remedy="go through shorter lists, or through one at a time",
        )


class _Work:
    def __init__(self, reading: Reading, data: Data) -> None:
        self.reading = reading
        self.variables = data.variables
        self.everything = float(data.size)
        self.item = float(data.item)
        self.field = float(data.field)
        self.longest = float(max(data.longest, reading.longest))
        if "split" in reading.added:
            self.everything += MAX_PARTS * NODE
        if reading.added & {"replace", "join"}:
            self.item = max(self.item, MAX_RESULT)
            self.field = max(self.field, MAX_RESULT)
            self.everything += MAX_RESULT
        self.text = float(max(data.text, reading.text, MAX_RESULT if reading.added & {"replace", "join"} else 0))
        """The longest text of any step: each sum may add the longest so far to another."""
        for scope in (reading.body, *reading.loops):
            self.text *= 1 + scope.sums
        self.growth = 1.0
        """How many times longer than `longest` a list can be after the `map`s so far."""

    def total(self) -> float:
        body = self.reading.body
        used = len(body.uses) * self.everything
        work = body.words + body.heavy + used * 4 / _KB + body.sums * used / _KB + body.scans * self.text / _KB
        for index, loop in enumerate(self.reading.loops):
            work += self._loop(index, loop)
        return work

    def _loop(self, index: int, loop: Loop) -> float:
        if self.reading.wraps:
            self.item = self.field = self.everything
        turns = self._turns(loop)
        outer = turns / self._length(loop)
        read = sum(self._size(use) for use in loop.uses) / _KB
        work = turns * (loop.words + loop.heavy + read + loop.sums * read + loop.scans * self.text / _KB)
        if loop.kind in ("map", "filter"):
            body = self._body(index) if loop.kind == "map" else self.item
            work += outer * self._length(loop) ** 2 / 2 * _COPY * body / _KB
            if loop.outer is None:
                work += self._length(loop) * body / _RESULT
        if loop.kind == "map":
            self.everything += turns * body
            self.item = max(self.item, body)
            self.field = max(self.field, body)
            self.growth *= 1 + loop.sums
        return work

    def _length(self, loop: Loop) -> float:
        if loop.range is not None:
            return self._given(loop.range)
        sums = self.reading.body.sums
        outer = loop.outer
        while outer is not None:
            sums += self.reading.loops[outer].sums
            outer = self.reading.loops[outer].outer
        longest = max(self.longest, MAX_PARTS) if loop.after_split else self.longest
        return longest * self.growth * (1 + sums)

    def _given(self, path: tuple[str, ...]) -> float:
        """Return the length of the list or map at a path into the variables."""
        value: Any = self.variables
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        return float(max(1, len(value))) if isinstance(value, dict | list) else 1.0

    def _turns(self, loop: Loop) -> float:
        return self._length(loop) * (1.0 if loop.outer is None else self._turns(self.reading.loops[loop.outer]))

    def _size(self, use: Use) -> float:
        whole = self.everything if use.loop is None else self.item
        return whole if len(use.path) == 1 else min(whole, self.field)

    def _body(self, index: int) -> float:
        """Return the largest size of one turn's result: a field is no larger than its value, and two fields differ."""
        loop = self.reading.loops[index]
        size = NODE * (1 + loop.words / 2 + loop.parts * MAX_PARTS)  # the values that the text itself holds
        of: dict[tuple[str, int | None], Counter[tuple[str, ...]]] = {}
        for use in loop.uses:
            of.setdefault((use.path[0], use.loop), Counter())[use.path] += 1
        for (name, bound), paths in of.items():
            times = max(
                sum(count for path, count in paths.items() if path == longest[: len(path)]) for longest in paths
            )
            whole = times * self._size(Use((name,), bound))
            fields = sum(paths.values()) * self.field if all(len(path) > 1 for path in paths) else whole
            size += min(whole, fields)
        for inner, other in enumerate(self.reading.loops):
            if other.outer == index:
                size += self._length(other) * self._body(inner)
        return size
