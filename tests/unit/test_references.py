"""What docstrings, comments and pages name exists: files, modules, what is in them, and commands."""

from __future__ import annotations

import ast
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from orchestrator.cli.base import AppContext
from orchestrator.cli.main import orchestrator

ROOT = Path(__file__).parents[2]
CODE = ("orchestrator", "tasks", "workers", "ops")
QUOTED = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
FILE = re.compile(r"[\w./-]*\w\.(?:py|lua|md|toml|yml)")
DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
SEE = re.compile(r"\b[Ss]ee (`[^`\n]+`)")
NO_MODULES = {
    "orchestrator.env": "a file of settings",
    "orchestrator.tasks": "the group of entry points",
    **{f"orchestrator.{task}": "a task" for task in ("turn", "noop", "python", "shell", "sleep", "http")},
}
"""Names that begin like a module of ours."""
OBJECTS = {"job", "params", "run", "server", "state"}
"""Values in examples, which are named as modules are."""


@cache
def files() -> list[Path]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [Path(line) for line in listed.splitlines() if (ROOT / line).is_file()]


@cache
def texts() -> list[tuple[Path, str]]:
    return list(_texts())


def _texts() -> Iterator[tuple[Path, str]]:
    """Yield the docstrings and comments of modules, and pages whole."""
    for path in files():
        source = ROOT / path
        if path.suffix == ".md" and path.name != "CHANGELOG.md":
            yield path, re.sub(r"```.*?```", "", source.read_text(), flags=re.S)
        elif path.suffix == ".py" and path.parts[0] in CODE:
            code = source.read_text()
            for node in ast.walk(ast.parse(code)):
                match node:
                    case ast.Expr(ast.Constant(str(docstring))):
                        yield path, docstring
            yield path, "\n".join(re.findall(r"#.*", code))


@cache
def quoted() -> list[tuple[Path, str]]:
    return sorted({(path, found) for path, text in texts() for found in QUOTED.findall(text)})


@cache
def definitions() -> dict[str, set[str]]:
    """Return what each module and each class has, by its own short name: `guard` and `Guard` are keys."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in files():
        if path.suffix == ".py" and path.parts[0] in CODE:
            tree = ast.parse((ROOT / path).read_text())
            name = path.parent.name if path.stem == "__init__" else path.stem
            found[name] |= names(tree.body)
            found[path.parent.name].add(name)
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef):
                    bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
                    found[node.name] |= names(node.body) | bases
    return found


def names(body: list[ast.stmt]) -> set[str]:
    found: set[str] = set()
    for node in body:
        for inner in ast.walk(node):
            if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found.add(inner.name)
            elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                found.add(inner.id)
            elif isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store):
                found.add(inner.attr)
            elif isinstance(inner, ast.alias):
                found.add(inner.asname or inner.name)
    return found


def has(owner: str, name: str) -> bool:
    """Tell whether a module or class, or a class above it, has a name."""
    known = definitions().get(owner, set())
    return name in known or any(has(base, name) for base in known if base in definitions() and base[0].isupper())


def test_files_that_are_named_exist() -> None:
    stems = {path.name for path in files()}
    bases = [ROOT, ROOT / "orchestrator", ROOT / "orchestrator/state", ROOT / "docs"]
    absent = []
    for path, text in quoted():
        if FILE.fullmatch(text) and "/" in text:
            if not any((base / text).exists() for base in [*bases, (ROOT / path).parent]):
                absent.append(f"{path}: {text}")
        elif FILE.fullmatch(text) and text.endswith((".py", ".lua")) and text not in stems:
            absent.append(f"{path}: {text}")
    assert not absent, "\n".join(absent)


def test_modules_and_their_names_exist() -> None:
    absent = []
    for path, text in quoted():
        text = text.removesuffix("()")
        if DOTTED.fullmatch(text) and text not in NO_MODULES:
            owner, name = text.split(".")[-2:]
            ours = text.startswith("orchestrator.") or (owner in definitions() and owner not in OBJECTS)
            if ours and not has(owner, name):
                absent.append(f"{path}: {text}")
    assert not absent, "\n".join(absent)


def test_what_a_text_says_to_see_exists() -> None:
    everything = set(definitions()) | set().union(*definitions().values())
    absent = []
    for path, text in texts():
        for found in SEE.findall(text):
            name = found.strip("`").removesuffix("()")
            if re.fullmatch(r"[A-Za-z_]\w*", name) and name not in everything:
                absent.append(f"{path}: see {name}")
    assert not absent, "\n".join(absent)


@pytest.fixture(scope="module")
def root() -> click.Context:
    return click.Context(orchestrator, info_name="orchestrator", obj=AppContext(None))


def test_commands_that_are_named_exist(root: click.Context) -> None:
    absent = []
    for path, text in quoted():
        if text.startswith("orchestrator ") and not known(text.split()[1:], root):
            absent.append(f"{path}: {text}")
    assert not absent, "\n".join(absent)


def known(words: list[str], root: click.Context) -> bool:
    """Tell whether words name a command: options before it, and whatever stands behind it, are not looked at."""
    command: click.Command = orchestrator
    if words[0] == "-A":
        words = words[2:]
    for word in words:
        if not isinstance(command, click.Group):
            return True
        if not re.fullmatch(r"[a-z-]+", word):
            return True
        found = command.get_command(root, word)
        if found is None:
            return False
        command = found
    return True
