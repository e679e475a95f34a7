"""Generates the two faces of the client, `orchestrator/client/sync.py` and `aio.py`, from the steps of its nouns.

A noun's public methods are generators of steps. Each becomes a method of the same signature and docstring that drives
them, with `await` in the asynchronous face. `docs/reference/client.md` lists them.

Two results are special: `Steps[RunSteps]` becomes a `Run`, and `Steps[Self]` the run itself.
"""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import FunctionType, ModuleType

from orchestrator.client import base, new_runs, run

ROOM = Path(__file__).parents[1] / "orchestrator" / "client"
NOTE = "Written by docs/faces.py from the nouns of this room: `make docs`."
PAGE = Path(__file__).parent / "reference" / "client.md"
TITLES = {"": "`Client` and `Run`, for programs and threads.", "Async": "`AsyncClient` and `AsyncRun`, for asyncio."}


def faces() -> dict[Path, str]:
    """Return the texts of both faces, and of the page that lists their methods, by their paths."""
    return {ROOM / "sync.py": _Face("").text(), ROOM / "aio.py": _Face("Async").text(), PAGE: _page()}


def _page() -> str:
    nouns = {f"client.{noun}": getattr(import_module(module), name) for noun, (module, name) in base.NOUNS.items()}
    every = {"client": new_runs.ClientSteps, "run": run.RunSteps, **nouns}
    sections = "\n".join(_section(path, steps) for path, steps in every.items())
    return f"""<!-- Written by docs/faces.py from the code: `make docs`. -->
# The client

`Client` is for programs and threads, `AsyncClient` for asyncio: the methods are the same, those of `AsyncClient` are
awaited. Both are context managers, and `close` ends their connections. `client.acting(who="ann", why="ticket 7")`
returns a client for the actions of Ann: a run that she cancels and a revision that she applies keep her name and her
reason.

Python's `help`, as in `help(Client().schedules.put)`, tells the arguments of a method and the errors that it raises.

{sections}"""


def _section(path: str, steps: type) -> str:
    """Return the methods of a noun, each with the first sentence of its docstring."""
    rows = [f"| `{path}.{verb.__name__}` | {_summary(verb)} |" for verb in _verbs(steps)]
    return "\n".join([f"## `{path}`", "", _summary(steps), "", "| method | meaning |", "| --- | --- |", *rows, ""])


def _summary(documented: type | FunctionType) -> str:
    return (inspect.getdoc(documented) or "").partition("\n\n")[0].replace("\n", " ").replace("|", "\\|")


class _Face:
    """One face: the prefix of its classes, and the imports that its annotations need."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.imports: set[str] = set()

    def text(self) -> str:
        classes = [self._client(), self._class(run.RunSteps, "Run", f"{self.prefix}RunBase")]
        for noun, (module, name) in base.NOUNS.items():
            steps = getattr(import_module(module), name)
            self.imports.add(f"from {module} import {name}")
            classes.append(self._class(steps, noun.capitalize(), f"{self.prefix}Face", typed=True))
        body = "\n\n".join(classes)
        guarded = "\n".join(f"    {line}" for line in sorted(self.imports))
        return _formatted(
            f'"""{TITLES[self.prefix]} {NOTE}"""\n\nfrom __future__ import annotations\n\n'
            "from collections.abc import Mapping, Sequence\nfrom functools import cached_property\n"
            "from typing import TYPE_CHECKING, Any\n\n"
            f"from orchestrator.client.base import {self.prefix}ClientBase, {self.prefix}Face, {self.prefix}RunBase\n\n"
            f"if TYPE_CHECKING:\n{guarded}\n\n{body}\n"
        )

    def _client(self) -> str:
        """Return the client's class: its own verbs, and a property for each noun."""
        lines = [self._class(new_runs.ClientSteps, "Client", f"{self.prefix}ClientBase")]
        lines += [
            "    @cached_property",
            f"    def _steps(self) -> ClientSteps:\n        from {new_runs.__name__} import ClientSteps\n",
            "        return ClientSteps(self._session)\n",
        ]
        self.imports.add(f"from {new_runs.__name__} import ClientSteps")
        for noun, (module, name) in base.NOUNS.items():
            face = f"{self.prefix}{noun.capitalize()}"
            summary = _summary(getattr(import_module(module), name))
            lines += [
                f'    @cached_property\n    def {noun}(self) -> {face}:\n        """{summary}"""',
                f"        from {module} import {name}\n",
                f"        return {face}(self._port, {name}(self._session))\n",
            ]
        return "\n".join(lines)

    def _class(self, steps: type, name: str, bases: str, *, typed: bool = False) -> str:
        module = sys.modules[steps.__module__]
        lines = [f"class {self.prefix}{name}({bases}):", _docstring(steps, 4), ""]
        if typed:
            lines.append(f"    _steps: {steps.__name__}\n")
        lines += [self._method(verb, module) for verb in _verbs(steps)]
        return "\n".join(lines)

    def _method(self, verb: FunctionType, module: ModuleType) -> str:
        signature = inspect.signature(verb)
        result = re.fullmatch(r"Steps\[(.*)\]", signature.return_annotation)
        assert result is not None, f"{verb.__qualname__} returns no steps"
        awaited = "await " if self.prefix else ""
        drive = f"{awaited}self._port.drive(self._steps.{verb.__name__}({_arguments(signature)}))"
        match result[1]:
            case "Self":
                returned, body = f"{self.prefix}Run", f"{drive}\n        return self"
            case "RunSteps":
                returned, body = f"{self.prefix}Run", f"return {self.prefix}Run(self._port, {drive})"
            case "None":
                returned, body = "None", drive
            case returned:
                body = f"return {drive}"
        self._need(signature, returned, module)
        typed = signature.replace(return_annotation=inspect.Signature.empty)
        definition = "async def" if self.prefix else "def"
        head = f"    {definition} {verb.__name__}{_source(typed)} -> {returned}:"
        return f"{head}\n{_docstring(verb, 8)}\n        {body}\n"

    def _need(self, signature: inspect.Signature, returned: str, module: ModuleType) -> None:
        """Note the imports of the names in a signature, as the noun's module has them or defines them."""
        annotations = [returned, *(each.annotation for each in signature.parameters.values() if each.name != "self")]
        names = set(re.findall(r"[A-Za-z_]\w*", " ".join(annotations))) - {"Any"}
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    if alias.name in names and node.module not in ("typing", "collections.abc"):
                        self.imports.add(f"from {node.module} import {alias.name}")
        for name in names & vars(module).keys():
            if getattr(vars(module)[name], "__module__", "typing") == "typing":  # an alias that the noun defines
                self.imports.add(f"from {module.__name__} import {name}")


def _verbs(steps: type) -> Iterator[FunctionType]:
    for name, member in vars(steps).items():
        if isinstance(member, FunctionType) and not name.startswith("_"):
            yield member


def _arguments(signature: inspect.Signature) -> str:
    parts = []
    for each in list(signature.parameters.values())[1:]:
        if each.kind is inspect.Parameter.VAR_KEYWORD:
            parts.append(f"**{each.name}")
        else:
            parts.append(f"{each.name}={each.name}" if each.kind is inspect.Parameter.KEYWORD_ONLY else each.name)
    return ", ".join(parts)


def _source(signature: inspect.Signature) -> str:
    """Write a signature with its annotations as they stand in the source, not as quoted texts."""
    return re.sub(r": '([^']*)'", r": \1", str(signature))


def _docstring(documented: type | FunctionType, indent: int) -> str:
    text = inspect.getdoc(documented) or ""
    lines = [f'"""{text}"""'] if "\n" not in text else [*f'"""{text}'.splitlines(), '"""']
    return "\n".join(f"{' ' * indent}{line}" if line else "" for line in lines)


def _formatted(text: str) -> str:
    for command in (["check", "--fix", "--quiet", "--select", "I"], ["format", "--quiet"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--stdin-filename", str(ROOM / "sync.py"), "-"]
        text = subprocess.run(ruff, input=text, capture_output=True, text=True, check=True).stdout  # noqa: S603
    return text
