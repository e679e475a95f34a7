"""Holds JSON documents to the shapes that the commands declare."""

from __future__ import annotations

from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

import click

from orchestrator.cli.base import AppContext, Command
from orchestrator.cli.main import orchestrator


def shape_of(args: tuple[str, ...]) -> Any:
    """Return the shape that a command line prints with `--json`."""
    ctx = click.Context(orchestrator, info_name="orchestrator", obj=AppContext(None))
    command: click.Command | None = orchestrator
    for word in args[2:] if args[0] == "-A" else args:
        if not isinstance(command, click.Group):
            break
        command = command.get_command(ctx, word)
    assert isinstance(command, Command), args
    return command.shape


def misfits(value: Any, shape: Any, path: str = "$") -> Iterator[str]:
    """Yield what a document has that its shape has not, or the other way round."""
    origin, args = get_origin(shape), get_args(shape)
    if shape is Any:
        return
    if origin in (Annotated, NotRequired):
        yield from misfits(value, args[0], path)
    elif origin in (Union, UnionType):
        found = [list(misfits(value, each, path)) for each in args]
        yield from [] if [] in found else min(found, key=len)
    elif origin is Literal:
        if value not in args:
            yield f"{path}: {value!r} is none of {args}"
    elif is_typeddict(shape):
        yield from _fields(value, shape, path)
    elif origin is list and isinstance(value, list):
        for at, each in enumerate(value):
            yield from misfits(each, args[0], f"{path}[{at}]")
    elif origin is dict and isinstance(value, dict):
        for key, each in value.items():
            yield from misfits(each, args[1], f"{path}.{key}")
    elif shape is float and isinstance(value, int) and not isinstance(value, bool):
        return
    elif type(value) is not (origin or shape):
        yield f"{path}: {value!r} is no {shape}"


def _fields(value: Any, shape: Any, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is no {shape.__name__}"
        return
    hints = get_type_hints(shape, include_extras=True)
    for name in shape.__required_keys__ - value.keys():
        yield f"{path} has no {name}"
    for name, each in value.items():
        if name not in hints:
            yield f"{path} has {name}, which {shape.__name__} has not"
        else:
            yield from misfits(each, hints[name], f"{path}.{name}")
