"""Texts of documents, JSON or YAML, to plain data; and from a part of the data back to its place in the text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any, NamedTuple

from orchestrator.dsl.yaml12 import MAX_BYTES, Yaml, split_documents
from orchestrator.model.complaints import Complaint, listing
from orchestrator.model.errors import DocumentError


@dataclass(frozen=True, slots=True)
class Parsed:
    """A document as plain data, with its text, in which the places of its parts are found."""

    value: Any
    source: str
    text: str
    yaml: Yaml | None
    """None for JSON: it is read as YAML when a place is asked for."""


class Placed(NamedTuple):
    """A complaint, with its place in a text."""

    mark: tuple[int, int]
    where: str
    what: str


def parse(text: str | bytes, source: str) -> list[Parsed]:
    """Read the documents of a text: one of JSON, or those of YAML with `---` between them.

    Raises:
        DocumentError: the text is neither JSON nor YAML, or it is too large.
    """
    text = _decoded(text, source)
    if text.lstrip()[:1] == "{":
        return [_parse(text, source)]
    return [_parse(part, source, above) for above, part in split_documents(text)]


def parse_one(text: str | bytes, source: str) -> Parsed:
    """Read a text that is one document.

    Raises:
        DocumentError: the text is neither JSON nor YAML, holds a second document, or is too large.
    """
    return _parse(_decoded(text, source), source)


def read_bytes(path: str | File) -> bytes:
    """Read a file.

    Raises:
        DocumentError: the file cannot be read.
    """
    try:
        return File(path).read_bytes()
    except OSError as error:
        raise DocumentError(f"cannot be read: {error.strerror}", where=str(path)) from None


def placed(complaints: Iterable[Complaint], parsed: Parsed) -> list[Placed]:
    """Return complaints with their places in the text, in the order of the text."""
    document = parsed.yaml or _yaml_of_json(parsed.text, parsed.source)
    found = []
    for complaint in complaints:
        where, mark = parsed.source, None
        if document is not None:
            mark = document.mark(complaint.path, key="no such field" in complaint.what)
            where = f"{parsed.source}:{mark}"
        found.append(Placed(mark or (0, 0), where, str(complaint)))
    return sorted(found)


def refusal(wrong: Sequence[Placed], source: str) -> DocumentError:
    """Return one error for all complaints."""
    if len(wrong) == 1:
        return DocumentError(wrong[0].what, where=wrong[0].where)
    return DocumentError(listing(f"{each.where}: {each.what}" for each in wrong), where=source)


def _decoded(text: str | bytes, source: str) -> str:
    if len(text) > MAX_BYTES:
        raise DocumentError(f"it has {len(text):,} bytes, more than {MAX_BYTES:,}", where=source)
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise DocumentError("it is not UTF-8", where=f"{source}, byte {error.start}") from None
    return text.removeprefix("\ufeff")


def _parse(text: str, source: str, above: int = 0) -> Parsed:
    """Read one document; `above` is the number of lines above it in its file."""
    if text.lstrip()[:1] == "{":
        return Parsed(_read_json(text, source), source, text, None)
    document = Yaml(text, source, above)
    return Parsed(document.value, source, text, document)


def _read_json(text: str, source: str) -> Any:
    def no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            Yaml(text, source)  # raises an error that names the place
            raise DocumentError("a key is there twice in one object", where=source)
        return found

    def no_constant(name: str) -> Any:
        raise DocumentError(f"{name} is not a number that JSON has", where=source)

    try:
        return json.loads(text, object_pairs_hook=no_duplicates, parse_constant=no_constant)
    except json.JSONDecodeError as error:
        yaml = _yaml_of_json(text, source)  # YAML may begin with a brace too
        if yaml is None:
            where = f"{source}:{error.lineno}:{error.colno}"
            raise DocumentError(f"not JSON: {error.msg}", where=where) from None
        return yaml.value
    except RecursionError:
        raise DocumentError("it nests too deep", where=source) from None
    except ValueError:
        raise DocumentError("a number is too long", where=source) from None


def _yaml_of_json(text: str, source: str) -> Yaml | None:
    """Read JSON as YAML, for the places. Return None if that fails, for example at an escape that only JSON has."""
    try:
        return Yaml(text, source)
    except DocumentError:
        return None
