"""One word for one thing: the code, the tests and the pages keep to `docs/glossary.toml`."""

from __future__ import annotations

import io
import re
import subprocess
import tokenize
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GLOSSARY = tomllib.loads((ROOT / "docs" / "glossary.toml").read_text())
INSTEAD = {second: entry["word"] for entry in GLOSSARY["words"] for second in entry.get("not", ())}
NAMED_INSTEAD = {name: entry["word"] for entry in GLOSSARY["words"] for name in entry.get("not_named", ())}
CHECKED = {".py", ".lua", ".md", ".toml", ".yml", ".yaml"}
APART = (
    "docs/glossary.toml",
    "docs/reference/glossary.md",
    "tests/unit/test_glossary.py",
    "tests/data/",
    "CHANGELOG.md",
)
"""The glossary itself, recorded data, and what was true of earlier releases."""
PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
"""A word in text or inside a name: `HandTable` and `hand_table` both have two."""


def texts() -> Iterator[tuple[str, int, str]]:
    """Yield the lines of all files that are held to the glossary, each with its file and number."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines():
        path = ROOT / name
        if path.suffix in CHECKED and path.is_file() and not name.startswith(APART):
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                yield name, number, line


def without_english(line: str) -> str:
    """Leave out the phrases in which a second word is plain English."""
    for entry in GLOSSARY["english"]:
        for phrase in entry["phrases"]:
            line = line.replace(phrase, "")
    return line


def found(words: set[str]) -> list[str]:
    uses = []
    for name, number, line in texts():
        parts = {part.lower() for part in PART.findall(line)}
        if parts & words:
            uses += [f"{name}:{number}: {word} ({INSTEAD[word]}): {line.strip()}"
                     for word in words & {part.lower() for part in PART.findall(without_english(line))}]  # fmt: skip
    return uses


def test_nothing_has_a_second_word() -> None:
    uses = found(set(INSTEAD))
    assert not uses, "the glossary has one word for each of these:\n" + "\n".join(uses)


def names(path: str) -> Iterator[tuple[int, str]]:
    """Yield the names in a file of code, each with its line: no comments, no texts."""
    code = (ROOT / path).read_text(encoding="utf-8")
    if path.endswith(".py"):
        for token in tokenize.generate_tokens(io.StringIO(code).readline):
            if token.type == tokenize.NAME:
                yield token.start[0], token.string
    else:
        for number, line in enumerate(code.splitlines(), 1):
            for name in re.findall(r"[A-Za-z_]\w*", re.sub(r"--.*|'[^']*'", "", line)):
                yield number, name


def test_code_has_no_second_name() -> None:
    paths = dict.fromkeys(path for path, _, _ in texts() if path.endswith((".py", ".lua")))
    uses = [
        f"{path}:{number}: {name} ({NAMED_INSTEAD[name]})"
        for path in paths
        for number, name in names(path)
        if name in NAMED_INSTEAD
    ]
    assert not uses, "the glossary has one name for each of these:\n" + "\n".join(uses)


def test_no_word_is_its_own_second_word() -> None:
    words = {entry["word"] for entry in GLOSSARY["words"]}
    assert len(words) == len(GLOSSARY["words"])
    assert not words & INSTEAD.keys()


@pytest.mark.parametrize("entry", GLOSSARY["words"], ids=lambda entry: entry["word"])
def test_each_word_lives_somewhere(entry: dict[str, str]) -> None:
    assert (ROOT / entry["where"]).exists(), entry["where"]
    assert entry["meaning"].endswith(".")


def test_every_english_phrase_is_used_and_explained() -> None:
    lines = [line for _, _, line in texts()]
    for entry in GLOSSARY["english"]:
        assert entry["reason"]
        for phrase in entry["phrases"]:
            assert entry["word"] in phrase
            assert any(phrase in line for line in lines), f"nobody says {phrase!r}"
