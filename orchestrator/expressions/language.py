"""Expressions: CEL, the Common Expression Language, for conditions and for values in templates.

Only this module uses the library (`cel`). An expression has no side effects, sees only the variables that it is given,
and ends: `reader` refuses a text that is too large when it is defined, `cost` an evaluation that could take too long
when its data is known. docs/reference/expressions.md is the page for users.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestrator.expressions.cost import Data, check_work
from orchestrator.expressions.functions import ADDED
from orchestrator.expressions.reader import Reading, place, read, words_of
from orchestrator.model.complaints import Complaint, Path, did_you_mean, show_path
from orchestrator.model.errors import DefinitionError, ExpressionError
from orchestrator.model.templates import LITERAL, MAX_DEPTH

if TYPE_CHECKING:
    import cel

EXPR = "$expr"
_FIRST_ERROR = re.compile(r"ERROR: <input>:(\d+):(\d+): (?:Syntax error: )?(.*)")
_NO_OVERLOAD = re.compile(r"Undefined variable or function: '(\w+)'")
_FUNCTION = re.compile(r"Function '(\w+)' error: (?:Python function call failed: \w+: )?([^\n]*?)(?:\. |\n|$)")
_OPERATION = re.compile(r"Unsupported operation: (\S+ \S+ \S+)\. ")


@cache
def _library() -> ModuleType:
    """Import the library when the first expression is compiled: it contains a command line, and takes 0.1 s."""
    import cel

    logging.getLogger("cel").disabled = True  # it logs errors of functions, which we raise
    return cel


class _Compiled(NamedTuple):
    program: cel.Program
    reading: Reading
    functions: dict[str, Callable[..., Any]]


@dataclass(frozen=True, slots=True)
class Expression:
    """One expression, compiled when it is made. Raises a DefinitionError, with the place, for any other text."""

    text: str

    def __post_init__(self) -> None:
        _compiled(self.text)

    @property
    def names(self) -> frozenset[str]:
        """The names of its variables, without those that its own macros bind."""
        return _compiled(self.text).reading.names

    def check(self, known: Collection[str]) -> None:
        """Check that all of its variables are among `known`.

        Raises:
            DefinitionError: one of them is not.
        """
        for name in sorted(self.names - set(known)):
            raise DefinitionError(f"there is no variable {name!r}{did_you_mean(name, known)}", where=_short(self.text))

    def value(self, /, **variables: Any) -> Any:
        """Evaluate it to plain JSON data.

        Variables are JSON data, aware datetimes (timestamps in the expression) and timedeltas (durations). A timestamp
        in the result becomes ISO 8601 text in UTC, a duration a number of seconds.

        Raises:
            ExpressionError: a variable is missing, the evaluation fails or could take too long, or the result is not
                JSON.
        """
        compiled = _compiled(self.text)
        try:
            missing = compiled.reading.names - variables.keys()
            if missing:
                raise ExpressionError(f"the variable {min(missing)!r} has no value here")
            data = Data({name: variables[name] for name in compiled.reading.names})
            check_work(compiled.reading, data)
            return _plain(_execute(compiled.program, data.variables, compiled.functions))
        except ExpressionError as error:
            error.where = _short(self.text)
            raise

    def test(self, /, **variables: Any) -> bool:
        """Evaluate it as a condition.

        Raises:
            ExpressionError: the evaluation fails, or its result is neither true nor false.
        """
        result = self.value(**variables)
        if not isinstance(result, bool):
            raise ExpressionError(f"a condition must be true or false, not {_kind(result)}", where=_short(self.text))
        return result


@lru_cache(maxsize=1024)
def _compiled(text: str) -> _Compiled:
    words = words_of(text)
    try:
        program = _library().compile(text)
    except BaseException as error:
        if not _is_failure(error):
            raise
        found = _FIRST_ERROR.search(str(error))
        if found is None:
            raise DefinitionError("not an expression", where=_short(text)) from None
        line, column, what = found.groups()
        lines = text.split("\n")
        start = sum(len(each) + 1 for each in lines[: int(line) - 1]) + int(column) - 1
        raise DefinitionError(f"not an expression: {_plainly(what)}", where=place(text, start)) from None
    reading = read(text, words)
    for word in reading.patterns:
        try:
            _execute(_library().compile(f"''.matches({word.text})"), {}, {})
        except ExpressionError:
            raise DefinitionError("not a regular expression", where=place(text, word.start)) from None
    return _Compiled(program, reading, {name: ADDED[name] for name in reading.added})


def _plainly(complaint: str) -> str:
    """Shorten the parser's complaint, which lists every sign that it would accept."""
    what = re.sub(r" expecting \{.*|^Incomplete .*", "", complaint) or "a part is missing"
    return what.replace("mismatched input '<EOF>'", "it ends too early").replace("extraneous input", "unexpected")


def _execute(program: cel.Program, variables: dict[str, Any], functions: dict[str, Callable[..., Any]]) -> Any:
    try:
        return program.execute(_library().Context(variables, functions))
    except BaseException as error:
        if not _is_failure(error):
            raise
        raise ExpressionError(_in_our_words(error)) from None


def _is_failure(error: BaseException) -> bool:
    """Tell whether the library failed. A panic in its Rust code arrives as a class that no module exports."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


def _in_our_words(error: BaseException) -> str:
    """Put the library's complaint into our words."""
    text = str(error)
    if isinstance(error, ZeroDivisionError):
        return "division by zero"
    if isinstance(error, KeyError):
        return f"there is no key {error.args[0]}"
    if isinstance(error, IndexError):
        return text.replace("index out of bounds:", "the list has no item")
    if found := _NO_OVERLOAD.match(text):
        return f"{found[1]}() does not take what it gets here"
    if text.startswith("Function 'duration'"):
        return "duration(): it takes text like '90s', '1.5h' or '1h30m'"
    if found := _FUNCTION.match(text):
        return f"{found[1]}(): {found[2].rstrip(':')}"
    if text.startswith("No such overload"):
        return "the types do not fit: an operator, a field or a function gets what it is not made for"
    if found := _OPERATION.match(text):
        return f"the types do not fit: {found[1]}"
    return text.partition("\n")[0].partition(". CEL ")[0] or type(error).__name__


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
        return int(seconds) if seconds.is_integer() else seconds
    if isinstance(value, float) and value - value != 0.0:
        raise ExpressionError(f"the result is {value}, which is not a JSON number")
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        for key in value:
            if type(key) is not str:
                raise ExpressionError(f"the result has the key {key!r}, and JSON has text only")
        return {key: _plain(value[key]) for key in sorted(value)}  # the library keeps them in no order
    if value is None or isinstance(value, str | int | float):
        return value
    raise ExpressionError(f"the result is {_kind(value)}, which is not JSON")


def _kind(value: Any) -> str:
    kinds = {
        str: "text",
        bytes: "bytes",
        int: "a number",
        float: "a number",
        bool: "a boolean",
        list: "a list",
        dict: "a map",
    }
    return "null" if value is None else kinds.get(type(value), f"a {type(value).__name__}")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:59] + "…"


def fill(template: Any, /, **variables: Any) -> Any:
    """Copy a template with each `{"$expr": text}` replaced by its value, each `{"$literal": data}` by its data.

    Raises:
        DefinitionError: the template is malformed.
        ExpressionError: an evaluation fails. The error names its path in the template.
    """
    return _fill(template, variables, ())


def _fill(template: Any, variables: Mapping[str, Any], path: Path) -> Any:
    if isinstance(template, list | tuple):
        return [_fill(item, variables, (*path, i)) for i, item in enumerate(template)]
    if not isinstance(template, dict):
        return template
    marker, what = _marker(template, path)
    if what:
        raise DefinitionError(what, where=show_path(path) or None)
    if marker == LITERAL:
        return template[LITERAL]
    if marker is None:
        return {key: _fill(item, variables, (*path, key)) for key, item in template.items()}
    try:
        return Expression(template[EXPR]).value(**variables)
    except (DefinitionError, ExpressionError) as error:
        error.where = ": ".join(filter(None, (show_path(path), error.where)))
        raise


def check_template(template: Any, known: Collection[str], path: Path) -> list[Complaint]:
    """Return the mistakes of a template whose expressions may use the variables `known`."""
    complaints = []
    for place_, text, what in _walk(template, path):
        if not what:
            try:
                Expression(text).check(known)
            except DefinitionError as error:
                what = str(error)
        if what:
            complaints.append(Complaint(place_, what))
    return complaints


def _walk(template: Any, path: Path) -> Iterator[tuple[Path, str, str]]:
    """Yield for each expression its path, its text and ""; for each malformed part its path, "" and a complaint."""
    if isinstance(template, list | tuple | dict) and len(path) > MAX_DEPTH:
        yield path[:6], "", f"the template nests deeper than {MAX_DEPTH} levels"
    elif isinstance(template, list | tuple):
        for i, item in enumerate(template):
            yield from _walk(item, (*path, i))
    elif isinstance(template, dict):
        marker, what = _marker(template, path)
        if what:
            yield path, "", what
        elif marker == EXPR:
            yield (*path, EXPR), template[EXPR], ""
        elif marker is None:
            for key, item in template.items():
                yield from _walk(item, (*path, key))


def _marker(template: dict[str, Any], path: Path) -> tuple[str | None, str]:
    """Return the marker of a dict, None for a plain one, and its mistake, if it has one."""
    marker = next((key for key in template if isinstance(key, str) and key.startswith("$")), None)
    if marker is None:
        return None, f"the template nests deeper than {MAX_DEPTH} levels" if len(path) > MAX_DEPTH else ""
    if len(template) > 1 or marker not in (EXPR, LITERAL):
        known = f"{EXPR} or {LITERAL} alone"
        return marker, f"the key {marker!r} begins with '$' and must be {known} (wrap a plain dict in {LITERAL})"
    if marker == EXPR and not isinstance(template[EXPR], str):
        return marker, f"{EXPR} must hold the text of an expression"
    return marker, ""
