"""What people give on the command line: names of schedules and triggers, files, moments, parameters."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click
from click.shell_completion import CompletionItem

from orchestrator.model.errors import ParameterError

if TYPE_CHECKING:
    from orchestrator.model.complaints import Complain

T = TypeVar("T")


def starter_argument(kind: Literal["schedule", "trigger"]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the argument that names a schedule or trigger, with completion."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from orchestrator.client import Client

        try:
            with Client() as made:
                known = made.schedules.names() if kind == "schedule" else made.triggers.names()
                return [CompletionItem(name) for name in known if name.startswith(incomplete)]
        except Exception:  # noqa: BLE001 — a completion that fails shows nothing
            return []

    return click.argument("starter_id", metavar=kind.upper(), callback=_whole, shell_complete=complete)


def _whole(ctx: click.Context, param: click.Parameter, given: str) -> str:
    """Read `workflow` alone as the schedule or trigger that has no name of its own."""
    return given if "/" in given else f"{given}/default"


def read_document(path: str, read: Callable[[Any, Complain], T | None]) -> T:
    """Read a file (`-` for stdin) that holds one definition.

    Raises:
        DefinitionError: the file cannot be read, holds none or several, or `read` complains of it.
    """
    from orchestrator.dsl.dollars import unescape
    from orchestrator.dsl.parsing import parse, placed, read_bytes, refusal
    from orchestrator.model.complaints import Complaint
    from orchestrator.model.errors import DocumentError

    source = "stdin" if path == "-" else path
    parsed = parse(sys.stdin.buffer.read() if path == "-" else read_bytes(path), source)
    if len(parsed) != 1:
        raise DocumentError(f"it holds {len(parsed)} documents, where one is wanted", where=source)
    complaints: list[Complaint] = []
    found = read(unescape(parsed[0].value), lambda where, what: complaints.append(Complaint(where, what)))
    if found is None:
        raise refusal(placed(complaints, parsed[0]), source)
    return found


def key_values(given: Sequence[str]) -> dict[str, str]:
    """Read the parameters that `-p KEY=VALUE` gave.

    Raises:
        ParameterError: one of them is not of that form.
    """
    found = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise ParameterError(f"{text!r} is not KEY=VALUE", where="-p")
        found[key] = value
    return found


class Moment(click.ParamType[date | datetime]):
    """A date or a moment in ISO 8601. A moment without an offset keeps none."""

    name = "ISO"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date | datetime:
        """Read a text."""
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
        except ValueError:
            self.fail(
                f"{value!r} is no date such as 2027-03-01, and no time such as 2027-03-01T02:00+01:00", param, ctx
            )
