"""One word for one thing: the code, the tests and the pages keep to `docs/glossary.toml`."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GLOSSARY = tomllib.loads((ROOT / "docs" / "glossary.toml").read_text())
INSTEAD = {second: entry["word"] for entry in GLOSSARY["words"] for second in entry.get("not", ())}
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
