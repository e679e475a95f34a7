"""Values that differ between installations: by name, from files and options, filled into documents.

    # prod.yaml                        # in a document
    region: eu-west-1                  kwargs: {bucket: "data-${region}"}
    load: {timeout: 600}               timeout: ${load.timeout}

`${name}` stands inside texts. A text that is nothing else becomes the value itself, with its type. `$${` stands for
`${`. A value is data: places inside it are not filled in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from orchestrator.definitions.secrecy import written_out
from orchestrator.dsl.parsing import parse, placed, read_bytes, refusal
from orchestrator.dsl.yaml12 import MAX_BYTES, MAX_DEPTH
from orchestrator.model.complaints import Complaint, Path, did_you_mean
from orchestrator.model.errors import DefinitionError

Values = Mapping[str, Any]
_NAME = r"[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*"
_ONLY = re.compile(rf"\$\{{({_NAME})\}}")
_PLACE = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")
_REMEDY = "write $${ where ${ itself is meant"


def read_values(files: Iterable[str], settings: Iterable[str] = ()) -> Values:
    """Read values files, and then settings `name.part=value`, whose values are JSON or else text. The last one wins.

    Raises:
        DefinitionError: a file or setting is malformed, or a secret is written out. The error does not repeat it.
    """
    values: dict[str, Any] = {}
    for file in files:
        documents = parse(read_bytes(file), file)
        parsed = documents[0]
        if len(documents) > 1:
            raise DefinitionError("a values file holds one document", where=file)
        if not isinstance(parsed.value, dict):
            raise DefinitionError(f"values are a mapping from names, not a {type(parsed.value).__name__}", where=file)
        complaints = [
            Complaint(path, "a secret is written out here: give env:NAME or file:/path, which are read at run time")
            for path in written_out(parsed.value)
        ]
        if complaints:
            raise refusal(placed(complaints, parsed), file)
        values = _merged(values, parsed.value)
    for setting in settings:
        values = _merged(values, _setting(setting))
    return values


def fill(value: Any, values: Values, complaints: list[Complaint]) -> Any:
    """Return plain data with values filled into its texts; add mistakes to the complaints, with their paths.

    Raises:
        DefinitionError: the data nests too deep, or the values are too large together.
    """
    return _Filling(values, complaints).fill(value, ())


def _setting(setting: str) -> dict[str, Any]:
    name, equals, text = setting.partition("=")
    if not equals or re.fullmatch(_NAME, name) is None:
        raise DefinitionError(f"{name[:60]!r} is not a name: write NAME=VALUE", where="--set")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = text
    steps = name.split(".")
    for step in reversed(steps):
        value = {step: value}
    if any(written_out(value)):
        remedy = "give env:NAME or file:/path, which are read at run time"
        raise DefinitionError(f"{name} is a secret written out", where="--set", remedy=remedy)
    made: dict[str, Any] = value
    return made


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Lay values over others: mappings are merged, anything else is replaced."""
    merged = dict(below)
    for name, value in above.items():
        there = merged.get(name)
        merged[name] = _merged(there, value) if isinstance(there, dict) and isinstance(value, dict) else value
    return merged


class _Filling:
    def __init__(self, values: Values, complaints: list[Complaint]) -> None:
        self._values = values
        self._complaints = complaints
        self._budget = MAX_BYTES
        """Characters that values may still add: a large value cannot be filled in without end."""
        self._sizes: dict[str, int] = {}

    def fill(self, value: Any, path: Path) -> Any:
        if len(path) > MAX_DEPTH:
            raise DefinitionError(f"it nests deeper than {MAX_DEPTH} levels")
        if isinstance(value, dict):
            return {key: self.fill(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.fill(item, (*path, at)) for at, item in enumerate(value)]
        if not isinstance(value, str) or "${" not in value:
            return value
        only = _ONLY.fullmatch(value)
        return self._value(only[1], path) if only else _PLACE.sub(lambda found: self._text(found, path), value)

    def _text(self, found: re.Match[str], path: Path) -> str:
        if found[0] == "$${":
            return "${"
        name = found[1]
        if name is None or re.fullmatch(_NAME, name) is None:
            self._complain(path, f"{found[0]!r} names no value", _REMEDY)
            return ""
        value = self._value(name, path)
        if isinstance(value, str):
            return value
        if isinstance(value, dict | list) or value is None:
            kind = "nothing" if value is None else f"a {'mapping' if isinstance(value, dict) else 'list'}"
            self._complain(path, f"{name} is {kind}, which cannot stand inside a text")
            return ""
        return json.dumps(value)

    def _value(self, name: str, path: Path) -> Any:
        value: Any = self._values
        for step in name.split("."):
            if not isinstance(value, dict) or step not in value:
                self._complain(path, f"there is no value {name!r}{did_you_mean(name, _names(self._values))}", _REMEDY)
                return ""
            value = value[step]
        if name not in self._sizes:
            self._sizes[name] = len(value) if isinstance(value, str) else len(json.dumps(value))
        self._budget -= self._sizes[name]
        if self._budget < 0:
            raise DefinitionError(f"values add more than {MAX_BYTES:,} characters to one document")
        return value

    def _complain(self, path: Path, what: str, remedy: str = "") -> None:
        self._complaints.append(Complaint(path, f"{what}; {remedy}" if remedy else what))


def _names(values: Values, before: str = "") -> list[str]:
    found = []
    for name, value in values.items():
        found += _names(value, f"{before}{name}.") if isinstance(value, dict) else [before + name]
    return found
