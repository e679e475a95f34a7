"""Turns whatever a command raises into one clear line on stderr and an exit code. There is never a traceback.

Exit codes: 0 ok, 1 the run failed (or was not over in time), 2 bad usage, bad input, or a server that is not there;
130 after Ctrl-C.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable

import click

from orchestrator.model.errors import DefinitionError, OrchestratorError, ParameterError

INTERRUPTED = 130


def run(command: Callable[[], object]) -> int:
    """Call a command and return the process's exit code; errors go to stderr as one line."""
    try:
        code = command()
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of our output had enough, as in `… | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except BaseException as error:  # noqa: BLE001 — the last frame of the process: everything ends as a line here
        if isinstance(error, SystemExit):
            return error.code if isinstance(error.code, int) else 0 if error.code is None else 2
        line, status = line_of(error)
        if line:
            print(line, file=sys.stderr)
        return status
    return code if isinstance(code, int) else 0


def line_of(error: BaseException) -> tuple[str, int]:
    """Return the line and the exit code of an error. The line is empty if there is nothing to print."""
    match error:
        case click.exceptions.Exit():
            return "", error.exit_code
        case click.Abort() | KeyboardInterrupt():
            return "", INTERRUPTED
        case click.exceptions.NoArgsIsHelpError():
            return error.ctx.get_help() if error.ctx else "", 2
        case click.UsageError():
            hint = f" (see {error.ctx.command_path} --help)" if error.ctx else ""
            return _line(error.format_message().rstrip(".") + hint), 2
        case click.ClickException():
            return _line(error.format_message()), 2
        case DefinitionError() | ParameterError():  # several complaints, each on its line
            return f"error: {error}", error.exit_code
        case OrchestratorError():
            return _line(str(error)), error.exit_code
        case _:
            frames = traceback.extract_tb(error.__traceback__)
            where = f" at {os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""
            return _line(f"{type(error).__name__}: {error}{where} (this is a bug: please report it)"), 2


def _line(text: str) -> str:
    parts = [part.strip() for part in text.splitlines() if part.strip()]
    return f"error: {' · '.join(parts)}"
