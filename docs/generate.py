"""Writes the pages of docs/reference that come from the code. `--check` only tells which of them are stale."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from enum import IntEnum
from pathlib import Path
from typing import Literal, TypeVar, get_args, get_origin

import click
from pydantic import ByteSize
from pydantic.fields import FieldInfo

from orchestrator.cli.base import AppContext
from orchestrator.cli.main import orchestrator
from orchestrator.model.states import JOB_MOVES, RUN_MOVES
from orchestrator.settings import FROM_FILES, PREFIX, Settings

S = TypeVar("S", bound=IntEnum)

REFERENCE = Path(__file__).parent / "reference"
NOTE = "<!-- Written by docs/generate.py from the code: `make docs`. -->"


def settings() -> str:
    """Return the page of all settings."""
    rows = [
        f"| `{PREFIX}{name.upper()}` | {_default(field)} | {_text(field)} |"
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


def _text(field: FieldInfo) -> str:
    text = " ".join((field.description or "").split())
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


PAGES: dict[str, Callable[[], str]] = {"commands.md": commands, "settings.md": settings, "states.md": states}


def main(arguments: list[str]) -> int:
    """Write the pages, or with `--check` tell the stale ones and return 1."""
    stale = []
    for name, page in PAGES.items():
        path, text = REFERENCE / name, page()
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
