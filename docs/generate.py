"""Writes the generated files: pages of docs/reference, and the faces of the client.

`--check` only tells which of these files are stale.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import runpy
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import IntEnum
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, TypeVar, get_args, get_origin, get_type_hints, is_typeddict

import click
from pydantic import ByteSize
from pydantic.fields import FieldInfo

from orchestrator.cli.base import AppContext, Command
from orchestrator.cli.main import orchestrator
from orchestrator.model import shapes
from orchestrator.model.states import JOB_MOVES, RUN_MOVES
from orchestrator.settings import FROM_FILES, PREFIX, Settings

S = TypeVar("S", bound=IntEnum)

REFERENCE = Path(__file__).parent / "reference"
NOTE = "<!-- Written by docs/generate.py from the code: `make docs`. -->"


def settings() -> str:
    """Return the page of all settings."""
    texts = _texts_below_fields(Settings)
    rows = [
        f"| `{PREFIX}{name.upper()}` | {_default(field)} | {_text(field, texts[name])} |"
        for name, field in Settings.model_fields.items()
    ]
    files = " and ".join(f"`{PREFIX}{name.upper()}_FILE`" for name in FROM_FILES)
    return f"""{NOTE}
# Settings

Each setting is an environment variable `{PREFIX}<NAME>`, a line of the same form in a `.env` file, or a key (`name` in
lower case) of `[tool.orchestrator]` in `pyproject.toml`; both files are those of the current folder. The first source
that has a value wins, in that order. An empty variable counts as unset.

| variable | default | meaning |
| --- | --- | --- |
{chr(10).join(rows)}

{files} name a file that holds the value, as Docker and Kubernetes mount secrets.

A wrong value ends the command with exit code 2 and one line that names where the value stands. Passwords in addresses
are never shown.
"""


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None or field.default is None:
        return "unset"
    if field.annotation is ByteSize:
        return f"`{ByteSize(field.default).human_readable().replace('.0', '')}`"
    return f"`{field.default:g}`" if isinstance(field.default, float) else f"`{field.default}`"


def _texts_below_fields(model: type) -> dict[str, str]:
    """Return the texts that stand below the fields of a class in its source, by field."""
    (body,) = ast.parse(inspect.getsource(model)).body
    assert isinstance(body, ast.ClassDef)
    return {
        field.target.id: below.value.value
        for field, below in pairwise(body.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str)
    }


def _text(field: FieldInfo, below: str) -> str:
    text = " ".join(below.split())
    if get_origin(field.annotation) is Literal:
        text += f" One of {', '.join(f'`{choice}`' for choice in get_args(field.annotation))}."
    return text


def states() -> str:
    """Return the page of the states of runs and job runs."""
    return f"""{NOTE}
# States

What a run and a job run can be, and which state script makes each move. A job run without a record yet is `waiting`.

## Runs

{_moves(RUN_MOVES, start="queued")}

## Job runs

{_moves(JOB_MOVES, start="waiting")}
"""


def _moves(moves: Mapping[tuple[S, S], frozenset[str]], start: str) -> str:
    diagram = "\n".join(f"    {before.name} --> {after.name}" for before, after in moves)
    last = {after for _, after in moves} - {before for before, _ in moves}
    ends = "\n".join(f"    {state.name} --> [*]" for state in sorted(last))
    rows = "\n".join(
        f"| `{before.name}` | `{after.name}` | {', '.join(f'`{script}`' for script in sorted(scripts))} |"
        for (before, after), scripts in moves.items()
    )
    return f"""```mermaid
stateDiagram-v2
    [*] --> {start}
{diagram}
{ends}
```

| from | to | by |
| --- | --- | --- |
{rows}"""


def commands() -> str:
    """Return the page of all commands."""
    root = click.Context(orchestrator, info_name="orchestrator", obj=AppContext(None))
    sections = "\n".join(_commands(orchestrator, root))
    return f"""{NOTE}
# Commands

What they have in common (exit codes, errors, `--json`) is in [cli.md](cli.md).

{sections}"""


def _commands(command: click.Command, ctx: click.Context) -> Iterator[str]:
    """Yield the sections of a command and of those below it."""
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            found = command.get_command(ctx, name)
            assert found is not None
            yield from _commands(found, click.Context(found, info_name=name, parent=ctx))
        return
    usage = " ".join(command.collect_usage_pieces(ctx))
    yield f"## `{ctx.command_path}`\n\n```\n{ctx.command_path} {usage}\n```\n"
    yield f"{inspect.cleandoc(command.help or '').replace(chr(8) + chr(10), '')}\n"
    options = [param for param in command.params if isinstance(param, click.Option) and param.name != "as_json"]
    if options:
        yield "| option | meaning |\n| --- | --- |"
        for option in options:
            name, meaning = option.get_help_record(ctx) or ("", "")
            cells = (f"`{name}`", " ".join(meaning.split()))
            yield "| {} | {} |".format(*(cell.replace("|", "\\|") for cell in cells))
        yield ""


CLI = """# Command line

`orchestrator COMMAND …`, or the same commands as `celery -A proj orchestrator COMMAND …`; [commands.md](commands.md)
lists them. `-A proj` (or `CELERY_APP`) names your Celery app. Then its router says where tasks run that are known by
name only, and `worker` and `up` start workers of it. `orchestrator completion bash|zsh|fish` prints a completion
script.

**Exit codes**: 0 all is well; 1 the run failed, was cancelled, ran out of time or was not over in time, or a check of
`doctor` failed; 2 wrong usage, wrong input, or a server that is not there; 130 after Ctrl-C.

**Errors** are on stderr. An error is one line: where (file:line:column, or the path in a document), what, and what to
do. If several things are wrong with a definition, each has its line. Colours and live pictures are for terminals.
Elsewhere, and under `NO_COLOR`, output is plain, and a watched run prints one line a transition.

**`--json`** prints one document on stdout. With `--wait`, a run is printed as it ended. `replay` reads a
[trace](#trace), or a [WfCommons](https://wfcommons.org) instance in WfFormat 1.5."""


def cli() -> str:
    """Return the page of what all commands have in common, and of the documents that `--json` prints."""
    root = click.Context(orchestrator, info_name="orchestrator", obj=AppContext(None))
    printed = [(path.removeprefix("orchestrator "), shape) for path, shape in _shapes(orchestrator, root)]
    at = [path for path, _ in printed].index("runs show")
    printed.insert(at + 1, ("runs show --trace", shapes.Trace))
    by_shape: dict[str, list[str]] = {}
    for path, shape in printed:
        by_shape.setdefault(_value(shape), []).append(f"`{path}`")
    rows = "\n".join(f"| {', '.join(paths)} | {shape} |" for shape, paths in by_shape.items())
    values = "\n".join(f"| {name} | {meaning} |" for name, meaning in VALUES.items())
    sections = "\n".join(_section(shape) for shape in _reached(shape for _, shape in printed))
    return f"""{NOTE}
{CLI}

| command | document |
| --- | --- |
{rows}

## Values

| value | meaning |
| --- | --- |
{values}

## Shapes

A field that is marked *optional* may be missing. Every other field is there.

{sections}"""


VALUES = {
    "time": "ISO 8601 in UTC with microseconds",
    "local time": "ISO 8601 with the offset of the time zone",
    "date": "ISO 8601, as in 2027-03-01",
    "workflow document": "as in [definitions](../guides/definitions.md); `workflows schema` prints its JSON Schema",
    "definition of a schedule": "as in [schedules](schedules.md)",
    "definition of a trigger": "as in [events](../guides/events.md)",
    "definition of a calendar": "as in [schedules](schedules.md)",
}
"""The names of values in documents (`orchestrator.model.shapes.values`)."""
PLAIN = {str: "text", int: "number", float: "number", bool: "true or false", type(None): "null", Any: "any JSON"}


def _shapes(command: click.Command, ctx: click.Context) -> Iterator[tuple[str, Any]]:
    """Yield the path of every command and the shape that it prints."""
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            found = command.get_command(ctx, name)
            assert found is not None
            yield from _shapes(found, click.Context(found, info_name=name, parent=ctx))
    else:
        assert isinstance(command, Command)
        yield ctx.command_path, command.shape


def _reached(printed: Iterable[Any]) -> list[Any]:
    """Return the classes of shapes in the order in which they are met, each before those inside it."""
    found: dict[Any, None] = {}

    def visit(shape: Any) -> None:
        if is_typeddict(shape):
            if shape in found:
                return
            found[shape] = None
            visit(_base(shape))
            for hint in get_type_hints(shape, include_extras=True).values():
                visit(hint)
        for part in get_args(shape):
            visit(part)

    for shape in printed:
        visit(shape)
    return list(found)


def _section(shape: Any) -> str:
    base = _base(shape)
    own = _fields(shape)[len(_fields(base)) if base else 0 :]
    rows = [f"| `{name}` | {_value(hint)} | {_meaning(hint)} |" for name, hint in own]
    about = inspect.cleandoc(shape.__doc__) + (f" It has the fields of {_value(base)}, and:" if base else "")
    head = ["| field | value | meaning |", "| --- | --- | --- |"]
    return "\n".join([f"### {_title(shape)}", "", about, "", *head, *rows, ""])


def _base(shape: Any) -> Any:
    """Return the shape whose fields are the first ones of this shape, None if there is none."""
    fields = _fields(shape)
    known = [each for each in map(shapes.__dict__.get, shapes.__all__) if is_typeddict(each) and each is not shape]
    fitting = [each for each in known if len(_fields(each)) > 1 and fields[: len(_fields(each))] == _fields(each)]
    return max(fitting, key=lambda each: len(each.__annotations__), default=None)


def _fields(shape: Any) -> list[tuple[str, Any]]:
    return list(get_type_hints(shape, include_extras=True).items())


def _title(shape: Any) -> str:
    """Return the name of a shape in words: `RunWithJobs` is `run with jobs`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", shape.__name__).lower()


def _value(hint: Any) -> str:
    """Return a type in words."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        names = [name for name in args[1:] if name in VALUES or name == "JSON Schema"]
        return names[0] if names else _value(args[0])
    if origin is NotRequired:
        return f"{_value(args[0])}, *optional*"
    if origin is Literal:
        return " or ".join(f"`{json.dumps(choice)}`" for choice in args)
    if origin is list:
        return f"list of {_value(args[0])}"
    if origin is dict:
        return f"{{name: {_value(args[1])}}}"
    if args:
        return " or ".join(map(_value, args))
    return f"[{_title(hint)}](#{_title(hint).replace(' ', '-')})" if is_typeddict(hint) else PLAIN[hint]


def _meaning(hint: Any) -> str:
    texts = [text for text in get_args(hint)[1:] if text not in VALUES] if get_origin(hint) is Annotated else []
    return str(texts[-1]) if texts else ""


def glossary() -> str:
    """Return the page of the words, from the one table of them."""
    words = tomllib.loads((Path(__file__).parent / "glossary.toml").read_text())["words"]
    rows = "\n".join(
        f"| {each['word']} | {each['meaning']}{_coinage(each)} | `{each['where']}` |"
        for each in sorted(words, key=lambda each: each["word"])
    )
    return f"""<!-- Written by docs/generate.py from docs/glossary.toml: `make docs`. -->
# Glossary

One word for one thing, everywhere: in code, keys, messages and pages. Words of the field keep their usual meaning. A
word of our own has its reason beside it.

| word | meaning | where it lives |
| --- | --- | --- |
{rows}
"""


def _coinage(entry: Mapping[str, str]) -> str:
    return f" *Why a word of our own:* {entry['coinage']}" if "coinage" in entry else ""


PAGES: dict[str, Callable[[], str]] = {
    "cli.md": cli,
    "commands.md": commands,
    "glossary.md": glossary,
    "settings.md": settings,
    "states.md": states,
}


def main(arguments: list[str]) -> int:
    """Write the files, or with `--check` tell the stale ones and return 1."""
    faces = runpy.run_path(str(Path(__file__).with_name("faces.py")))["faces"]
    tutorial = runpy.run_path(str(Path(__file__).with_name("tutorial.py")))["tutorial"]
    stale = []
    pages = {REFERENCE / name: page() for name, page in PAGES.items()}
    for path, text in {**pages, **faces(), **tutorial()}.items():
        if path.exists() and path.read_text() == text:
            continue
        if "--check" in arguments:
            stale.append(str(path))
        else:
            path.write_text(text)
    for path in stale:
        print(f"{path} is stale (make docs)", file=sys.stderr)  # noqa: T201
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
