"""The result of an import: workflow documents, the parts that could not be converted, and notes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from orchestrator.dsl.documents import load
from orchestrator.dsl.dollars import escape
from orchestrator.dsl.yaml12 import dump_yaml
from orchestrator.model import shapes
from orchestrator.model.errors import DefinitionError

LONGEST_NAME = 60
_UNFIT = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True)
class Remark:
    """A remark on a place in the source (`file:line`, or the name of an entry), with the text that stands there."""

    where: str
    what: str
    why: str

    def to_json(self) -> shapes.Remark:
        """Return its shape."""
        return {"where": self.where, "what": self.what, "why": self.why}

    def __str__(self) -> str:
        first, *more = self.what.splitlines() or [""]
        return f"{self.where}: {first}{' …' if more else ''}: {self.why}"


@dataclass
class Imported:
    """Workflow documents in the order of the source. `left` names what they lack, `notes` what changes nothing."""

    workflows: list[dict[str, Any]] = field(default_factory=list)
    left: list[Remark] = field(default_factory=list)
    notes: list[Remark] = field(default_factory=list)
    comments: dict[int, list[str]] = field(default_factory=dict)
    """Comments of the source that describe no workflow, by the index of the workflow that they stand before."""
    _names: set[str] = field(default_factory=set, repr=False)

    def leave(self, where: str, what: str, why: str) -> None:
        """Add a part of the source that could not be converted."""
        self.left.append(Remark(where, what, why))

    def note(self, where: str, what: str, why: str) -> None:
        """Add a note."""
        self.notes.append(Remark(where, what, why))

    def comment(self, where: str, text: str, why: str = "a comment above no job") -> None:
        """Keep a comment that describes no workflow."""
        self.comments.setdefault(len(self.workflows), []).append(text)
        self.note(where, text, why)

    def add(self, document: dict[str, Any], where: str, what: str) -> bool:
        """Add a document, given as plain data, under a free name and return True.

        A document that is not valid is left instead.
        """
        document = escape({**document, "name": free_name(document["name"], self._names)})
        try:
            load(dump_yaml(document))
        except DefinitionError as error:
            self.leave(where, what, error.what)
            return False
        self.workflows.append(document)
        self._names.add(document["name"])
        return True

    def to_json(self) -> shapes.Imported:
        """Return its shape."""
        return {
            "workflows": self.workflows,
            "left": [remark.to_json() for remark in self.left],
            "notes": [remark.to_json() for remark in self.notes],
        }

    def to_yaml(self) -> str:
        """Return the documents as one YAML text, with `---` between them."""
        return "---\n".join(self.yaml_of(at) for at in range(len(self.workflows)))

    def yaml_of(self, at: int) -> str:
        """Return one document as YAML, with the comments before it. Comments at the end go into the last document."""
        last = at == len(self.workflows) - 1
        texts = [*self.comments.get(at, []), *(self.comments.get(at + 1, []) if last else [])]
        head = "".join(f"# {_printable(line)}".rstrip() + "\n" for text in texts for line in text.splitlines())
        return head + dump_yaml(self.workflows[at])


def _printable(text: str) -> str:
    """Leave out the characters that YAML allows in no comment."""
    return "".join(character for character in text if character.isprintable() or character == "\t")


def fit_name(text: str, otherwise: str) -> str:
    """Return a workflow's name that is made of a text, or `otherwise` if no part of the text can be a name."""
    name = _UNFIT.sub("-", text).strip(".-")[:LONGEST_NAME].rstrip(".-")
    return name or otherwise


def free_name(name: str, taken: set[str]) -> str:
    """Return a name that is not taken: `backup`, then `backup-2`."""
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{name}-{number}"
    return found
