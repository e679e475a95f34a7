"""YAML 1.2, read safely and with places: no tags, no duplicate keys, no bombs, `no` is a text, `1e3` a number.

PyYAML's C parser makes the nodes. This module decides the meaning of a plain scalar, by the core schema of YAML 1.2.
"""

from __future__ import annotations

import math
import re
from itertools import pairwise
from typing import Any, NamedTuple

import yaml

from orchestrator.model.complaints import Path
from orchestrator.model.errors import DocumentError

MAX_BYTES = 32 * 1024 * 1024
"""The largest document."""
MAX_DEPTH = 80
MAX_ALIASED = 10_000
"""The most values that aliases may add to those that the document writes out."""

_TAG = "tag:yaml.org,2002:"
_SCALARS = [  # the kinds of plain scalars: tag, form, and possible first characters
    (f"{_TAG}null", re.compile(r"~|null|Null|NULL|"), ["~", "n", "N", ""]),
    (f"{_TAG}bool", re.compile(r"true|True|TRUE|false|False|FALSE"), list("tTfF")),
    (f"{_TAG}int", re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII), list("-+0123456789")),
    (
        f"{_TAG}float",
        re.compile(
            r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", re.ASCII
        ),
        list("-+.0123456789"),
    ),
]

_BEGIN = re.compile(r"---(\s|$)")
_END = re.compile(r"\.\.\.(\s|$)")


class Mark(NamedTuple):
    """A place in a text, counted from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}"


class _Loader(yaml.CSafeLoader):
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 — PyYAML's own form


class _Dumper(yaml.SafeDumper):
    """Quotes each text that YAML 1.1 or 1.2 would read as another kind of value, and never writes aliases."""

    yaml_implicit_resolvers = {first: list(known) for first, known in yaml.SafeDumper.yaml_implicit_resolvers.items()}  # noqa: RUF012

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def represent_text(self, text: str) -> yaml.ScalarNode:
        """Quote a text with one of YAML's rare line breaks, which would be read back as a newline."""
        breaks = "\x85" in text or "\u2028" in text or "\u2029" in text
        return self.represent_scalar(f"{_TAG}str", text, style='"' if breaks else None)


_Dumper.add_representer(str, _Dumper.represent_text)

for _tag, _form, _firsts in _SCALARS:
    for _kind in (_Loader, _Dumper):
        _kind.add_implicit_resolver(_tag, re.compile(f"(?:{_form.pattern})$", _form.flags), _firsts)


class Yaml:
    """A document: its `value` as plain data, and the place of each part of it.

    `above` is the number of lines above the text in its file; places count them. Raises DocumentError.
    """

    def __init__(self, text: str, source: str, above: int = 0) -> None:
        self.source = source
        self._above = above
        self._budget = len(text) + MAX_ALIASED
        try:
            root = yaml.compose(text, Loader=_Loader)
        except yaml.MarkedYAMLError as error:
            raise self._syntax_error(error, text) from None
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1 + above
            raise DocumentError(f"the character {error.character!r} is not allowed", where=f"{source}:{line}") from None
        if root is None:
            raise DocumentError("the document is empty", where=f"{source}:{above + 1}" if above else source)
        self._root: yaml.Node = root
        self.value = self._value(root, 0)

    def mark(self, path: Path, key: bool = False) -> Mark:
        """Return the place of a part (or of its key); if the part is missing, of the innermost part above it."""
        node, mark = self._root, self._root.start_mark
        for at, step in enumerate(path):
            last = at == len(path) - 1
            if isinstance(node, yaml.MappingNode):
                found = next(((k, v) for k, v in node.value if k.value == step), None)
                if found is None:
                    break
                node = found[1]
                mark = found[0].start_mark if last and key else node.start_mark
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                mark = node.start_mark
            else:
                break
        return self._mark(mark)

    def _mark(self, mark: yaml.Mark) -> Mark:
        return Mark(mark.line + 1 + self._above, mark.column + 1)

    def _value(self, node: yaml.Node, depth: int) -> Any:
        self._budget -= 1
        if self._budget < 0:
            raise self._error(node, f"aliases add more than {MAX_ALIASED:,} values")
        if depth > MAX_DEPTH:
            raise self._error(node, f"it nests deeper than {MAX_DEPTH} levels")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            return [self._value(item, depth + 1) for item in node.value]
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            mapping: dict[str, Any] = {}
            for key_node, value_node in node.value:
                key = self._value(key_node, depth + 1)
                if not isinstance(key, str):
                    raise self._error(key_node, f"a key must be a text, and {key!r} is none", "put it in quotes")
                if key in mapping:
                    raise self._error(key_node, f"the key {key!r} is here twice")
                mapping[key] = self._value(value_node, depth + 1)
            return mapping
        raise self._error(node, f"the tag {node.tag.replace(_TAG, '!!')} is not allowed", "write plain data")

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        text: str = node.value
        kind = node.tag.removeprefix(_TAG)
        try:
            if kind == "str":
                return text
            if kind == "null" and _SCALARS[0][1].fullmatch(text):
                return None
            if kind == "bool" and _SCALARS[1][1].fullmatch(text):
                return text.lower() == "true"
            if kind == "int" and _SCALARS[2][1].fullmatch(text):
                return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
            if kind == "float" and _SCALARS[3][1].fullmatch(text):
                number = float(text) if text[-1] not in "fFnN" else math.nan
                if math.isfinite(number):
                    return number
                raise self._error(node, f"{text} is not a number that JSON has")
        except ValueError:
            raise self._error(node, "the number is too long") from None
        raise self._error(node, f"the tag {node.tag.replace(_TAG, '!!')} is not allowed here", "write plain data")

    def _error(self, node: yaml.Node, what: str, remedy: str | None = None) -> DocumentError:
        return DocumentError(what, where=f"{self.source}:{self._mark(node.start_mark)}", remedy=remedy)

    def _syntax_error(self, error: yaml.MarkedYAMLError, text: str) -> DocumentError:
        mark = error.problem_mark or error.context_mark
        place = self._mark(mark) if mark else Mark(self._above + 1, 1)
        lines = text.splitlines()
        line = lines[mark.line] if mark and mark.line < len(lines) else ""  # the end of the text is after the last line
        what, remedy = f"not YAML: {error.problem or error.context}", None
        if "\t" in line[: place.column]:
            what, remedy = "a tab cannot indent", "use spaces"
        elif "but found another document" in str(error.problem):
            what, remedy = "there is a second document", "one workflow a file"
        return DocumentError(what, where=f"{self.source}:{place}", remedy=remedy)


def split_documents(text: str) -> list[tuple[int, str]]:
    """Split a YAML text into its documents, each with the number of lines above it.

    A document begins with a line `---`, with its directives (`%YAML 1.2`) above that line, or after the line `...` that
    ends the document before. Comments alone are no document.
    """
    lines = text.splitlines(keepends=True)
    starts = [0]
    head = True
    """Whether all lines since the last start are directives, comments or empty."""
    for number, line in enumerate(lines):
        if _BEGIN.match(line):
            if not head:
                starts.append(number)
            head = False
        elif _END.match(line):
            starts.append(number + 1)
            head = True
        elif head:
            head = not line.strip() or line.startswith(("%", "#"))
    found = []
    for above, end in pairwise((*starts, len(lines))):
        bare = [line.removeprefix("---").strip() for line in lines[above:end]]
        if any(line and not line.startswith("#") and line != "..." for line in bare):
            found.append((above, "".join(lines[above:end])))
    return found or [(0, text)]


def dump_yaml(value: Any) -> str:
    """Write plain data as YAML that `Yaml` reads back to the same data."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
